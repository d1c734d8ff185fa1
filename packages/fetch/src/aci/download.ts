// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import type { Remote } from '@rkt/formats';
import {
  discard,
  headerOf,
  pauseAfter,
  TransientFailure,
  webFailure,
  type HttpResponse,
  type Web,
} from '@rkt/registry';
import type { Incoming, Store } from '@rkt/store';
import type { Progress, Track } from '../progress.ts';
import { validatorsOf, type Validators } from './freshness.ts';

/** The largest file that is downloaded. */
const FILE_BYTES_MAX = 64 * 1024 ** 3;

/** After this much progress the failures before it are forgotten. */
const PROGRESS_BYTES = 1024 * 1024;

/** A download. */
export interface Download {
  readonly url: URL;
  readonly web: Web;
  readonly store: Store;
  readonly incoming: Incoming;
  readonly progress: Progress;
  /** The head of messages. */
  readonly cannot: string;
  /** What the store has of it from an earlier time, if that is whole. */
  readonly known: Validators | undefined;
}

/** What came of it: the file is as it was, or it is in `incoming`, whole. */
export interface Downloaded {
  readonly isUnchanged: boolean;
  readonly response: HttpResponse;
}

/**
 * Downloads a file into `incoming`, unless the server says that it is the one that is known.
 *
 * What an interrupted download left is continued if the server says that the file has not changed since, and so is one that is cut.
 */
export async function download(request: Download): Promise<Downloaded> {
  const { incoming, web } = request;
  const track: { current: Track | undefined } = { current: undefined };
  let [failures, lastFailureAt] = [0, incoming.size()];
  for (;;) {
    try {
      const done = await once(request, track);
      track.current?.end('added');
      return done;
    } catch (error) {
      if (incoming.size() - lastFailureAt >= PROGRESS_BYTES) failures = 0;
      lastFailureAt = incoming.size();
      failures += 1;
      await pauseAfter(error, failures, web.retry).catch((final: unknown) => {
        track.current?.end('failed');
        throw final;
      });
    }
  }
}

/** One try. */
async function once(request: Download, track: { current: Track | undefined }): Promise<Downloaded> {
  const { url, web, incoming, known, cannot } = request;
  const partial = incoming.size() > 0 ? strong(request.store.findRemote(url.href)?.partial) : undefined;
  if (partial === undefined && incoming.size() > 0) await incoming.restart();
  const headers = partial === undefined ? conditions(known) : rangeOf(incoming.size(), partial);
  const response = await web.get({ url, headers, cannot });
  const { status } = response;
  if (status === 304 && known !== undefined && partial === undefined) {
    await discard(response);
    return { isUnchanged: true, response };
  }
  if (status === 416 && partial !== undefined) {
    // What is there may be all of it, and may be anything: from the start.
    await discard(response);
    await incoming.restart();
    return once(request, track);
  }
  if (status !== 200 && status !== 206) throw await webFailure(response, cannot);
  const total = await begin(request, response);
  track.current ??= total === undefined ? undefined : request.progress.start({ name: nameOf(url), size: total });
  await receive(request, response, { total, track: track.current });
  return { isUnchanged: false, response };
}

function nameOf(url: URL): string {
  return url.pathname.split('/').at(-1) ?? '';
}

/** A strong validator, by which a range can be asked for: RFC 9110, 13.1.5. */
function strong(partial: Remote['partial']): string | undefined {
  const { etag, lastModified } = partial ?? {};
  return etag !== undefined && !etag.startsWith('W/') ? etag : lastModified;
}

function rangeOf(at: number, validator: string): Record<string, string> {
  return { range: `bytes=${at}-`, 'if-range': validator };
}

/** The headers by which a server says whether a file is still the one that is known. */
export function conditions(known: Validators | undefined): Record<string, string> {
  if (known?.etag !== undefined) return { 'if-none-match': known.etag };
  return known?.lastModified === undefined ? {} : { 'if-modified-since': known.lastModified };
}

/** Looks at the head of an answer and makes ready for its body; returns the size of the whole file, if the server says it. */
async function begin({ incoming, store, url, cannot }: Download, response: HttpResponse): Promise<number | undefined> {
  const refuse = async (why: string) => {
    await discard(response);
    return new Failure(EXIT.dataRefused, `${cannot}: ${why}`);
  };
  const encoding = encodingProblem(response);
  if (encoding !== undefined) throw await refuse(encoding);
  const length = headerOf(response, 'content-length');
  const isRest = response.status === 206;
  if (isRest && !continues(response, incoming.size())) {
    throw await refuse('the server continues it at another place than was asked for');
  }
  if (!isRest) {
    if (incoming.size() > 0) await incoming.restart();
    // Before the first byte: what is there when we are killed must be known to be of this file.
    const { image } = store.findRemote(url.href) ?? {};
    store.writeRemote({ url: url.href, ...(image === undefined ? {} : { image }), partial: validatorsOf(response) });
  }
  if (length === undefined || !/^\d{1,15}$/.test(length)) return undefined;
  const total = incoming.size() + Number(length);
  if (total > FILE_BYTES_MAX) throw await refuse(`it has ${total} bytes: at most ${FILE_BYTES_MAX} are taken`);
  incoming.requireSpace(Number(length));
  return total;
}

/** What is wrong with the encoding of an answer: signatures are over the bytes as they are stored. */
export function encodingProblem(response: HttpResponse): string | undefined {
  if ((headerOf(response, 'content-encoding') ?? 'identity') === 'identity') return undefined;
  return 'the server sends it in another encoding than it is stored in';
}

function continues(response: HttpResponse, at: number): boolean {
  return /^bytes (\d+)-\d+\/(?:\d+|\*)$/.exec(headerOf(response, 'content-range') ?? '')?.[1] === String(at);
}

interface Expected {
  readonly total: number | undefined;
  readonly track: Track | undefined;
}

async function receive(request: Download, response: HttpResponse, { total, track }: Expected): Promise<void> {
  const { incoming, web, url, cannot } = request;
  for await (const piece of web.body(response, url)) {
    if (incoming.size() + piece.byteLength > (total ?? FILE_BYTES_MAX)) {
      throw new Failure(EXIT.dataRefused, `${cannot}: it has more than ${total ?? FILE_BYTES_MAX} bytes`);
    }
    await incoming.append(piece);
    track?.advance(piece.byteLength);
  }
  if (total !== undefined && incoming.size() < total) throw new TransientFailure(`${cannot}: the connection was cut`);
}
