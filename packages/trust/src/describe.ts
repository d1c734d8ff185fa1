// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { parsePgpKeys, parseSpkiKey, type PgpKey, type SpkiKey } from '@rkt/signatures';
import { printable } from '@rkt/names';
import { armored, pem } from './armor.ts';
import { download } from './download.ts';
import { parseRequest, type DescribedKey, type DescribedSource } from './protocol.ts';

/** Answers a request of rkt-trust: describes the keys in each source. What is wrong with one keeps nobody from the others. */
export async function describeSources(request: Uint8Array): Promise<string> {
  const sources: DescribedSource[] = [];
  for (const { location, base64, url, allowHttp } of parseRequest(request)) {
    try {
      const bytes = url === undefined ? Buffer.from(base64 ?? '', 'base64') : await download(url, allowHttp);
      sources.push({ location, keys: await describeKeys(bytes, location) });
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const status = error.status === EXIT.unavailable ? EXIT.unavailable : EXIT.dataRefused;
      sources.push({ location, keys: [], refusal: { status, message: error.message } });
    }
  }
  return JSON.stringify({ sources });
}

async function describeKeys(bytes: Uint8Array, location: string): Promise<DescribedKey[]> {
  const what = `key "${printable(location)}"`;
  const isPem = Buffer.from(bytes.subarray(0, 64))
    .toString('latin1')
    .trimStart()
    .startsWith('-----BEGIN PUBLIC KEY-----');
  if (isPem) return [describeBare(parseSpkiKey(bytes, what))];
  return (await parsePgpKeys(bytes, what)).map(describePgp);
}

function describeBare({ fingerprint, algorithm, bits, bytes }: SpkiKey): DescribedKey {
  const name = `${fingerprint}.pub`;
  return {
    kind: 'key',
    name,
    fingerprint,
    algorithm,
    bits,
    userIds: [],
    subkeys: [],
    revoked: false,
    content: pem(bytes),
  };
}

function describePgp(key: PgpKey): DescribedKey {
  const { fingerprint, algorithm, bits, userIds, subkeys, created, expires, revoked, problem, bytes } = key;
  return {
    kind: 'pgp',
    name: fingerprint,
    fingerprint,
    algorithm,
    bits,
    userIds: [...userIds],
    subkeys: subkeys.map((subkey) => ({
      fingerprint: subkey.fingerprint,
      algorithm: subkey.algorithm,
      bits: subkey.bits,
    })),
    created: created.toISOString(),
    ...(expires === undefined ? {} : { expires: expires.toISOString() }),
    revoked,
    ...(problem === undefined ? {} : { problem }),
    content: armored(bytes),
  };
}
