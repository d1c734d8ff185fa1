// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { closeSync, fstatSync } from 'node:fs';
import { EXIT, Failure, nameIn } from '@rkt/exit';
import { openRegular, readBounded, readRegular } from '@rkt/files';
import {
  choosePlatform,
  DOCUMENT_BYTES_MAX,
  hostPlatform,
  parseImageConfig,
  parseImageDocument,
  printPlatform,
  type ImageConfig,
  type ImageDocument,
  type Manifest,
} from '@rkt/formats';
import { type Digest } from '@rkt/names';
import { DamagedBlob } from './damage.ts';
import { blobPath } from './paths.ts';

/** A blob as somebody points at it. */
export interface BlobDescriptor {
  readonly digest: Digest;
  readonly size: number;
}

/** The documents of an image as the store has it: every byte hashed against its digest. */
export interface RawDocuments {
  /** The digest of the manifest: another than the one asked for if that is of an index. */
  readonly digest: Digest;
  readonly manifest: Manifest;
  readonly manifestBytes: Buffer;
  readonly configBytes: Buffer;
}

/** An image of the OCI as the store has it. */
export interface StoredDocuments extends RawDocuments {
  readonly config: ImageConfig;
}

/**
 * Opens a blob: a regular file of the right size, never a symbolic link. The caller closes it and hashes what it reads.
 */
export function openBlob(dir: string, { digest, size }: BlobDescriptor): number {
  const path = blobPath(dir, digest);
  const fd = openRegular(path);
  if (fd === undefined) throw missing(digest);
  const found = nameIn(path, () => fstatSync(fd)).size;
  if (found === size) return fd;
  closeSync(fd);
  throw corrupt(digest, `it has ${found} bytes: wanted ${size}`);
}

/** Reads a blob into memory, a manifest or configuration if nobody says how large it may be, and hashes what was read. */
export function readBlob(dir: string, digest: Digest, limitBytes = DOCUMENT_BYTES_MAX): Buffer {
  const path = blobPath(dir, digest);
  const fd = openRegular(path);
  if (fd === undefined) throw missing(digest);
  try {
    const bytes = readBounded(fd, path, limitBytes);
    const found = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    if (found === digest) return bytes;
    throw corrupt(digest, `its bytes have the digest "${found}"`);
  } finally {
    closeSync(fd);
  }
}

/**
 * Reads a small blob as it lies there, hashed by nobody: for what a listing says besides, since to load what hashes takes longer
 * than the rest of a listing.
 */
export function peekBlob(dir: string, digest: Digest): Buffer {
  const path = blobPath(dir, digest);
  const bytes = readRegular(path, DOCUMENT_BYTES_MAX);
  if (bytes === undefined) throw missing(digest);
  return bytes;
}

/** Reads the manifest and configuration of an image of the OCI; of an index, those for this machine. */
export function readImage(dir: string, digest: Digest): StoredDocuments {
  const documents = readDocuments(dir, digest);
  const { manifest, configBytes } = documents;
  const what = `configuration "${manifest.config.digest}"`;
  return { ...documents, config: parseImageConfig(configBytes, { what, manifest }) };
}

/** The same for an image of any kind, whose configuration the caller parses. */
export function readDocuments(dir: string, digest: Digest): RawDocuments {
  const { document, bytes, digest: found } = readManifest(dir, digest);
  const configBytes = readBlob(dir, document.manifest.config.digest);
  return { digest: found, manifest: document.manifest, manifestBytes: bytes, configBytes };
}

/**
 * The blobs of an image: its manifest or index, and below it the manifest for this machine, configuration and layers.
 *
 * What stands in a document that is damaged or missing is not known; the document itself is named.
 */
export function partsOf(dir: string, digest: Digest): Digest[] {
  const seen: Digest[] = [];
  try {
    const { config, layers } = readManifest(dir, digest, seen).document.manifest;
    return [...new Set([...seen, config.digest, ...layers.map((layer) => layer.digest)])];
  } catch (error) {
    if (error instanceof Failure) return seen;
    throw error;
  }
}

interface FoundManifest {
  readonly digest: Digest;
  readonly document: ImageDocument & { readonly kind: 'manifest' };
  readonly bytes: Buffer;
}

/** Finds the manifest for this machine; what it has looked at on the way is added to `seen`. */
function readManifest(dir: string, digest: Digest, seen: Digest[] = []): FoundManifest {
  let next = digest;
  // An index may point at another one, which must point at a manifest.
  for (let depth = 0; depth < 3; depth += 1) {
    seen.push(next);
    const bytes = readBlob(dir, next);
    const document = parseImageDocument(bytes, { what: `manifest "${next}"` });
    if (document.kind === 'manifest') return { digest: next, document, bytes };
    const platform = hostPlatform();
    const chosen = choosePlatform(document.index, platform);
    if (chosen === undefined) {
      throw new Failure(EXIT.notFound, `cannot use image "${digest}": it has nothing for ${printPlatform(platform)}`);
    }
    next = chosen.digest;
  }
  throw new Failure(EXIT.dataRefused, `cannot use image "${digest}": its indexes nest deeper than 2 levels`);
}

function missing(digest: Digest): Failure {
  return new DamagedBlob(EXIT.notFound, `cannot open blob "${digest}": not in the store`);
}

function corrupt(digest: Digest, what: string): Failure {
  return new DamagedBlob(EXIT.dataRefused, `cannot open blob "${digest}": ${what}`);
}
