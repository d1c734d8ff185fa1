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

/** True for an artifact that is kept with its image, going by what the list says about it; without a type it has to be looked at. */
export function isWanted({ artifactType, annotations }: Hints, sbom: boolean): boolean {
  if (artifactType === undefined) return true;
  if (componentsFormatOf(artifactType) !== undefined) return sbom;
  const predicate = annotations['dev.sigstore.bundle.predicateType'] ?? annotations[PREDICATE_TYPE] ?? '';
  return SIGNATURES.has(artifactType) && (sbom || componentsFormatOf(predicate) === undefined);
}

/** The same going by the manifest of the artifact, which need not say what its layers are. */
export function isWantedArtifact({ artifactType, layers, annotations }: ArtifactManifest, sbom: boolean): boolean {
  const types = [artifactType, ...layers.map(({ mediaType }) => mediaType)];
  return types.some((type) => isWanted({ artifactType: type, annotations }, sbom));
}
