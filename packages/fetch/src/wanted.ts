// SPDX-License-Identifier: Apache-2.0
import {
  componentsFormatOf,
  IN_TOTO,
  PREDICATE_TYPE,
  SIGNATURE_TYPE,
  type ArtifactManifest,
  type ListedReferrer,
} from '@rkt/formats';

/** Artifacts that hold signatures or attestations, which a policy can ask for, or statements that nobody has signed. */
const SIGNATURES: ReadonlySet<string> = new Set([
  SIGNATURE_TYPE.bundle,
  ...['0.1', '0.2', '0.3'].map((version) => `application/vnd.dev.sigstore.bundle+json;version=${version}`),
  // What cosign attached by referrer while its signatures had the form that they have under a tag.
  'application/vnd.dev.cosign.artifact.sig.v1+json',
  'application/vnd.dev.cosign.artifact.att.v1+json',
  SIGNATURE_TYPE.simpleSigning,
  SIGNATURE_TYPE.cosign,
  SIGNATURE_TYPE.dsse,
  IN_TOTO,
]);

/** What a list says of an artifact, or of one of its layers. */
type Hints = Pick<ListedReferrer, 'artifactType' | 'annotations'>;

/** Where it stands what a statement is: in what a bundle of sigstore, BuildKit and old cosign attach. */
const PREDICATE_ANNOTATIONS = ['dev.sigstore.bundle.predicateType', PREDICATE_TYPE, 'predicateType'];

/** True for an artifact that is kept with its image, going by what the list says about it; without a type it has to be looked at. */
export function isWanted({ artifactType, annotations }: Hints, sbom: boolean): boolean {
  if (artifactType === undefined) return true;
  if (componentsFormatOf(artifactType) !== undefined) return sbom;
  const types = PREDICATE_ANNOTATIONS.flatMap((name) => annotations[name] ?? []);
  return SIGNATURES.has(artifactType) && (sbom || !types.some((type) => componentsFormatOf(type) !== undefined));
}

/** The same going by the manifest of the artifact: one of its layers is wanted, or it is if nothing is known of these. */
export function isWantedArtifact({ artifactType, layers, annotations }: ArtifactManifest, sbom: boolean): boolean {
  const known = layers.filter(
    ({ mediaType }) => SIGNATURES.has(mediaType) || componentsFormatOf(mediaType) !== undefined,
  );
  if (known.length === 0) return isWanted({ artifactType, annotations }, sbom);
  return known.some((layer) =>
    isWanted({ artifactType: layer.mediaType, annotations: { ...annotations, ...layer.annotations } }, sbom),
  );
}
