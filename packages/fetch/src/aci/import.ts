// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import {
  ACI_TYPE,
  checkWanted,
  parseArtifact,
  parseImageManifest,
  printArtifact,
  type ImageManifest,
  type Wanted,
} from '@rkt/appc';
import { Failure } from '@rkt/exit';
import { MEDIA_TYPE } from '@rkt/formats';
import { readAci, type AciReading } from '@rkt/layers';
import { parseDigest, parseImageId, printable, printCimd, type Digest, type ImageId } from '@rkt/names';
import { APPC_ID, APPC_LATEST, FETCHED, SOURCE, type BlobDescriptor, type Store } from '@rkt/store';

/** An image in appc's format that is in the store. */
export interface StoredAci {
  readonly imageId: ImageId;
  readonly manifest: ImageManifest;
  /** The OCI manifest under which it lies there. */
  readonly digest: Digest;
  readonly aciBlob: BlobDescriptor;
  /** The bytes of all its parts. */
  readonly size: number;
  /** The bytes of its tar, if it was read just now. */
  readonly tarBytes?: number;
}

/** What is known of an ACI before it is read. */
export interface ImportRequest {
  /** How messages name it. */
  readonly text: string;
  /** The reference by which it was asked for. */
  readonly source: string;
  readonly wanted: Wanted | undefined;
  /** Nobody asked for a version. */
  readonly isLatest: boolean;
  /** The user has its signature: nobody is asked for one. */
  readonly isSignatureGiven: boolean;
}

/** An ACI that was read and is what it should be, and the documents under which it will lie in the store. */
interface CheckedAci {
  readonly reading: AciReading;
  readonly manifest: ImageManifest;
  readonly imageId: ImageId;
  readonly aciBlob: BlobDescriptor;
}

/** Reads an ACI to its end and checks it; what is refused is named by its reference. */
export async function checkAci(
  input: AsyncIterable<Uint8Array>,
  { text, wanted }: Pick<ImportRequest, 'text' | 'wanted'>,
): Promise<CheckedAci> {
  const reading = await readAci(input).catch((error: unknown) => {
    if (!(error instanceof Failure)) throw error;
    const why = error.message.replace(/^cannot unpack layer: /, '');
    throw new Failure(error.status, `cannot read ACI "${printable(text)}": ${why}`, { cause: error });
  });
  const manifest = parseImageManifest(reading.manifest, `the manifest of ACI "${printable(text)}"`);
  if (wanted !== undefined) checkWanted(manifest, wanted);
  const aciBlob = { digest: parseDigest(reading.digest), size: reading.size };
  return { reading, manifest, imageId: parseImageId(reading.imageId), aciBlob };
}

/** Names an ACI whose blob is in the store, and puts its documents beside it. */
export async function nameAci(store: Store, checked: CheckedAci, request: ImportRequest): Promise<StoredAci> {
  const { manifest, imageId, reading } = checked;
  const compression = reading.compression === 'none' ? '' : `+${reading.compression}`;
  const manifestBlob = { digest: digestOf(reading.manifest), size: reading.manifest.byteLength };
  const aciBlob = { ...checked.aciBlob, mediaType: `${ACI_TYPE.aci}${compression}` };
  const artifact = Buffer.from(printArtifact({ imageId, manifest, manifestBlob, aciBlob }));
  const digest = digestOf(artifact);
  const documents: [Digest, Buffer][] = [
    [manifestBlob.digest, reading.manifest],
    [digest, artifact],
  ];
  for (const [name, bytes] of documents)
    await store.addBlob({ digest: name, size: bytes.byteLength }, (offset) => once(bytes.subarray(offset)));
  await store.setReference(
    printCimd(manifest),
    { mediaType: MEDIA_TYPE.manifest, digest, size: artifact.byteLength },
    {
      [FETCHED]: new Date().toISOString(),
      [SOURCE]: request.source,
      [APPC_ID]: imageId,
      ...(request.isLatest ? { [APPC_LATEST]: 'true' } : {}),
    },
  );
  const size = artifact.byteLength + manifestBlob.size + aciBlob.size;
  return { imageId, manifest, digest, aciBlob, size, tarBytes: reading.tarBytes };
}

/** An image of the store, which must be one in appc's format; undefined if a part of it is missing. */
export function readStoredAci(store: Store, digest: Digest): StoredAci | undefined {
  const documents = store.readDocuments(digest);
  const { imageId, manifest, blob } = parseArtifact(documents);
  if (!store.hasBlob(blob)) return undefined;
  const size = documents.manifestBytes.byteLength + documents.configBytes.byteLength + blob.size;
  return { imageId, manifest, digest, aciBlob: blob, size };
}

function digestOf(bytes: Buffer): Digest {
  return parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
}

async function* once(bytes: Buffer): AsyncGenerator<Uint8Array> {
  if (bytes.byteLength > 0) yield bytes;
}
