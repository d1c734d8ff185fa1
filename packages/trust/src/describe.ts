// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { parsePgpKeys, parseSpkiKey, type PgpKey, type SpkiKey } from '@rkt/signatures';
import { printable } from '@rkt/names';
import { armored, pem } from './armor.ts';
import { parseRequest, REFUSALS, type DescribedKey, type DescribedSource, type KeySource } from './protocol.ts';

/**
 * Answers a request of rkt-trust: describes the keys in each source, and in those that discovery finds. What is wrong with one
 * keeps nobody from the others.
 */
export async function describeSources(request: Uint8Array): Promise<string> {
  const { sources, discover, environment } = parseRequest(request);
  const described: DescribedSource[] = [];
  const all: KeySource[] = [...sources];
  if (discover !== undefined) {
    const { name, allowHttp } = discover;
    try {
      const { discoverSources } = await import('./download.ts');
      all.push(...(await discoverSources(name, { allowHttp, environment })));
    } catch (error) {
      described.push(refusalOf(name, error));
    }
  }
  for (const source of all) described.push(await describeSource(source, environment));
  return JSON.stringify({ sources: described });
}

async function describeSource(
  { location, base64, url, allowHttp = false }: KeySource,
  environment: Readonly<Record<string, string>>,
): Promise<DescribedSource> {
  try {
    if (url === undefined) return { location, keys: await describeKeys(Buffer.from(base64 ?? '', 'base64'), location) };
    // Loaded when it is needed: most keys are files.
    const { download } = await import('./download.ts');
    return { location, keys: await describeKeys(await download(url, { allowHttp, environment }), location) };
  } catch (error) {
    return refusalOf(location, error);
  }
}

function refusalOf(location: string, error: unknown): DescribedSource {
  if (!(error instanceof Failure)) throw error;
  const status = REFUSALS.find((one) => one === error.status) ?? EXIT.dataRefused;
  return { location, keys: [], refusal: { status, message: error.message } };
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
