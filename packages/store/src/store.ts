// SPDX-License-Identifier: Apache-2.0
import { type Readable } from 'node:stream';
import { type LayoutEntry, type Remote } from '@rkt/formats';
import { type Digest, type Reference } from '@rkt/names';
import { addBlob, addDocument, hasBlob, type BlobSource } from './add.ts';
import { collect, type CollectOptions, type RemovedFile } from './collect.ts';
import { findImage, listImages, type StoredImage } from './images.ts';
import { checkLayout, createLayout, readLayoutIndex } from './layout.ts';
import { openIncoming, type Incoming } from './incoming.ts';
import {
  openBlob,
  partsOf,
  readBlob,
  readDocuments,
  readImage,
  type BlobDescriptor,
  type RawDocuments,
  type StoredDocuments,
} from './read.ts';
import { removeBlob, removeImage, setReference, type NamedDescriptor } from './references.ts';
import { addArtifact, listArtifacts, type AddedArtifact, type StoredArtifacts } from './referrers.ts';
import { findRemote, writeRemote } from './remote.ts';
import { removePartials, requireSpaceFor } from './space.ts';
import { verifyBlobs, type VerifiedBlob } from './verify.ts';

/** A store of images: an OCI image layout that several processes use at once. */
export interface Store {
  readonly dir: string;
  /** The images, one per name. */
  readonly images: () => StoredImage[];
  /** The entries of the index as they are: what `images` says without looking at the blobs. */
  readonly entries: () => readonly LayoutEntry[];
  /** The image of a reference, or a refusal. */
  readonly find: (reference: Reference) => StoredImage;
  /** A blob, open for reading, of the right size; what is read is still to be hashed. */
  readonly openBlob: (descriptor: BlobDescriptor) => number;
  /** The bytes of a manifest, index or configuration, hashed. */
  readonly readBlob: (digest: Digest) => Buffer;
  /** The manifest and configuration of an image of the OCI, hashed. */
  readonly readImage: (digest: Digest) => StoredDocuments;
  /** The same for an image of any kind, whose configuration is not parsed. */
  readonly readDocuments: (digest: Digest) => RawDocuments;
  /** The blobs of an image, as far as its documents are good. */
  readonly parts: (digest: Digest) => Digest[];
  /** True if the blob is there with this size; it counts as used now. */
  readonly hasBlob: (descriptor: BlobDescriptor) => boolean;
  /** Adds a blob, checked against its descriptor, unless it is there. */
  readonly addBlob: (descriptor: BlobDescriptor, source: BlobSource) => Promise<'present' | 'added'>;
  /** Adds a document that is in memory, a manifest or an index, checked against its digest, unless it is there. */
  readonly addDocument: (digest: Digest, bytes: Uint8Array) => void;
  /** What is there of the blob at an address, to be downloaded by one process at a time. */
  readonly openIncoming: (url: string) => Promise<Incoming>;
  /** What is remembered of the download from an address. */
  readonly findRemote: (url: string) => Remote | undefined;
  /** Remembers a download. */
  readonly writeRemote: (record: Omit<Remote, 'version'>) => void;
  /** Refuses to begin what the disk has no space for. */
  readonly requireSpaceFor: (blobs: Iterable<BlobDescriptor>) => void;
  /** Removes what is there of blobs that nobody is writing. */
  readonly removePartials: (digests: Iterable<Digest>) => void;
  /** Deletes a blob. */
  readonly removeBlob: (digest: Digest) => Promise<void>;
  /** Names an image. */
  readonly setReference: (
    name: string,
    descriptor: NamedDescriptor,
    annotations: Readonly<Record<string, string>>,
  ) => Promise<void>;
  /** Keeps an artifact, such as a signature, with the image that it refers to; returns its digest. */
  readonly addArtifact: (artifact: AddedArtifact) => Promise<Digest>;
  /** The artifacts that refer to an image, or to the index that it was found in. */
  readonly artifacts: (subject: Digest) => StoredArtifacts;
  /** Takes an image out of the index, and what refers to it out of the store; false if it was not there. */
  readonly remove: (digest: Digest) => Promise<boolean>;
  /** Removes blobs that nothing points at. */
  readonly collect: (options: CollectOptions) => Promise<RemovedFile[]>;
  /** Hashes blobs again: all of them if none are named. */
  readonly verify: (digests?: Iterable<Digest>) => Promise<VerifiedBlob[]>;
  /** An image as a tar archive of an OCI layout. */
  readonly exportArchive: (digest: Digest, name?: string) => Promise<Readable>;
}

/** Opens a store; `create` makes it if it is not there, else a directory that is none is refused. */
export function openStore(dir: string, { create = false }: { readonly create?: boolean } = {}): Store {
  if (create) createLayout(dir);
  checkLayout(dir);
  return {
    dir,
    images: () => listImages(dir),
    entries: () => readLayoutIndex(dir).entries,
    find: (reference) => findImage(dir, reference),
    openBlob: (descriptor) => openBlob(dir, descriptor),
    readBlob: (digest) => readBlob(dir, digest),
    readImage: (digest) => readImage(dir, digest),
    readDocuments: (digest) => readDocuments(dir, digest),
    parts: (digest) => partsOf(dir, digest),
    hasBlob: (descriptor) => hasBlob(dir, descriptor),
    addBlob: (descriptor, source) => addBlob(dir, descriptor, source),
    addDocument: (digest, bytes) => addDocument(dir, digest, bytes),
    openIncoming: (url) => openIncoming(dir, url),
    findRemote: (url) => findRemote(dir, url),
    writeRemote: (record) => writeRemote(dir, record),
    requireSpaceFor: (blobs) => requireSpaceFor(dir, blobs),
    removePartials: (digests) => removePartials(dir, digests),
    removeBlob: (digest) => removeBlob(dir, digest),
    setReference: (name, descriptor, annotations) => setReference(dir, { name, descriptor, annotations }),
    addArtifact: (artifact) => addArtifact(dir, artifact),
    artifacts: (subject) => listArtifacts(dir, subject),
    remove: (digest) => removeImage(dir, digest),
    collect: (options) => collect(dir, options),
    verify: (digests) => verifyBlobs(dir, digests),
    exportArchive: async (digest, name) => {
      // Loaded when it is needed: the writer of archives is larger than all the rest.
      const { exportArchive } = await import('./export.ts');
      return exportArchive(dir, digest, name);
    },
  };
}
