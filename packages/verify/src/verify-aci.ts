// SPDX-License-Identifier: Apache-2.0
// Images in appc's format, which come with others that they depend on. Loaded for those alone.
import { createHash } from 'node:crypto';
import { closeSync } from 'node:fs';
import { checkAsked, parseArtifact, resolveStored, type ArtifactDocuments, type StoredArtifact } from '@rkt/appc';
import { EXIT, Failure } from '@rkt/exit';
import { contentOf } from '@rkt/files';
import { type Verification } from '@rkt/formats';
import { readAci } from '@rkt/layers';
import { printable, printReference } from '@rkt/names';
import { gatherAciEvidence, imageNameOf, isOwnStore, judge, printName } from '@rkt/policy';
import { type Asking, type Found } from './verify-image.ts';

/** An image in appc's format of a store. */
export interface FoundAci extends Omit<Found, 'stored'> {
  readonly documents: ArtifactDocuments;
}

/** Decides about an image in appc's format and about each that it depends on, itself first. */
export async function verifyAci({ store, reference, documents }: FoundAci, asking: Asking): Promise<Verification[]> {
  store.requireUnchanged(reference);
  const top = parseArtifact(documents);
  checkAsked(reference, top);
  const layers = await resolveStored(top, (dependency) => store.readDocuments(store.find(dependency).digest));
  const acis = new Map(layers.toReversed().map(({ aci }) => [aci.artifact, aci]));
  const decisions: Verification[] = [];
  for (const aci of acis.values()) {
    const { name, labels } = aci.manifest;
    const image = aci.artifact === top.artifact ? printReference(reference) : undefined;
    decisions.push(
      await verifyOne({ store, aci, image, name: imageNameOf({ kind: 'appc', name, labels }, undefined) }, asking),
    );
  }
  return decisions;
}

interface Asked extends Pick<Found, 'store'> {
  readonly aci: StoredArtifact;
  /** The reference by which it was asked for, if it was. */
  readonly image: string | undefined;
  readonly name: ReturnType<typeof imageNameOf>;
}

async function verifyOne(
  { store, aci, image, name }: Asked,
  { policy, verifier, nowMs }: Asking,
): Promise<Verification> {
  const { artifact, blob } = aci;
  const fd = store.openBlob(blob);
  try {
    const content = contentOf(fd, blob.size);
    const question = {
      image: image ?? printName(name),
      id: artifact,
      name,
      nameIsOurs: isOwnStore(store.dir),
      evidence: gatherAciEvidence(store, { artifact, blob: { digest: blob.digest, size: blob.size } }),
      rules: policy.rulesFor(name),
      verifier,
      nowMs,
    };
    const decision = await judge(question, content);
    if (decision.outcome === 'accepted') await requireSame(aci, content(), question.image);
    return decision;
  } finally {
    closeSync(fd);
  }
}

/**
 * Refuses an ACI that is not what its documents in the store say: its name, which somebody vouches for, stands in them.
 * rkt-prepare learns that when it unpacks the ACI.
 */
async function requireSame(aci: StoredArtifact, content: AsyncIterable<Uint8Array>, image: string): Promise<void> {
  const { imageId, manifest, digest } = await readAci(content);
  const manifestDigest = `sha256:${createHash('sha256').update(manifest).digest('hex')}`;
  if (imageId === aci.imageId && manifestDigest === aci.manifestDigest && digest === aci.blob.digest) return;
  throw new Failure(
    EXIT.dataRefused,
    `cannot verify image "${printable(image)}": the ACI in the store is another than the store says: remove it and fetch it again`,
  );
}
