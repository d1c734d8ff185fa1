// SPDX-License-Identifier: Apache-2.0
import type { KeyObject } from 'node:crypto';
import type { SignedEntity, TrustMaterial } from '@sigstore/verify';
import { isDigestOf, isSignedBy, type Signed } from './bytes.ts';
import type { Certificate } from './certificate.ts';
import type { TrustedRoot } from './keys.ts';
import { placeOf } from './log-entry.ts';
import { messageOf, Refused } from './refusal.ts';
import type { Sealed } from './sealed.ts';
import { SKEW_MS } from './skew.ts';
import { trustMaterialOf } from './trusted-root.ts';
import type { LogEntry, RefusalCode, SignedAt } from './verdict.ts';

/** The library's view of a signature, with our own eyes for what is signed. */
export async function entityOf({ bundle, signed }: Pick<Sealed, 'bundle' | 'signed'>): Promise<SignedEntity> {
  const { toSignedEntity } = await import('@sigstore/verify');
  try {
    return { ...toSignedEntity(bundle), signature: contentOf(signed) };
  } catch (error) {
    throw new Refused('malformed', `it cannot be read: ${messageOf(error)}`);
  }
}

/** What certificates, entries of logs and timestamps are compared with: bytes that we hash ourselves, never digests that came along. */
function contentOf(signed: Signed): SignedEntity['signature'] {
  return {
    signature: signed.signature,
    compareSignature: (signature) => signed.signature.equals(signature),
    compareDigest: (digest) => isDigestOf(signed.payload, digest),
    compareSignedDigest: (digest) => isDigestOf(signed.bytes, digest),
    verifySignature: (key) => isSignedBy(key, signed),
  };
}

/** Against what an entity is verified. */
interface Against {
  readonly root: TrustedRoot;
  /** The key that made the signature; without one it has to be that of a certificate. */
  readonly key?: KeyObject;
}

/** Has the library verify certificate, logs, timestamps and signature. */
export async function verifyEntity(entity: SignedEntity, { root, key }: Against): Promise<void> {
  if (entity.tlogEntries.length === 0) throw new Refused('log-missing', 'no log has an entry of it');
  if (key === undefined && !isDated(entity))
    throw new Refused('time-missing', 'nobody but the signer says when it was signed');
  const [{ Verifier }, material] = await Promise.all([import('@sigstore/verify'), trustMaterialOf(root)]);
  const finder = key === undefined ? material.publicKey : () => ({ publicKey: key, validFor: () => true });
  const byCertificate = key === undefined;
  const certificatesLogged = material.ctlogs.length > 0;
  const verifier = new Verifier(
    { ...material, publicKey: finder },
    {
      tlogThreshold: 1,
      ctlogThreshold: byCertificate && certificatesLogged ? 1 : 0,
      // Never 0 with a certificate, which is only compared with trusted ones for each of these times.
      timestampThreshold: byCertificate ? 1 : 0,
    },
  );
  try {
    verifier.verify(within(entity, material));
  } catch (error) {
    throw refusalOf(error);
  }
}

/**
 * The entity without what a root cannot be asked about, because it is made of bare keys and has no more than these.
 *
 * The library would refuse what it finds no key for. A root without logs of certificates is of an instance that has none, or of an
 * administrator who does not ask for them; a log without a name has no notes that could be looked up, so its promise has to do.
 */
function within(entity: SignedEntity, { ctlogs, tlogs }: TrustMaterial): SignedEntity {
  const unnamed = tlogs.filter(({ baseURL }) => baseURL === '');
  const tlogEntries = entity.tlogEntries.map((entry) =>
    entry.inclusionPromise !== undefined && unnamed.some(({ logID }) => logID.equals(entry.logId.keyId))
      ? { ...entry, inclusionProof: undefined }
      : entry,
  );
  if (entity.key.$case !== 'certificate' || ctlogs.length > 0) return { ...entity, tlogEntries };
  return { ...entity, tlogEntries, key: { $case: 'certificate', certificate: withoutProofs(entity.key.certificate) } };
}

/** The certificate, except that its copy, in which the library looks for proofs of certificate logs, has none. */
function withoutProofs(certificate: Certificate): Certificate {
  const copy: Certificate = Object.create(certificate, { extensions: { value: [] } });
  const view: Certificate = Object.create(certificate, { clone: { value: () => copy } });
  return view;
}

const codes: Readonly<Record<string, readonly [code: RefusalCode, reason: string]>> = {
  CERTIFICATE_ERROR: ['untrusted-certificate', 'no trusted authority vouches for the certificate at that time'],
  SIGNATURE_ERROR: ['wrong-signature', 'it does not fit the content'],
  TIMESTAMP_ERROR: ['time-untrusted', 'no trusted authority vouches for the time'],
  TLOG_BODY_ERROR: ['log-mismatch', 'the entry of the log is about something else'],
  TLOG_ERROR: ['log-untrusted', 'no trusted log has an entry of it'],
  TLOG_INCLUSION_PROMISE_ERROR: ['log-untrusted', 'no trusted log has promised the entry'],
  TLOG_INCLUSION_PROOF_ERROR: ['log-untrusted', 'no trusted log proves the entry'],
  TLOG_MISSING_INCLUSION_ERROR: ['log-untrusted', 'the entry of the log comes without a proof'],
};

function refusalOf(error: unknown): Refused {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  const [ours, reason] = codes[code] ?? ['failed', 'the verifier failed'];
  return new Refused(ours, `${reason}: ${messageOf(error)}`);
}

/** True if somebody else says when it was signed: a log by its promise, or a timestamp authority. A proof of inclusion has no time. */
function isDated({ timestamps, tlogEntries }: SignedEntity): boolean {
  return (
    timestamps.some(({ $case }) => $case === 'timestamp-authority') ||
    tlogEntries.some(({ inclusionPromise }) => inclusionPromise !== undefined)
  );
}

/** The verified time of a verified entity, from the authority for it if there is one. */
export function timeOf({ timestamps, tlogEntries }: SignedEntity, now: Date): SignedAt | undefined {
  const stamp = timestamps.find((one) => one.$case === 'timestamp-authority');
  const entry = tlogEntries.find(({ inclusionPromise }) => inclusionPromise !== undefined);
  const logged = entry === undefined ? undefined : new Date(Number(entry.integratedTime) * 1000);
  const [time, source] = stamp === undefined ? [logged, 'log' as const] : [stamp.timestamp.signingTime, 'tsa' as const];
  if (time === undefined) return undefined;
  if (time.getTime() > now.getTime() + SKEW_MS) throw new Refused('signature-in-future', 'it was made in the future');
  return { time, source };
}

/** Where the first of the logs has the signature. */
export function firstEntryOf({ tlogEntries }: SignedEntity): LogEntry | undefined {
  const [first] = tlogEntries;
  return first === undefined ? undefined : placeOf(first);
}
