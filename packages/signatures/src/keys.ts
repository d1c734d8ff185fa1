// SPDX-License-Identifier: Apache-2.0

/** A key as anybody can describe it: data only, so that it can be compared, stored and handed to a verification. */
export type PublicKey = PgpKey | SpkiKey;

/** An OpenPGP certificate: a primary key with its user IDs and subkeys. */
export interface PgpKey {
  readonly kind: 'pgp';
  readonly version: 4 | 6;
  /** 40 (version 4) or 64 (version 6) lower-case hexadecimal digits. */
  readonly fingerprint: string;
  /** 16 lower-case hexadecimal digits. */
  readonly keyId: string;
  /** Those that the key has signed itself, as they stand in the file: escape them before they are shown. */
  readonly userIds: readonly string[];
  readonly created: Date;
  /** The end of the primary key; undefined if it does not expire. */
  readonly expires: Date | undefined;
  readonly revoked: boolean;
  /** Such as `RSA`, `Ed25519`, `ECDSA nistP256`. */
  readonly algorithm: string;
  /** Size of the modulus or the field. */
  readonly bits: number;
  /** Keys that a signature can be from besides the primary one: all subkeys, whether they may sign or not. */
  readonly subkeys: readonly PgpSubkey[];
  /** Why no signature of it can be good at any time, such as `its key is too weak`; undefined if one can. */
  readonly problem: string | undefined;
  /** The certificate in binary form, alone. */
  readonly bytes: Uint8Array;
}

/** A subkey of an OpenPGP certificate. */
export interface PgpSubkey {
  readonly fingerprint: string;
  readonly keyId: string;
  readonly created: Date;
  readonly algorithm: string;
  readonly bits: number;
}

/** A bare public key: PEM `PUBLIC KEY`, as cosign and openssl write it. */
export interface SpkiKey {
  readonly kind: 'key';
  /** SHA-256 of the DER SubjectPublicKeyInfo: 64 lower-case hexadecimal digits. */
  readonly fingerprint: string;
  readonly algorithm: 'ECDSA P-256' | 'ECDSA P-384' | 'RSA' | 'Ed25519';
  readonly bits: number;
  /** The DER SubjectPublicKeyInfo. */
  readonly bytes: Uint8Array;
}

/** An OpenPGP key that may vouch. */
export interface TrustedPgpKey {
  readonly key: PgpKey;
  /**
   * Accept what was signed while the key was valid though it has expired, or was superseded or retired, since.
   *
   * The time of signing is the signer's own word, so this also accepts what a thief of the old key dates back.
   * A key that was revoked as compromised, or without a reason, never vouches.
   */
  readonly outdated?: boolean;
}

/** A name that may vouch: both strings are compared as they are, never as patterns. */
export interface Identity {
  readonly issuer: string;
  readonly san: string;
}

/** The authorities and logs of one sigstore instance: a checked trusted_root.json. */
export interface TrustedRoot {
  readonly kind: 'trusted-root';
  /** SHA-256 of the document: 64 lower-case hexadecimal digits. */
  readonly fingerprint: string;
  /** URIs of the certificate authorities, as the document names them. */
  readonly authorities: readonly string[];
  /** Base URLs of the transparency logs. */
  readonly logs: readonly string[];
  /** The document as it was. */
  readonly bytes: Uint8Array;
}

/** Whom a sigstore signature has to be from: one of the keys, or one of the identities. */
export type SigstoreTrust = TrustedKeys | TrustedIdentities;

/** One of these keys. */
export interface TrustedKeys {
  readonly kind: 'keys';
  readonly keys: readonly SpkiKey[];
  /** If given, a log of this root must have the signature; otherwise entries of logs are not looked at. */
  readonly root?: TrustedRoot | undefined;
}

/** One of these identities, vouched for by an authority of the root and kept by a log of it. */
export interface TrustedIdentities {
  readonly kind: 'identities';
  readonly identities: readonly Identity[];
  readonly root: TrustedRoot;
}
