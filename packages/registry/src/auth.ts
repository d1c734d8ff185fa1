// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { parseChallenges, type Challenge } from './challenge.ts';
import { type Credentials } from './credentials.ts';
import { isOfSameDomain, parseRealm } from './realm.ts';
import { printUrl, type Redactor } from './redact.ts';
import { requestToken, type Token } from './token.ts';
import { type HttpResponse, type Transport } from './transport.ts';

/** What the authorization of one registry is made of. */
export interface AuthorizerOptions {
  /** Where the registry is. */
  readonly registry: URL;
  readonly transport: Transport;
  readonly redactor: Redactor;
  readonly credentials: (repository: string) => Promise<Credentials | undefined>;
  /** Hosts of other domains to which the user lets us send the credentials of the registry. */
  readonly tokenHosts: readonly string[];
  readonly note: (message: string) => void;
  readonly retry: { readonly tries: number; readonly backoffMs: number };
}

/** What a request was sent with. */
export interface Sent {
  readonly repository: string;
  readonly header: string | undefined;
}

/** Knows which `Authorization` header the registry wants. */
export interface Authorizer {
  readonly headerFor: (repository: string) => Promise<string | undefined>;
  /** Takes in a refusal; false if there is no better header than the one that was sent. */
  readonly learn: (response: HttpResponse, sent: Sent) => Promise<boolean>;
}

/** A token this old is asked for anew when it is refused; a younger one is not. */
const YOUNG_MS = 30_000;

type Mode =
  { readonly kind: 'none' } | { readonly kind: 'basic' } | { readonly kind: 'bearer'; readonly challenge: Challenge };

/** Makes the authorization of one registry: it begins without any and learns from the registry's challenges. */
export function makeAuthorizer(options: AuthorizerOptions): Authorizer {
  let mode: Mode = { kind: 'none' };
  const tokens = new Map<string, Promise<Token>>();

  const tokenFor = (
    repository: string,
    challenge: Challenge,
    scope = `repository:${repository}:pull`,
  ): Promise<Token> => {
    const made = getToken(options, { repository, challenge, scope });
    tokens.set(repository, made);
    made.catch(() => tokens.delete(repository));
    return made;
  };

  return {
    headerFor: async (repository) => {
      if (mode.kind === 'none') return undefined;
      if (mode.kind === 'basic') return basicHeader(options, repository);
      const known = await tokens.get(repository);
      const token =
        known !== undefined && known.expiresMs > Date.now() ? known : await tokenFor(repository, mode.challenge);
      return `Bearer ${token.text}`;
    },
    learn: async (response, { repository, header }) => {
      const challenges = parseChallenges(response.headers['www-authenticate'] ?? []);
      const bearer = challenges.find(({ scheme, parameters }) => scheme === 'bearer' && parameters.has('realm'));
      if (bearer === undefined) {
        if (header !== undefined || !challenges.some(({ scheme }) => scheme === 'basic')) return false;
        mode = { kind: 'basic' };
        return true;
      }
      mode = { kind: 'bearer', challenge: bearer };
      const known = await tokens.get(repository);
      if (known === undefined || header !== `Bearer ${known.text}`) return true;
      const scope = bearer.parameters.get('scope');
      if (bearer.parameters.get('error') === 'insufficient_scope' && scope !== undefined && scope !== known.scope) {
        await tokenFor(repository, bearer, scope);
        return true;
      }
      tokens.delete(repository);
      return Date.now() - known.issuedMs > YOUNG_MS;
    },
  };
}

async function basicHeader(
  { registry, credentials, redactor, note }: AuthorizerOptions,
  repository: string,
): Promise<string> {
  const found = await credentials(repository);
  if (found?.kind !== 'password') {
    throw new Failure(
      EXIT.notPermitted,
      `cannot log in to "${registry.host}": it wants a name and password: none in auth.json or config.json`,
    );
  }
  if (registry.protocol === 'http:') note(`sending a password to "${registry.host}" without encryption`);
  const encoded = Buffer.from(`${found.username}:${found.password}`).toString('base64');
  redactor.add(encoded);
  redactor.add(found.password);
  return `Basic ${encoded}`;
}

interface TokenWish {
  readonly repository: string;
  readonly challenge: Challenge;
  readonly scope: string;
}

async function getToken(options: AuthorizerOptions, { repository, challenge, scope }: TokenWish): Promise<Token> {
  const { registry, transport, redactor, retry } = options;
  const realm = parseRealm(challenge.parameters.get('realm') ?? '', registry);
  const credentials = await options.credentials(repository);
  if (credentials !== undefined) checkRealm(realm, options);
  if (credentials?.kind === 'identity') redactor.add(credentials.token);
  if (credentials?.kind === 'password') redactor.add(credentials.password);
  const service = challenge.parameters.get('service');
  return requestToken({ realm, service, scope, credentials, transport, redactor, retry, host: registry.host });
}

/** Refuses to show the registry's credentials to somebody else, whom it only names. */
function checkRealm(realm: URL, { registry, tokenHosts, note }: AuthorizerOptions): void {
  if (!isOfSameDomain(realm.hostname, registry.hostname) && !tokenHosts.includes(realm.host)) {
    throw new Failure(
      EXIT.notPermitted,
      `cannot log in to "${registry.host}": its token server "${printUrl(realm)}" is of another domain: ` +
        `--token-host=${realm.host} sends the password there`,
    );
  }
  if (realm.protocol === 'http:') note(`sending a password to "${realm.host}" without encryption`);
}
