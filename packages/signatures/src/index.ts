// SPDX-License-Identifier: Apache-2.0
export { verifyBundleAttestation, verifyBundleSignature } from './bundle.ts';
export { readClaimed, type Claimed, type Unreadable, type Wrapping } from './claimed.ts';
export { verifyCosignAttestation, verifyCosignSignature } from './cosign.ts';
export { issuersOfDetached, verifyDetached } from './detached.ts';
export type {
  Identity,
  PgpKey,
  PgpSubkey,
  PublicKey,
  SigstoreTrust,
  SpkiKey,
  TrustedIdentities,
  TrustedKeys,
  TrustedPgpKey,
  TrustedRoot,
} from './keys.ts';
export { parsePgpKeys } from './pgp-key.ts';
export type {
  CosignLayer,
  DetachedAnswer,
  DetachedQuestion,
  SigstoreQuestion,
  SimpleSigningQuestion,
} from './question.ts';
export { verifySimpleSigning } from './simple-signing.ts';
export { parseSpkiKey } from './spki-key.ts';
export { parseTrustedRoot } from './trusted-root.ts';
export type {
  Bad,
  Claims,
  Good,
  IdentitySigner,
  KeySigner,
  LogEntry,
  PgpSigner,
  RefusalCode,
  SignedAt,
  Signer,
  Verdict,
} from './verdict.ts';
