// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { printable } from '@rkt/names';
import { discard, headerOf } from './answer.ts';
import { type Authorizer } from './auth.ts';
import { printUrl, type Redactor } from './redact.ts';
import { type HttpResponse, type Transport } from './transport.ts';

/** A question to the registry. */
export interface RegistryRequest {
  readonly repository: string;
  /** Below `/v2/REPOSITORY/`; from the root of the registry if it begins with a slash. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** What is asked for, in messages. */
  readonly name: string;
}

/** Asks a registry: with the authorization that it wants, through its redirects. */
export interface Exchange {
  /** The answer, whatever its status; a 401 means that no authorization helped. */
  readonly get: (request: RegistryRequest) => Promise<HttpResponse>;
  /** True if an answer of the registry itself said by this header, `NAME: 1`, that it has an extension. */
  readonly has: (header: string) => boolean;
}

/** What the exchange with one registry is made of. */
export interface ExchangeOptions {
  readonly registry: URL;
  readonly transport: Transport;
  readonly authorizer: Authorizer;
  readonly redactor: Redactor;
  readonly note: (message: string) => void;
}

const REDIRECTS_MAX = 5;
const LOGINS_MAX = 3;
const REDIRECT = new Set([301, 302, 303, 307, 308]);

/** Makes the exchange with one registry. */
export function makeExchange(options: ExchangeOptions): Exchange {
  const warned = new Set<string>();
  const flags = new Set<string>();
  return {
    get: async (request) => {
      const { response, isRegistry } = await getAuthorized(options, request);
      warn(response, options, warned);
      if (isRegistry) for (const [name, value] of Object.entries(response.headers)) if (value === '1') flags.add(name);
      return response;
    },
    has: (header) => flags.has(header),
  };
}

async function getAuthorized(options: ExchangeOptions, request: RegistryRequest): Promise<Followed> {
  const { authorizer } = options;
  const { repository } = request;
  for (let logins = 0; ; logins += 1) {
    const header = await authorizer.headerFor(repository);
    const followed = await follow(options, request, header);
    const { response, isRegistry } = followed;
    const isRefused = response.status === 401 || (response.status === 403 && 'www-authenticate' in response.headers);
    if (!isRefused || !isRegistry || logins === LOGINS_MAX) return followed;
    if (!(await authorizer.learn(response, { repository, header }))) return followed;
    await discard(response);
  }
}

interface Followed {
  readonly response: HttpResponse;
  /** False if the answer is of somebody to whom the registry sent us. */
  readonly isRegistry: boolean;
}

/** Sends a request and follows its redirects; the authorization goes to the very origin of the registry and nowhere else. */
async function follow(options: ExchangeOptions, request: RegistryRequest, authorization?: string): Promise<Followed> {
  const { registry, transport } = options;
  const { path } = request;
  // Put together as text: a path with two slashes at its beginning is no other host.
  let url = new URL(`${registry.origin}${path.startsWith('/') ? path : `/v2/${request.repository}/${path}`}`);
  for (let redirects = 0; ; redirects += 1) {
    const isRegistry = url.origin === registry.origin;
    const own = isRegistry && authorization !== undefined ? { authorization } : {};
    const response = await transport.request({ url, headers: { ...request.headers, ...own }, signal: request.signal });
    if (!REDIRECT.has(response.status)) return { response, isRegistry };
    await discard(response);
    const refuse = (why: string) => {
      throw new Failure(EXIT.notPermitted, `cannot fetch "${printable(request.name)}": ${why}`);
    };
    if (redirects === REDIRECTS_MAX) refuse(`the registry redirects more than ${REDIRECTS_MAX} times`);
    const next = targetOf(headerOf(response, 'location'), url);
    if (next === undefined) return refuse('the registry redirects to no address');
    if (url.protocol === 'https:' && next.protocol !== 'https:') {
      refuse(`the registry redirects to "${printUrl(next)}", which is not encrypted`);
    }
    url = next;
  }
}

function targetOf(location: string | undefined, base: URL): URL | undefined {
  const url = location === undefined ? null : URL.parse(location, base.href);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) return undefined;
  return url;
}

/** Shows the warnings of a registry, each once: distribution specification, "Warnings". */
function warn({ headers }: HttpResponse, { note, redactor, registry }: ExchangeOptions, warned: Set<string>): void {
  for (const header of [headers['warning'] ?? []].flat().slice(0, 10)) {
    const text = /^299 - "((?:[^"\\]|\\.)*)"/s.exec(header)?.[1]?.replace(/\\(.)/gs, '$1');
    if (text === undefined || warned.has(text)) continue;
    warned.add(text);
    note(`"${registry.host}" warns: ${redactor.redact(text)}`);
  }
}
