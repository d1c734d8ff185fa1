// SPDX-License-Identifier: Apache-2.0
// Pages and files of servers that are no registries, over the same transport and by the same rules.
import { EXIT, Failure } from '@rkt/exit';
import { discard, headerOf } from './answer.ts';
import { pacedBody } from './body.ts';
import { type Environment } from './certificates.ts';
import { isWithoutTls, TransientFailure } from './errors.ts';
import { printUrl } from './redact.ts';
import { parseRetryAfter, RETRIES, withRetries, type RetryOptions } from './retry.ts';
import { makeTransport, TIMEOUTS, type HttpResponse, type Timeouts, type Transport } from './transport.ts';

/** What the way to a server, and to where it sends us, is made of. */
export interface WebOptions {
  /** The host that the user named, with its port: the only one whose certificate may be any, and which may be in a private network. */
  readonly host: string;
  /** Plain HTTP; any certificate. */
  readonly insecure: { readonly http: boolean; readonly tls: boolean };
  readonly environment: Environment;
  /** The headers that log in to a server that is asked over TLS: none if there is nothing to log in with. */
  readonly authorize: (url: URL) => Promise<Readonly<Record<string, string>>>;
  readonly userAgent: string;
  readonly note: (message: string) => void;
  readonly timeouts?: Partial<Timeouts>;
  readonly retry?: { readonly tries: number; readonly backoffMs: number };
}

/** What is asked for. */
export interface WebRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** The head of messages, such as `cannot fetch "x"`. */
  readonly cannot: string;
}

/** Gets pages and files. */
export interface Web {
  /** The answer of the server to which the redirects lead, whatever its status. */
  readonly get: (request: WebRequest) => Promise<HttpResponse>;
  /** The bytes of an answer, as long as they come fast enough. */
  readonly body: (response: HttpResponse, url: URL) => AsyncGenerator<Buffer>;
  /** The beginning of a page; undefined if the server has none (a status of 4xx). Where there is no TLS, plain HTTP if that is allowed. */
  readonly page: (
    url: URL,
    options: { readonly cannot: string; readonly bytesMax: number },
  ) => Promise<string | undefined>;
  /** How often and after which pauses something is tried again. */
  readonly retry: RetryOptions;
  readonly close: () => Promise<void>;
}

const REDIRECTS_MAX = 10;
const REDIRECT = new Set([301, 302, 303, 307, 308]);

/** Makes the way to a server; nothing is sent before the first question. */
export function makeWeb(options: WebOptions): Web {
  const timeouts: Timeouts = { ...TIMEOUTS, ...options.timeouts };
  const retry = options.retry ?? RETRIES;
  const transport = makeTransport({ ...options, insecureTls: options.insecure.tls, timeouts });
  const get = (request: WebRequest) => follow(transport, options, request);
  const body: Web['body'] = (response, url) => pacedBody(response, url.host, timeouts);
  return {
    get,
    body,
    page: (url, { cannot, bytesMax }) =>
      withRetries(retry, async () => {
        const response = await getAnyhow(get, options, { url, headers: { accept: 'text/html' }, cannot });
        if (response.status === 200) return readBeginning(body(response, url), bytesMax);
        if (response.status >= 400 && response.status < 500 && response.status !== 429) {
          await discard(response);
          return undefined;
        }
        throw await webFailure(response, cannot);
      }),
    retry,
    close: () => transport.close(),
  };
}

/** Asks a server over TLS, and without it if it does not speak it and the user allows that. */
async function getAnyhow(get: Web['get'], { insecure, note }: WebOptions, request: WebRequest): Promise<HttpResponse> {
  try {
    return await get(request);
  } catch (error) {
    // A server with a bad certificate does speak TLS: going on in the clear would hide that.
    if (!insecure.http || !(error instanceof Failure) || !isWithoutTls(error.cause)) throw error;
  }
  note(`talking to "${request.url.host}" without encryption`);
  return get({ ...request, url: new URL(request.url.href.replace(/^https:/, 'http:')) });
}

/** Sends a request and follows its redirects; credentials go to the very server that was asked and nowhere else. */
async function follow(
  transport: Transport,
  { insecure, authorize }: WebOptions,
  { url: first, headers, signal, cannot }: WebRequest,
): Promise<HttpResponse> {
  const refuse = (why: string) => new Failure(EXIT.notPermitted, `${cannot}: ${why}`);
  if (first.protocol !== 'https:' && !insecure.http) {
    throw refuse(`"${printUrl(first)}" is not encrypted: wanted https, or --insecure-options=http`);
  }
  let url = first;
  for (let redirects = 0; ; redirects += 1) {
    const own = url.origin === first.origin && url.protocol === 'https:' ? await authorize(url) : {};
    const response = await transport.request({ url, headers: { ...headers, ...own }, signal });
    if (!REDIRECT.has(response.status)) return response;
    await discard(response);
    if (redirects === REDIRECTS_MAX) throw refuse(`the server redirects more than ${REDIRECTS_MAX} times`);
    const next = URL.parse(headerOf(response, 'location') || 'none:', url.href);
    if (next === null || !['http:', 'https:'].includes(next.protocol) || next.username !== '') {
      throw refuse('the server redirects to no address');
    }
    if (url.protocol === 'https:' && next.protocol !== 'https:') {
      throw refuse(`the server redirects to "${printUrl(next)}", which is not encrypted`);
    }
    url = next;
  }
}

async function readBeginning(pieces: AsyncIterable<Buffer>, bytesMax: number): Promise<string> {
  const found: Buffer[] = [];
  let size = 0;
  for await (const piece of pieces) {
    found.push(piece);
    size += piece.byteLength;
    if (size >= bytesMax) break;
  }
  return new TextDecoder().decode(Buffer.concat(found).subarray(0, bytesMax));
}

/** What an answer that is no success is to the user. */
export async function webFailure(response: HttpResponse, cannot: string): Promise<Failure> {
  await discard(response);
  const { status } = response;
  if (status === 401 || status === 403) {
    return new Failure(EXIT.notPermitted, `${cannot}: access denied: wanted credentials for its host in auth.d`);
  }
  if (status === 404 || status === 410) return new Failure(EXIT.notFound, `${cannot}: the server has no such file`);
  const message = `${cannot}: bad HTTP status code: ${status}`;
  const afterMs = parseRetryAfter(headerOf(response, 'retry-after'), Date.now());
  if (status === 408 || status === 429 || status >= 500) return new TransientFailure(message, { afterMs });
  return new Failure(EXIT.unavailable, message);
}
