// SPDX-License-Identifier: Apache-2.0
export {
  gatherAciEvidence,
  gatherEvidence,
  isOwnStore,
  type Evidence,
  type EvidenceStore,
  type FoundAci,
  type FoundSignature,
  type Subject,
} from './evidence.ts';
export { gatherAttached, type AllAttached, type Attached } from './attached.ts';
export { makeExaminer, type Examined, type Opened } from './examine.ts';
export { readProvenance, type Material, type Provenance } from './provenance.ts';
export { signerText } from './reasons.ts';
export { pack, unpack } from './wire.ts';
export { imageNameOf, printName, type ImageName } from './image-name.ts';
export { judge, readsContent } from './judge.ts';
export { isInsecureAllowed, readPolicy, requireAllowed, type Policy, type PolicyOptions } from './policy.ts';
export { parseQuestions, printQuestions, type Question, type Verifier } from './question.ts';
export { skipped } from './record.ts';
export { type Authority, type Requirement, type Rules } from './requirement.ts';
export { makeStrictReader, type StrictReader } from './strict.ts';
export {
  kindOfName,
  KEY_BYTES_MAX,
  readTrustDirectory,
  TRUST_DIRECTORIES,
  trustDirectory,
  trustedFor,
  type TrustDirectories,
  type TrustFile,
} from './trust-store.ts';
export { REGISTRIES_D, signaturePlaces, type SignaturePlaces } from './lookaside.ts';
