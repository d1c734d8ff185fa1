// SPDX-License-Identifier: Apache-2.0
import type { Config, Key, SignaturePacket } from 'openpgp';
import type { PgpSubkey, TrustedPgpKey } from './keys.ts';
import { strictConfig, type OpenPgp } from './openpgp.ts';
import { readPgpKey } from './pgp-key.ts';
import { explain } from './pgp-reasons.ts';
import { badOf, Refused } from './refusal.ts';
import { SKEW_MS } from './skew.ts';
import { NO_CLAIMS, type Good, type PgpSigner, type Verdict } from './verdict.ts';

/** Binary document, RFC 9580 section 5.2.1: the only type that says "these very bytes". */
const BINARY: number = 0;

/** What verifying OpenPGP signatures takes. */
export interface Verifying {
  readonly library: OpenPgp;
  readonly config: Config;
  readonly keys: readonly TrustedPgpKey[];
  readonly now: Date;
}

/** A signature, and the key of ours that it names. */
export interface Candidate {
  readonly packet: SignaturePacket;
  readonly trusted: TrustedPgpKey;
  readonly key: Key;
  readonly signer: PgpSigner;
}

/** Who says to have made a signature. */
export function issuerOf(packet: SignaturePacket): PgpSigner {
  const { issuerFingerprint, issuerKeyID } = packet;
  const fingerprint = issuerFingerprint === null ? undefined : Buffer.from(issuerFingerprint).toString('hex');
  return { kind: 'pgp', fingerprint, keyId: issuerKeyID.toHex(), userIds: [] };
}

/** Finds the key of a signature among the trusted ones; without one, or if it is of the wrong type, it is refused. */
export async function candidateOf({ library, keys }: Verifying, packet: SignaturePacket): Promise<Candidate> {
  const issuer = issuerOf(packet);
  if (Number(packet.signatureType) !== BINARY)
    throw new Refused('unsupported', `it is of type ${String(packet.signatureType)}, not of a binary document`, issuer);
  const trusted = keys.find(({ key }) => [key, ...key.subkeys].some((part) => isBy(issuer, part)));
  const name = `key ${issuer.fingerprint ?? issuer.keyId}`;
  if (keys.length === 0) throw new Refused('nobody-trusted', `it is by ${name}, and no key is trusted`, issuer);
  if (trusted === undefined) throw new Refused('unknown-key', `it is by ${name}, which is not trusted`, issuer);
  const { fingerprint, userIds } = trusted.key;
  const signer: PgpSigner = { kind: 'pgp', fingerprint, keyId: issuer.keyId, userIds };
  return { packet, trusted, key: await readPgpKey(library, trusted.key), signer };
}

/**
 * The date to verify at: now, or a little later if the signer's clock is ahead. Later is stricter about everything but the future.
 */
export function dateFor(packets: readonly SignaturePacket[], now: Date): Date {
  const ahead = packets.map(({ created }) => created?.getTime() ?? 0).filter((time) => time <= now.getTime() + SKEW_MS);
  return new Date(Math.max(now.getTime(), ...ahead));
}

/** The verdict on a signature whose verification the library has begun. */
export async function judge(
  verifying: Verifying,
  candidate: Candidate,
  verified: Promise<unknown> | undefined,
): Promise<Verdict> {
  const { signer, packet, trusted, key } = candidate;
  try {
    // An unverified signature rejects; anything but true would be a change of the library.
    if ((await verified) !== true) throw new Refused('failed', 'the verifier gave no answer');
    if (!trusted.outdated) await assertCurrent(verifying, candidate);
    const time = packet.created;
    if (time === null) throw new Refused('malformed', 'it has no time');
    const claimed: Good['signedAt'] = { time, source: 'claimed' };
    const notAfter = await endOf(verifying, candidate, key);
    return { outcome: 'good', signer, claims: NO_CLAIMS, signedAt: claimed, log: undefined, notAfter };
  } catch (error) {
    if (error instanceof Refused) return badOf(error, signer);
    const { code, reason } = explain(error);
    return badOf(new Refused(code, `signature by key ${signer.fingerprint ?? signer.keyId}: ${reason}`, signer));
  }
}

/**
 * The library asks whether the key was good when the signature says to be made, which is the signer's own word: who has stolen an old
 * key dates back. So the key has to be good now too.
 */
async function assertCurrent({ config, now }: Verifying, { key, packet }: Candidate): Promise<void> {
  await key.getSigningKey(packet.issuerKeyID, dateFor([packet], now), undefined, config);
}

/** When this signature stops being good by itself: its own end and that of its key. */
async function endOf({ config }: Verifying, { packet, trusted }: Candidate, key: Key): Promise<Date | undefined> {
  const ends = [packet.getExpirationTime()];
  if (!trusted.outdated) {
    const parts = key.getSubkeys(packet.issuerKeyID).map((part) => part.getExpirationTime(undefined, config));
    ends.push(
      ...(await Promise.all([key.getExpirationTime(undefined, config), ...parts])).filter((end) => end !== null),
    );
  }
  const first = Math.min(...ends.map(Number));
  return Number.isFinite(first) ? new Date(first) : undefined;
}

/** Of several verdicts the good one, or what says most. */
export function bestOf(verdicts: readonly Verdict[]): Verdict {
  const good = verdicts.find(({ outcome }) => outcome === 'good');
  const telling = verdicts.find((verdict) => verdict.outcome === 'bad' && verdict.code !== 'unknown-key');
  return good ?? telling ?? verdicts[0] ?? badOf(new Refused('unsigned', 'there is no signature in it'));
}

/** What verifying takes, from the loaded library, the keys and the clock. */
export function verifyingWith(library: OpenPgp, { keys, now }: Pick<Verifying, 'keys' | 'now'>): Verifying {
  return { library, config: strictConfig(library), keys, now };
}

function isBy(issuer: PgpSigner, { fingerprint, keyId }: PgpSubkey): boolean {
  return keyId === issuer.keyId && (issuer.fingerprint === undefined || issuer.fingerprint === fingerprint);
}
