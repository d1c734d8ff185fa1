// SPDX-License-Identifier: Apache-2.0
import type { AlgorithmInfo, Config, Key, Subkey } from 'openpgp';
import { EXIT, Failure } from '@rkt/exit';
import { dearmor, isArmored } from './armor.ts';
import type { PgpKey, PgpSubkey } from './keys.ts';
import { loadOpenPgp, strictConfig, type OpenPgp } from './openpgp.ts';
import { splitPackets, TAG, type Packet } from './packets.ts';
import { explain } from './pgp-reasons.ts';
import { messageOf, Refused } from './refusal.ts';

/** The size of the largest file of keys: one that thousands have signed is exported without their signatures. */
const KEYS_BYTES_MAX = 256 * 1024;

/** The most keys that a file may hold. */
const KEYS_MAX = 64;

/** Behind every date in a key, so that what is dated in the future counts already. */
const END_OF_TIME = new Date(8.64e15);

const PARTS: readonly number[] = [TAG.publicKey, TAG.signature, TAG.userId, TAG.publicSubkey, TAG.userAttribute];

/**
 * All OpenPGP public keys of a file, armored or binary: every one, or the file is refused.
 *
 * `what` names the file in messages, such as `key "/etc/rkt/x.asc"`. A key that can vouch for nothing is described too: see `problem`.
 */
export async function parsePgpKeys(bytes: Uint8Array, what: string): Promise<readonly PgpKey[]> {
  try {
    if (bytes.byteLength > KEYS_BYTES_MAX) throw new Refused('malformed', `it is larger than ${KEYS_BYTES_MAX} bytes`);
    const blocks = isArmored(bytes) ? dearmor(bytes, 'PUBLIC KEY BLOCK') : [bytes];
    const files = blocks.flatMap((block) => splitKeys(block));
    if (files.length === 0) throw new Refused('malformed', 'it holds no key');
    if (files.length > KEYS_MAX) throw new Refused('malformed', `it holds more than ${KEYS_MAX} keys`);
    const library = await loadOpenPgp();
    return await Promise.all(files.map((file) => describe(library, file)));
  } catch (error) {
    const why = error instanceof Refused ? error.message : `it cannot be read: ${messageOf(error)}`;
    throw new Failure(EXIT.dataRefused, `cannot use ${what}: ${why}`, { cause: error });
  }
}

/** The library's view of a key that was described before. */
export function readPgpKey(library: OpenPgp, { bytes }: PgpKey): Promise<Key> {
  return library.readKey({ binaryKey: bytes, config: strictConfig(library) });
}

/** One run of packets for each primary key. */
function splitKeys(block: Uint8Array): Uint8Array[] {
  const runs: Packet[][] = [];
  for (const packet of splitPackets(block)) {
    if (packet.tag === TAG.secretKey || packet.tag === TAG.secretSubkey)
      throw new Refused('malformed', 'it holds a secret key: wanted the public one alone');
    // RFC 9580 section 4.3: unknown packets from 40 on are to be passed over.
    if (!PARTS.includes(packet.tag) && packet.tag < 40)
      throw new Refused('malformed', `it holds a packet of type ${packet.tag} that is no part of a key`);
    if (packet.tag === TAG.publicKey) runs.push([]);
    const run = runs.at(-1);
    if (run === undefined) throw new Refused('malformed', 'it does not begin with a key');
    run.push(packet);
  }
  return runs.map((run) => Buffer.concat(run.map(({ bytes }) => bytes)));
}

async function describe(library: OpenPgp, bytes: Uint8Array): Promise<PgpKey> {
  const config = strictConfig(library);
  const key = await library.readKey({ binaryKey: bytes, config });
  const { version } = key.keyPacket;
  if (version !== 4 && version !== 6) throw new Refused('unsupported', `it holds a key of version ${version}`);
  const expires = await key.getExpirationTime(undefined, config);
  return {
    kind: 'pgp',
    version,
    ...describePart(key),
    userIds: await validUserIds(key, config),
    expires: expires instanceof Date ? expires : undefined,
    revoked: await key.isRevoked(undefined, undefined, END_OF_TIME, config),
    subkeys: key.subkeys.map((subkey) => describePart(subkey)),
    problem: await problemOf(key, config),
    bytes,
  };
}

function describePart(part: Key | Subkey): PgpSubkey {
  return {
    fingerprint: part.getFingerprint(),
    keyId: part.getKeyID().toHex(),
    created: part.getCreationTime(),
    ...describeAlgorithm(part.getAlgorithmInfo()),
  };
}

function describeAlgorithm({ algorithm, bits, curve }: AlgorithmInfo): Pick<PgpSubkey, 'algorithm' | 'bits'> {
  if (algorithm.startsWith('rsa')) return { algorithm: 'RSA', bits: bits ?? 0 };
  if (algorithm === 'ed25519' || curve === 'ed25519Legacy') return { algorithm: 'Ed25519', bits: 255 };
  if (algorithm === 'ed448') return { algorithm: 'Ed448', bits: 448 };
  if (algorithm === 'x25519' || curve === 'curve25519Legacy') return { algorithm: 'X25519', bits: 255 };
  if (algorithm === 'x448') return { algorithm: 'X448', bits: 448 };
  const name = algorithm.toUpperCase();
  if (curve === undefined) return { algorithm: name, bits: bits ?? 0 };
  return { algorithm: `${name} ${curve}`, bits: Number(/P(\d+)|k1/.exec(curve)?.[1] ?? 256) };
}

/** The user IDs that the key has signed and not revoked: others anybody can add. */
async function validUserIds(key: Key, config: Config): Promise<string[]> {
  const valid = await Promise.all(key.users.map((user) => user.verify(END_OF_TIME, config).catch(() => false)));
  return key.users.flatMap(({ userID }, index) => (valid[index] === true && userID !== null ? [userID.userID] : []));
}

/** Why the key could not make a good signature at any time. */
async function problemOf(key: Key, config: Config): Promise<string | undefined> {
  try {
    // Without a date nothing is expired and nothing in the future.
    await key.getSigningKey(undefined, null, undefined, config);
    return undefined;
  } catch (error) {
    return explain(error).reason;
  }
}
