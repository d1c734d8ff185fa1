// SPDX-License-Identifier: Apache-2.0
// Pages and files of keys from web servers: what the process without rights does that reads keys.
import { discoverPublicKeys } from '@rkt/appc';
import { VERSION } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { isAcIdentifier, printable } from '@rkt/names';
import { KEY_BYTES_MAX } from '@rkt/policy';
import { discard, makeWeb, printUrl, readBody, webFailure, withRetries, type Web } from '@rkt/registry';
import { type KeySource } from './protocol.ts';

/** The largest part of a page that is looked at, and how many keys it may name. */
const PAGE_BYTES_MAX = 1024 * 1024;
const KEYS_MAX = 32;

/** How servers are reached. */
export interface Reach {
  readonly allowHttp: boolean;
  readonly environment: Readonly<Record<string, string>>;
}

/** The way to one server, and to where it sends us: within the limits and by the rules that images are fetched by. */
function webOf(host: string, { allowHttp, environment }: Reach): Web {
  return makeWeb({
    host,
    insecure: { http: allowHttp, tls: false },
    environment,
    authorize: () => Promise.resolve({}),
    userAgent: `rkt/${VERSION}`,
    note: () => undefined,
  });
}

/** Gets a file of keys. A server by https cannot send us to one without. */
export async function download(location: string, reach: Reach): Promise<Buffer> {
  const url = new URL(location);
  requireScheme(url, reach);
  const web = webOf(url.host, reach);
  const cannot = `cannot get key "${printUrl(url)}"`;
  try {
    return await withRetries(web.retry, async () => {
      const response = await web.get({ url, headers: {}, cannot });
      const { status } = response;
      if (status === 200) return readBody(web.body(response, url), `key "${printUrl(url)}"`, KEY_BYTES_MAX);
      if (status !== 401 && status !== 403) throw await webFailure(response, cannot);
      await discard(response);
      throw new Failure(EXIT.notPermitted, `${cannot}: access denied: wanted a key that everybody may have`);
    });
  } finally {
    await web.close();
  }
}

/** Where the keys of an image name are, as its pages say: to be got and reviewed as those that are given by address. */
export async function discoverSources(name: string, reach: Reach): Promise<KeySource[]> {
  const cannot = `cannot discover keys of "${printable(name)}"`;
  if (!isAcIdentifier(name)) throw new Failure(EXIT.dataRefused, `${cannot}: it is no name of appc: wanted PUBKEY`);
  const web = webOf(name.split('/')[0] ?? '', reach);
  try {
    const found = await discoverPublicKeys(name, (url) => web.page(new URL(url), { cannot, bytesMax: PAGE_BYTES_MAX }));
    const locations = [...new Set(found)];
    if (locations.length > KEYS_MAX)
      throw new Failure(
        EXIT.dataRefused,
        `${cannot}: the page names ${locations.length} of them: wanted at most ${KEYS_MAX}`,
      );
    return locations.map((location) => {
      const url = URL.parse(location);
      if (url === null || url.username !== '')
        throw new Failure(EXIT.dataRefused, `${cannot}: "${printable(location)}" is no address`);
      requireScheme(url, reach);
      return { location: url.href, url: url.href, allowHttp: reach.allowHttp };
    });
  } finally {
    await web.close();
  }
}

function requireScheme(url: URL, { allowHttp }: Reach): void {
  if (url.protocol === 'https:' || (allowHttp && url.protocol === 'http:')) return;
  const wanted = url.protocol === 'http:' ? 'https, or --insecure-allow-http' : 'https';
  throw new Failure(EXIT.dataRefused, `cannot get key "${printUrl(url)}": wanted ${wanted}`);
}
