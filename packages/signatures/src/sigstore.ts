// SPDX-License-Identifier: Apache-2.0
import { createPublicKey } from 'node:crypto';
import { isSignedBy } from './bytes.ts';
import { assertSigns, identityOf } from './certificate.ts';
import { entityOf, firstEntryOf, timeOf, verifyEntity } from './entity.ts';
import type { Identity, TrustedIdentities, TrustedKeys } from './keys.ts';
import { assertShows } from './log-entry.ts';
import type { SigstoreQuestion } from './question.ts';
import { printable } from '@rkt/names';
import { badOf, Refused } from './refusal.ts';
import type { Sealed } from './sealed.ts';
import { describeKey, keyObjectOf } from './spki-key.ts';
import { NO_CLAIMS, type Claims, type Good, type IdentitySigner, type Verdict } from './verdict.ts';

/** Verifies that one of those who are trusted made a signature; what it says is read afterwards. Everything else is thrown. */
export async function verifySealed(sealed: Sealed, question: SigstoreQuestion): Promise<Good> {
  const { trust } = question;
  return trust.kind === 'keys'
    ? verifyByKey(sealed, trust, question.now)
    : verifyByIdentity(sealed, trust, question.now);
}

async function verifyByKey({ bundle, signed }: Sealed, { keys, root }: TrustedKeys, now: Date): Promise<Good> {
  if (bundle.verificationMaterial.content.$case !== 'publicKey') {
    const { key } = await entityOf({ bundle, signed });
    const signer = key.$case === 'certificate' ? identityOf(key.certificate) : undefined;
    throw new Refused('unknown-key', 'it is by an identity, and a key is wanted', signer);
  }
  if (keys.length === 0) throw new Refused('nobody-trusted', 'it is by a key, and no key is trusted');
  // The hint beside a signature is the signer's own text: it does not choose.
  const found = keys.map((key) => ({ key, object: keyObjectOf(key) })).find(({ object }) => isSignedBy(object, signed));
  if (found === undefined) throw new Refused('wrong-signature', 'it fits none of the trusted keys');
  const signer = { kind: 'key', fingerprint: found.key.fingerprint } as const;
  const good = { outcome: 'good', signer, claims: NO_CLAIMS, notAfter: undefined } as const;
  if (root === undefined) return { ...good, signedAt: undefined, log: undefined };
  const entity = await entityOf({ bundle, signed });
  await verifyEntity(entity, { root, key: found.object });
  for (const entry of entity.tlogEntries) assertShows(entry, found.key.bytes);
  return { ...good, signedAt: timeOf(entity, now), log: firstEntryOf(entity) };
}

async function verifyByIdentity(
  { bundle, signed }: Sealed,
  { identities, root }: TrustedIdentities,
  now: Date,
): Promise<Good> {
  const entity = await entityOf({ bundle, signed });
  if (entity.key.$case !== 'certificate') throw new Refused('unknown-key', 'it is by a key, and an identity is wanted');
  const { certificate } = entity.key;
  const signer = identityOf(certificate);
  try {
    if (identities.length === 0) throw new Refused('nobody-trusted', 'no identity is trusted');
    assertSigns(certificate);
    const described = describeKey(createPublicKey({ key: certificate.publicKey, format: 'der', type: 'spki' }));
    if (typeof described === 'string') throw new Refused('unsupported', `the key of the certificate: ${described}`);
    await verifyEntity(entity, { root });
    for (const entry of entity.tlogEntries) assertShows(entry, certificate.root.toDER());
    assertTrusted(signer, identities);
    return {
      outcome: 'good',
      signer,
      claims: NO_CLAIMS,
      signedAt: timeOf(entity, now),
      log: firstEntryOf(entity),
      notAfter: undefined,
    };
  } catch (error) {
    if (error instanceof Refused) throw new Refused(error.code, error.message, signer);
    throw error;
  }
}

/** Strings as they are: where names are patterns, somebody registers a name that fits. */
function assertTrusted({ issuer, san }: IdentitySigner, identities: readonly Identity[]): void {
  if (identities.some((trusted) => trusted.issuer === issuer && trusted.san === san)) return;
  const sameName = identities.some((trusted) => trusted.san === san);
  const why = sameName
    ? `${san} is vouched for by ${issuer}, which is not trusted for it`
    : `it is by ${san}, which is not trusted`;
  throw new Refused('wrong-identity', printable(why));
}

/** A good verdict with what the signer says; that the signer says something else than was asked for makes it bad. */
export function withClaims(good: Good, read: () => Claims): Verdict {
  try {
    return { ...good, claims: read() };
  } catch (error) {
    return badOf(error, good.signer);
  }
}
