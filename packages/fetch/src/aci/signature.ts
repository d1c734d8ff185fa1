// SPDX-License-Identifier: Apache-2.0
// The detached signature of an ACI is kept with it. What it is worth is decided when the image is used, and not here.
import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { EXIT, Failure, hasCode } from '@rkt/exit';
import { readRegular } from '@rkt/files';
import { DETACHED_BYTES_MAX, MEDIA_TYPE, SIGNATURE_TYPE } from '@rkt/formats';
import { printable, type Digest } from '@rkt/names';
import type { Store } from '@rkt/store';
import { wrapSignature } from '../artifact.ts';
import type { FetchOptions } from '../fetch-image.ts';
import type { ImportRequest, StoredAci } from './import.ts';

/** A signature is not waited for any longer: an image without one is better than none. */
const TIMEOUT_MS = 60_000;

/** A file of detached signatures, and the address of http, https or file where it lay. */
export interface SignatureFile {
  readonly url: string;
  readonly bytes: Buffer;
}

/**
 * Keeps a file of signatures with the ACI; returns the digest of its artifact. The file that was found at the address before
 * is replaced: whoever signs once more adds to it. Those of other addresses stay.
 */
export async function keepSignature(
  store: Store,
  { digest }: StoredAci,
  { url, bytes }: SignatureFile,
): Promise<Digest> {
  const { manifestBytes } = store.readDocuments(digest);
  const subject = { mediaType: MEDIA_TYPE.manifest, digest, size: manifestBytes.byteLength };
  const { aci: artifactType, aciLayer: mediaType } = SIGNATURE_TYPE;
  const artifact = wrapSignature(subject, { artifactType, mediaType, bytes });
  return store.addArtifact({ ...artifact, tag: tagOf(url) });
}

/** A name for an address that does not tell what may be secret in it. */
function tagOf(url: string): string {
  return `asc-${createHash('sha256').update(url).digest('hex').slice(0, 32)}`;
}

/** True if the store has signatures of the ACI, of whatever worth. */
export function isSigned(store: Store, { digest }: StoredAci): boolean {
  return store.artifacts(digest).artifacts.some(({ artifactType }) => artifactType === SIGNATURE_TYPE.aci);
}

/** Looks for a signature. The image is there by now and usable without, so what fails is a note. */
export async function attemptSignature(
  { text }: Pick<ImportRequest, 'text'>,
  { progress }: Pick<FetchOptions, 'progress'>,
  look: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  try {
    await look(signal);
  } catch (error) {
    if (!signal.aborted && !(error instanceof Failure)) throw error;
    const why = error instanceof Failure ? error.message : `no answer within ${TIMEOUT_MS / 1000} seconds`;
    progress.note(`the signature of "${printable(text)}" may be missing: ${why}`);
  }
}

/** The content of a file of signatures; undefined if there is none. */
export function readSignatureFile(path: string): Buffer | undefined {
  try {
    const bytes = readRegular(realpathSync(path), DETACHED_BYTES_MAX);
    return bytes?.byteLength === 0 ? undefined : bytes;
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    // Neither the owner's rights nor those that the launcher left us.
    if (hasCode(error, 'EACCES', 'EPERM'))
      throw new Failure(EXIT.notPermitted, `cannot read signature "${printable(path)}": permission denied`);
    throw error;
  }
}
