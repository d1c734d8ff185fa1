// SPDX-License-Identifier: Apache-2.0
import type { SignedEntity } from '@sigstore/verify';
import { messageOf, Refused } from './refusal.ts';
import type { IdentitySigner } from './verdict.ts';

/** A certificate as the library has parsed it. */
export type Certificate = Extract<SignedEntity['key'], { $case: 'certificate' }>['certificate'];

// https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md
const OID_ISSUER = '1.3.6.1.4.1.57264.1.8';
const OID_ISSUER_OLD = '1.3.6.1.4.1.57264.1.1';
const OID_SUBJECT_ALT_NAME = '2.5.29.17';
const OID_EXTENDED_KEY_USAGE = '2.5.29.37';
const OID_CODE_SIGNING = '1.3.6.1.5.5.7.3.3';

/** Tags of RFC 5280, GeneralName. */
const EMAIL = 1;
const URI = 6;

/**
 * Whom a certificate names, whoever issued it.
 *
 * Read here and not by the library, which takes the first of several names and drops the highest bit of every character: two
 * certificates for different names would give equal text.
 */
export function identityOf(certificate: Certificate): IdentitySigner {
  try {
    return { kind: 'identity', issuer: issuerOf(certificate), san: nameOf(certificate) };
  } catch (error) {
    if (error instanceof Refused) throw error;
    throw new Refused('malformed', `the certificate cannot be read: ${messageOf(error)}`);
  }
}

/** Refuses a certificate that was not issued for signing such things. */
export function assertSigns(certificate: Certificate): void {
  const usages = certificate.extension(OID_EXTENDED_KEY_USAGE)?.valueObj.subs[0]?.subs ?? [];
  if (certificate.isCA || !usages.some((usage) => usage.toOID() === OID_CODE_SIGNING))
    throw new Refused('untrusted-certificate', 'the certificate is not for signing');
}

function issuerOf(certificate: Certificate): string {
  const current = certificate.extension(OID_ISSUER)?.valueObj.subs[0]?.value;
  const issuer = current ?? certificate.extension(OID_ISSUER_OLD)?.value;
  if (issuer === undefined) throw new Refused('malformed', 'the certificate names no issuer of the identity');
  return plainText(issuer);
}

function nameOf(certificate: Certificate): string {
  const names = certificate.extension(OID_SUBJECT_ALT_NAME)?.valueObj.subs[0]?.subs ?? [];
  const [name, ...more] = names;
  if (name === undefined || more.length > 0) throw new Refused('malformed', 'the certificate does not have one name');
  if (!name.tag.isContextSpecific(EMAIL) && !name.tag.isContextSpecific(URI))
    throw new Refused('unsupported', 'the certificate names neither an e-mail address nor a URI');
  return plainText(name.value);
}

function plainText(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('latin1');
  if (!/^[\x21-\x7e]+$/.test(text)) throw new Refused('malformed', 'the certificate has a name that is no plain text');
  return text;
}
