// SPDX-License-Identifier: Apache-2.0

/** What a verification says: exactly one answer, and everything that is not plainly good is bad. */
export type Verdict = Good | Bad;

/** One of the given keys or identities signed these very bytes. */
export interface Good {
  readonly outcome: 'good';
  readonly signer: Signer;
  /** What the signer said, read after the signature had proved good. Text in it is the signer's own: escape it before it is shown. */
  readonly claims: Claims;
  readonly signedAt: SignedAt | undefined;
  /** The entry of a transparency log that was verified along with the signature. */
  readonly log: LogEntry | undefined;
  /** When the same question stops being answered with good: the earliest expiry of the signature and its key. */
  readonly notAfter: Date | undefined;
}

/** Nobody of those who were asked for signed these bytes, as far as can be proved. */
export interface Bad {
  readonly outcome: 'bad';
  readonly code: RefusalCode;
  /** One printable line without a full stop that can follow a colon. */
  readonly reason: string;
  /** Who seems to have signed, unproved: for messages, never for a decision. Undefined when nothing can be said. */
  readonly signer: Signer | undefined;
}

/** Who signed: the primary key of an OpenPGP certificate, a bare key, or a name that an authority vouched for. */
export type Signer = PgpSigner | KeySigner | IdentitySigner;

/** The holder of an OpenPGP key. */
export interface PgpSigner {
  readonly kind: 'pgp';
  /** Of the primary key, whichever subkey signed: 40 (version 4) or 64 (version 6) lower-case hexadecimal digits; the issuer's as written in the signature where the key is unknown. */
  readonly fingerprint: string | undefined;
  /** Of the key that made the signature: 16 lower-case hexadecimal digits. */
  readonly keyId: string;
  /** User IDs of the key, not escaped; empty where the key is unknown. */
  readonly userIds: readonly string[];
}

/** The holder of a bare key. */
export interface KeySigner {
  readonly kind: 'key';
  /** SHA-256 of the DER SubjectPublicKeyInfo: 64 lower-case hexadecimal digits. */
  readonly fingerprint: string;
}

/** Whom a certificate names. */
export interface IdentitySigner {
  readonly kind: 'identity';
  /** The provider of the identity, such as `https://token.actions.githubusercontent.com`. */
  readonly issuer: string;
  /** The one subject alternative name: an e-mail address or a URI. */
  readonly san: string;
}

/** What a good signature says beyond "these bytes". */
export interface Claims {
  /** The digest that the signed text names, as it stands there: always that of the question; undefined for detached signatures. */
  readonly digest: string | undefined;
  /** The image that the signed text is about, `docker-reference` of simple signing and old cosign; not compared with anything. */
  readonly reference: string | undefined;
  /** The `predicateType` of an in-toto statement. */
  readonly predicateType: string | undefined;
  /** The `predicate` of an in-toto statement, as parsed JSON. */
  readonly predicate: unknown;
  /** The whole in-toto statement, as parsed JSON. */
  readonly statement: unknown;
}

/** When the signature was made, and whose word that is. */
export interface SignedAt {
  readonly time: Date;
  /** `claimed`: the signer's own word, which a thief of the key can choose; `log` and `tsa`: proved by a log's promise, or a timestamp authority. */
  readonly source: 'claimed' | 'log' | 'tsa';
}

/** Where a transparency log has the signature. */
export interface LogEntry {
  /** The key id of the log: lower-case hexadecimal digits. */
  readonly id: string;
  /** The index in decimal digits. */
  readonly index: string;
}

/** Why a signature is refused. */
export type RefusalCode =
  /** Not of the format, ambiguous, or over a limit. */
  | 'malformed'
  /** There is no signature in it. */
  | 'unsigned'
  /** Of a kind or an algorithm that is not verified here. */
  | 'unsupported'
  /** A hash or a key that no longer proves anything. */
  | 'weak'
  /** The question names no key and no identity, or what verifying needs is not at hand. */
  | 'nobody-trusted'
  /** Made by none of the given keys. */
  | 'unknown-key'
  /** Does not fit the bytes and the key. */
  | 'wrong-signature'
  /** A good signature, of something else. */
  | 'wrong-digest'
  /** A good signature under a text of another type, such as an attestation where a signature of an image is wanted. */
  | 'wrong-type'
  /** The certificate names somebody else. */
  | 'wrong-identity'
  /** The signature has expired. */
  | 'signature-expired'
  /** The signature was made in the future. */
  | 'signature-in-future'
  /** The key has expired. */
  | 'key-expired'
  /** The key was revoked or superseded. */
  | 'key-revoked'
  /** The key exists and may not sign this. */
  | 'key-unusable'
  /** The certificate leads to no authority of the trusted root, or was not valid when it signed. */
  | 'untrusted-certificate'
  /** No entry in a transparency log, and one is wanted. */
  | 'log-missing'
  /** The entry is of no log of the trusted root, or its proof is wrong. */
  | 'log-untrusted'
  /** The entry is about another signature, another digest or another key. */
  | 'log-mismatch'
  /** Nobody but the signer says when it was signed. */
  | 'time-missing'
  /** The statement of a timestamp authority is wrong. */
  | 'time-untrusted'
  /** The verifier met something that it does not understand. */
  | 'failed';

/** The claims of a signature that says nothing beyond "these bytes". */
export const NO_CLAIMS: Claims = {
  digest: undefined,
  reference: undefined,
  predicateType: undefined,
  predicate: undefined,
  statement: undefined,
};
