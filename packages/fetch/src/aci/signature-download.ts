// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { DETACHED_BYTES_MAX } from '@rkt/formats';
import {
  discard,
  headerOf,
  parseRetryAfter,
  printUrl,
  readBody,
  TransientFailure,
  webFailure,
  withRetries,
  type HttpResponse,
  type Web,
} from '@rkt/registry';
import type { Store } from '@rkt/store';
import { keptArtifacts } from '../gathering.ts';
import { conditions, encodingProblem } from './download.ts';
import { freshUntil, validatorsOf, type Validators } from './freshness.ts';
import type { StoredAci } from './import.ts';
import { keepSignature } from './signature.ts';

/** The signature of an ACI on a server. */
export interface SignatureDownload {
  readonly url: URL;
  readonly web: Web;
  readonly store: Store;
  readonly signal: AbortSignal;
}

/** Downloads the signature of an ACI and keeps it, unless the server says that it is the one that is known, or has none. */
export async function downloadSignature(aci: StoredAci, request: SignatureDownload): Promise<void> {
  const { url, web, store, signal } = request;
  const remembered = store.findRemote(url.href)?.image;
  const isKept = remembered !== undefined && (await keptArtifacts(store, aci.digest)).has(remembered.manifest);
  const known = isKept ? remembered : undefined;
  if (known !== undefined && known.fresh > Date.now()) return;
  const got = await withRetries({ ...web.retry, signal }, async () => exchange(request, known));
  if (got === undefined) return;
  const { bytes, response } = got;
  const manifest = bytes === undefined ? known?.manifest : await keepSignature(store, aci, { url: url.href, bytes });
  if (manifest === undefined) return;
  const { etag, lastModified } = bytes === undefined ? (known ?? {}) : validatorsOf(response);
  const now = Date.now();
  const image = { manifest, downloaded: now, fresh: freshUntil(response, now), etag, lastModified };
  store.writeRemote({ url: url.href, image });
}

interface Got {
  readonly response: HttpResponse;
  /** Left out if the file is the one that is known. */
  readonly bytes?: Buffer;
}

/** One try; undefined if there is no signature, which is no event: most images that nobody signs are like that. */
async function exchange(
  { url, web, signal }: SignatureDownload,
  known: Validators | undefined,
): Promise<Got | undefined> {
  const cannot = `cannot fetch signature "${printUrl(url)}"`;
  const response = await web.get({ url, headers: conditions(known), signal, cannot });
  switch (response.status) {
    case 200: {
      await refuseEncoded(response, cannot);
      const bytes = await readBody(web.body(response, url), `signature "${printUrl(url)}"`, DETACHED_BYTES_MAX);
      return bytes.byteLength === 0 ? undefined : { response, bytes };
    }
    case 202: {
      // rkt's servers may put it off until the image was downloaded. It has been by now, so it is asked for again.
      await discard(response);
      const afterMs = parseRetryAfter(headerOf(response, 'retry-after'), Date.now());
      throw new TransientFailure(`${cannot}: the server has put it off`, { afterMs });
    }
    case 304:
      await discard(response);
      return { response };
    case 404:
    case 410:
      await discard(response);
      return undefined;
    default:
      throw await webFailure(response, cannot);
  }
}

async function refuseEncoded(response: HttpResponse, cannot: string): Promise<void> {
  const problem = encodingProblem(response);
  if (problem === undefined) return;
  await discard(response);
  throw new Failure(EXIT.dataRefused, `${cannot}: ${problem}`);
}
