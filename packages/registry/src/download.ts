// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { type Digest } from '@rkt/names';
import { discard, failureOf, headerOf } from './answer.ts';
import { pacedBody } from './body.ts';
import { TransientFailure } from './errors.ts';
import { type Exchange } from './exchange.ts';
import { type Redactor } from './redact.ts';
import { pauseAfter } from './retry.ts';
import { type HttpResponse, type Timeouts } from './transport.ts';

/** A blob, or its part from an offset on. */
export interface BlobRequest {
  readonly repository: string;
  readonly digest: Digest;
  readonly size: number;
  readonly offset?: number;
  readonly signal?: AbortSignal | undefined;
}

/** What downloads from one registry share. */
export interface DownloadOptions {
  readonly open: () => Promise<Exchange>;
  readonly host: string;
  readonly timeouts: Timeouts;
  readonly retry: { readonly tries: number; readonly backoffMs: number };
  readonly redactor: Redactor;
}

/** After this much progress the failures before it are forgotten. */
const PROGRESS_BYTES = 1024 * 1024;

/** The bytes of a blob. After a cut the rest is asked for, from the registry anew, since the address it sent us to may have expired. */
export async function* download(options: DownloadOptions, request: BlobRequest): AsyncGenerator<Uint8Array> {
  const { size, signal } = request;
  let at = request.offset ?? 0;
  let [failures, lastFailureAt] = [0, at];
  for (;;) {
    try {
      for await (const piece of once(options, request, at)) {
        yield piece;
        at += piece.byteLength;
      }
      if (at >= size) return;
      throw new TransientFailure(`cannot fetch blob "${request.digest}": the connection was cut`);
    } catch (error) {
      if (at - lastFailureAt >= PROGRESS_BYTES) failures = 0;
      lastFailureAt = at;
      failures += 1;
      await pauseAfter(error, failures, { ...options.retry, signal });
    }
  }
}

/** One try: the bytes from an offset on, until the end or a cut. */
async function* once(options: DownloadOptions, request: BlobRequest, at: number): AsyncGenerator<Uint8Array> {
  const { host, timeouts, redactor } = options;
  const { repository, digest, signal } = request;
  const headers = at > 0 ? { range: `bytes=${at}-` } : {};
  const { get } = await options.open();
  const response = await get({ repository, path: `blobs/${digest}`, headers, signal, name: digest });
  const cannot = `cannot fetch blob "${digest}" of "docker://${host}/${repository}"`;
  if (response.status !== 200 && response.status !== 206) {
    throw await failureOf(response, { cannot, redactor, missing: 'the registry does not have it' });
  }
  const problem = problemOf(response, request, at);
  if (problem !== undefined) {
    await discard(response);
    throw new Failure(EXIT.dataRefused, `${cannot}: ${problem}`);
  }
  // A server that cannot continue sends it all: what is there already is passed over.
  let skip = response.status === 206 ? 0 : at;
  for await (const piece of pacedBody(response, host, timeouts)) {
    const rest = piece.subarray(skip);
    skip -= piece.byteLength - rest.byteLength;
    if (rest.byteLength > 0) yield rest;
  }
}

/** What is wrong with the head of an answer. */
function problemOf(response: HttpResponse, { size }: BlobRequest, at: number): string | undefined {
  const encoding = headerOf(response, 'content-encoding') ?? 'identity';
  if (encoding !== 'identity') return 'it was sent in another encoding than it is stored in';
  const length = headerOf(response, 'content-length');
  if (response.status === 200) {
    return length === undefined || Number(length) === size
      ? undefined
      : `it has ${Number(length)} bytes: wanted ${size}`;
  }
  const match = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(headerOf(response, 'content-range') ?? '');
  const [, first, last, total] = match ?? [];
  const isRest = Number(first) === at && Number(last) === size - 1 && (total === '*' || Number(total) === size);
  return isRest ? undefined : 'the registry continues it at another place than was asked for';
}
