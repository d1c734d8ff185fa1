// SPDX-License-Identifier: Apache-2.0
export { type BlobSource } from './add.ts';
export { APPC_ID, APPC_LATEST, FETCHED, shownName } from './appc-entries.ts';
export { type CollectOptions, type RemovedFile } from './collect.ts';
export { naming, repairOf } from './damage.ts';
export { isFull } from './errors.ts';
export { INDEX, indexOf, LOCATION, nameOf, SOURCE, sourceOf, urlOf, type StoredImage } from './images.ts';
export { type Incoming } from './incoming.ts';
export { type BlobDescriptor, type RawDocuments, type StoredDocuments } from './read.ts';
export { type NamedDescriptor } from './references.ts';
export { type AddedArtifact, type StoredArtifact, type StoredArtifacts } from './referrers.ts';
export { openStore, type Store } from './store.ts';
export { type VerifiedBlob } from './verify.ts';
