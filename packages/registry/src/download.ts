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
  /** Manifests of schema 1 do not say it: then it is what the registry says. */
  readonly size: number | undefined;
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
  const { signal } = request;
  let { size } = request;
  let at = request.offset ?? 0;
  let [failures, lastFailureAt] = [0, at];
  for (;;) {
    try {
      for await (const piece of once(options, { ...request, size }, { at, total: (found) => (size ??= found) })) {
        yield piece;
        at += piece.byteLength;
      }
      if (size === undefined || at >= size) return;
      throw new TransientFailure(`cannot fetch blob "${request.digest}": the connection was cut`);
    } catch (error) {
      if (at - lastFailureAt >= PROGRESS_BYTES) failures = 0;
      lastFailureAt = at;
      failures += 1;
      await pauseAfter(error, failures, { ...options.retry, signal });
    }
  }
}

interface Try {
  readonly at: number;
  /** Told how large the whole blob is. */
  readonly total: (bytes: number) => void;
}

/** One try: the bytes from an offset on, until the end or a cut. */
async function* once(options: DownloadOptions, request: BlobRequest, { at, total }: Try): AsyncGenerator<Uint8Array> {
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
  const length = headerOf(response, 'content-length');
  if (response.status === 200 && length !== undefined) total(Number(length));
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
    return length === undefined || size === undefined || Number(length) === size
      ? undefined
      : `it has ${Number(length)} bytes: wanted ${size}`;
  }
  const match = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(headerOf(response, 'content-range') ?? '');
  const [, first, last, total] = match ?? [];
  const whole = size ?? Number(total);
  const isRest = Number(first) === at && Number(last) === whole - 1 && (total === '*' || Number(total) === whole);
  return isRest ? undefined : 'the registry continues it at another place than was asked for';
}
