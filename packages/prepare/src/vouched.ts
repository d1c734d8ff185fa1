// SPDX-License-Identifier: Apache-2.0
import { parseReference, type Digest } from '@rkt/names';
import { gatherAciEvidence, gatherEvidence, imageNameOf, printName, type Evidence, type ImageName } from '@rkt/policy';
import { type Store } from '@rkt/store';
import { type AciOfImage } from './aci.ts';
import { type FoundImage } from './images.ts';

/** What somebody has to vouch for: an image, or one that an image in appc's format depends on. */
export interface Vouched {
  /** The reference by which it was asked for; of a dependency its name. */
  readonly image: string;
  readonly id: Digest;
  readonly name: ImageName;
  readonly subject: { readonly kind: 'manifest' | 'aci'; readonly digest: Digest; readonly size: number };
  readonly store: Store;
  /** The image that depends on it. */
  readonly neededBy?: string;
  readonly gather: () => Evidence;
}

/** Everything that somebody has to vouch for before these images may be used: each dependency once. */
export function vouchedOf(images: readonly FoundImage[]): Vouched[] {
  const tops = images.map((image) => (image.aci === undefined ? vouchedImage(image) : vouchedAcis(image, image.aci)));
  const seen = new Set(tops.flatMap(([top]) => top?.id ?? []));
  return tops.flatMap(([top, ...below]) => {
    const more = below.filter(({ id }) => !seen.has(id));
    for (const { id } of more) seen.add(id);
    return [...(top === undefined ? [] : [top]), ...more];
  });
}

function vouchedImage({ reference, id, nameInStore, manifest, index, store }: FoundImage): Vouched[] {
  const name = imageNameOf(parseReference(reference), nameInStore);
  const gather = () => gatherEvidence(store, { digest: manifest.digest, index });
  return [{ image: reference, id, name, subject: { kind: 'manifest', ...manifest }, store, gather }];
}

/**
 * The image itself first. Its name, and that of each it depends on, is the one in its manifest: that has been compared with what
 * was asked for, and is compared with the ACI when it is unpacked.
 */
function vouchedAcis({ reference, store }: FoundImage, { parts }: AciOfImage): Vouched[] {
  const [top, ...below] = parts.toReversed();
  const once = [...new Map(below.map((part) => [part.artifact, part])).values()];
  return [...(top === undefined ? [] : [top]), ...once].map((part): Vouched => {
    const { artifact, blob, manifest } = part;
    const name = imageNameOf({ kind: 'appc', name: manifest.name, labels: manifest.labels }, undefined);
    const { digest, size } = blob;
    const subject = { kind: 'aci' as const, digest, size };
    const gather = () => gatherAciEvidence(store, { artifact, blob: { digest, size } });
    const about = { id: artifact, name, subject, store, gather };
    return part === top ? { image: reference, ...about } : { image: printName(name), neededBy: reference, ...about };
  });
}
