// SPDX-License-Identifier: Apache-2.0
import type { TransparencyLogEntry } from '@sigstore/bundle';
import { objectOf, parse, type JsonObject } from './json.ts';
import { Refused } from './refusal.ts';
import type { LogEntry } from './verdict.ts';

/** The size of the largest entry that is read. */
const BODY_BYTES_MAX = 1024 * 1024;

const PEM = /^-----BEGIN (?:CERTIFICATE|PUBLIC KEY)-----\n([A-Za-z0-9+/=\n]+)-----END [A-Z ]+-----\s*$/;

/**
 * Refuses an entry of a log that shows another key or certificate than the one that made the signature.
 *
 * The library compares signature and digest. Without this third comparison the log would tell whoever watches it that somebody else
 * signed.
 */
export function assertShows(entry: TransparencyLogEntry, verifier: Uint8Array): void {
  const shown = verifierOf(entry);
  if (!shown.equals(verifier)) throw new Refused('log-mismatch', 'the entry of the log is about another key');
}

/** Where the log has the entry. */
export function placeOf({ logId, logIndex, inclusionPromise, inclusionProof }: TransparencyLogEntry): LogEntry {
  // The log signs the index that stands beside a promise; beside a proof alone it is anybody's.
  const index = inclusionPromise === undefined ? inclusionProof?.logIndex : logIndex;
  return { id: logId.keyId.toString('hex'), index: index ?? logIndex };
}

/** The key or certificate in DER that an entry names, wherever its kind has it. */
function verifierOf({ kindVersion, canonicalizedBody }: TransparencyLogEntry): Buffer {
  const { spec } = objectOf(parse(canonicalizedBody, BODY_BYTES_MAX), 'the entry of the log');
  const body = objectOf(spec, 'the entry of the log');
  switch (`${kindVersion.kind} ${kindVersion.version}`) {
    case 'hashedrekord 0.0.1':
      return derOf(at(body, 'signature', 'publicKey')['content']);
    case 'dsse 0.0.1':
      return derOf(only(body['signatures'])['verifier']);
    case 'intoto 0.0.2':
      return derOf(only(at(body, 'content', 'envelope')['signatures'])['publicKey']);
    case 'hashedrekord 0.0.2':
      return rawOf(at(body, 'hashedRekordV002', 'signature', 'verifier'));
    case 'dsse 0.0.2':
      return rawOf(at(only(at(body, 'dsseV002')['signatures']), 'verifier'));
    default:
      throw new Refused('unsupported', 'the entry of the log is of a kind that is not supported');
  }
}

function at(start: JsonObject, ...path: readonly string[]): JsonObject {
  return path.reduce((object, key) => objectOf(object[key], `"${key}" in the entry of the log`), start);
}

function only(list: unknown): JsonObject {
  const [first, ...more]: readonly unknown[] = Array.isArray(list) ? list : [];
  if (more.length > 0) throw new Refused('log-mismatch', 'the entry of the log has several signatures');
  return objectOf(first, 'a signature in the entry of the log');
}

/** The logs of the first generation keep PEM in base64. */
function derOf(text: unknown): Buffer {
  const pem = typeof text === 'string' ? Buffer.from(text, 'base64').toString('latin1') : '';
  const body = PEM.exec(pem.replaceAll('\r\n', '\n'))?.[1];
  if (body === undefined) throw new Refused('log-mismatch', 'the entry of the log names no key');
  return Buffer.from(body, 'base64');
}

function rawOf(verifier: JsonObject): Buffer {
  const { rawBytes } = objectOf(
    verifier['x509Certificate'] ?? verifier['publicKey'],
    'the key in the entry of the log',
  );
  return Buffer.from(typeof rawBytes === 'string' ? rawBytes : '', 'base64');
}
