// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { parseJson } from '@rkt/formats';
import { printable } from '@rkt/names';
import { discard, failureOf } from './answer.ts';
import { readBody } from './body.ts';
import { type Credentials } from './credentials.ts';
import { printUrl, type Redactor } from './redact.ts';
import { withRetries } from './retry.ts';
import { recordOf, textOf } from './shape.ts';
import { type HttpResponse, type Transport } from './transport.ts';

/** A token of a registry. */
export interface Token {
  readonly text: string;
  readonly scope: string;
  readonly issuedMs: number;
  readonly expiresMs: number;
}

/** What a token is asked for with. */
export interface TokenRequest {
  readonly realm: URL;
  readonly service: string | undefined;
  readonly scope: string;
  readonly credentials: Credentials | undefined;
  readonly transport: Transport;
  readonly redactor: Redactor;
  readonly retry: { readonly tries: number; readonly backoffMs: number };
  /** The registry, for messages. */
  readonly host: string;
}

const TOKEN_BYTES_MAX = 1024 * 1024;

/** A token lives at least this long, whatever its server says: the distribution specification's minimum. */
const LIFE_S_MIN = 60;

/** Asks a token server for a token: anonymously, with a password, or with an identity token. */
export async function requestToken(request: TokenRequest): Promise<Token> {
  const { redactor, host, scope, realm } = request;
  const cannot = `cannot log in to "${printable(host)}"`;
  return withRetries(request.retry, async () => {
    const response = await send(request);
    if (response.status >= 300 && response.status < 400) {
      await discard(response);
      throw new Failure(EXIT.unavailable, `${cannot}: its token server "${printUrl(realm)}" redirects elsewhere`);
    }
    if (response.status !== 200)
      throw await failureOf(response, { cannot, redactor, missing: 'it has no token server' });
    const bytes = await readBody(response.body, 'a token', TOKEN_BYTES_MAX);
    return parseToken(
      parseJson(bytes, { what: `the token of "${printable(host)}"`, limitBytes: TOKEN_BYTES_MAX }),
      request,
      scope,
    );
  });
}

async function send({ realm, service, scope, credentials, transport }: TokenRequest): Promise<HttpResponse> {
  if (credentials?.kind === 'identity') {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      service: service ?? realm.host,
      client_id: 'rkt',
      scope,
      refresh_token: credentials.token,
    });
    return transport.request({ url: realm, headers: {}, form });
  }
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set('service', service);
  url.searchParams.append('scope', scope);
  if (credentials === undefined) return transport.request({ url, headers: {} });
  url.searchParams.set('account', credentials.username);
  const encoded = Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64');
  return transport.request({ url, headers: { authorization: `Basic ${encoded}` } });
}

function parseToken(answer: unknown, { redactor, host }: TokenRequest, scope: string): Token {
  const text = textOf(answer, 'token') ?? textOf(answer, 'access_token');
  // Nothing but visible ASCII: the token becomes part of a header.
  if (text === undefined || !/^[\u0021-\u007e]+$/.test(text)) {
    throw new Failure(EXIT.dataRefused, `cannot log in to "${printable(host)}": its token server sends no token`);
  }
  redactor.add(text);
  const lifeS = Number(recordOf(answer)['expires_in'] ?? 0);
  const issuedMs = Date.now();
  return {
    text,
    scope,
    issuedMs,
    expiresMs: issuedMs + Math.max(LIFE_S_MIN, Number.isFinite(lifeS) ? lifeS : 0) * 1000,
  };
}
