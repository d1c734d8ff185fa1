// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { printable } from '@rkt/names';
import { KEY_BYTES_MAX } from '@rkt/policy';

const REDIRECTS_MAX = 5;
const TIME_MAX_MS = 30_000;

/** Gets a file of keys. A server by https cannot send us to one without. */
export async function download(location: string, allowHttp: boolean): Promise<Buffer> {
  let url = new URL(location);
  const signal = AbortSignal.timeout(TIME_MAX_MS);
  for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects += 1) {
    requireScheme(url, allowHttp);
    const response = await get(url, signal);
    const next = response.headers.get('location');
    if (response.status >= 300 && response.status < 400 && next !== null) {
      await response.body?.cancel();
      const target = new URL(next, url);
      if (url.protocol === 'https:') requireScheme(target, false);
      url = target;
      continue;
    }
    if (response.status !== 200) throw unavailable(url, `bad HTTP status code: ${response.status}`);
    return readBody(url, response);
  }
  throw unavailable(new URL(location), `more than ${REDIRECTS_MAX} redirects`);
}

function requireScheme(url: URL, allowHttp: boolean): void {
  if (url.protocol === 'https:' || (allowHttp && url.protocol === 'http:')) return;
  const wanted = url.protocol === 'http:' ? 'https, or --insecure-allow-http' : 'https';
  throw new Failure(EXIT.dataRefused, `cannot get key "${printable(url.href)}": wanted ${wanted}`);
}

async function get(url: URL, signal: AbortSignal): Promise<Response> {
  try {
    return await fetch(url, { redirect: 'manual', signal, headers: { 'accept-encoding': 'identity' } });
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw unavailable(url, cause instanceof Error ? cause.message : String(cause));
  }
}

async function readBody(url: URL, { body }: Response): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of body ?? []) {
      size += chunk.byteLength;
      if (size > KEY_BYTES_MAX) break;
      chunks.push(chunk);
    }
  } catch (error) {
    throw unavailable(url, error instanceof Error ? error.message : String(error));
  }
  if (size <= KEY_BYTES_MAX) return Buffer.concat(chunks);
  throw new Failure(
    EXIT.dataRefused,
    `cannot get key "${printable(url.href)}": it is larger than ${KEY_BYTES_MAX} bytes`,
  );
}

function unavailable(url: URL, why: string): Failure {
  return new Failure(EXIT.unavailable, `cannot get key "${printable(url.href)}": ${printable(why)}`);
}
