// SPDX-License-Identifier: Apache-2.0
import { parseSignedName, type ImageName, type SignedName } from './image-name.ts';
import { type FoundSignature } from './evidence.ts';
import { type IdentityRule } from './requirement.ts';

/** What a good signature says about the name of what it signs. */
export interface ClaimedName {
  readonly kind: FoundSignature['kind'];
  /** The reference in the signed text; undefined if the format has none. */
  readonly reference: string | undefined;
}

/**
 * Why a good signature is not about the image of this name; undefined if it is.
 *
 * The rules are those of containers-policy.json(5). In the trust store the prefix of the key decides, and a name that was
 * signed has to fit as well: exactly where signers write whole references, by its repository where they write no more.
 */
export function nameProblem(rule: IdentityRule, name: ImageName, claimed: ClaimedName): string | undefined {
  if (rule.type === 'prefix') return prefixProblem(name, claimed);
  if (claimed.reference === undefined) return `it names no image, and ${rule.type} wants one`;
  const signed = parseSignedName(claimed.reference);
  if (signed === undefined) return 'what it names is no image';
  const fits = matches(rule, name, signed);
  return fits ? undefined : `it is about "${claimed.reference}" (${rule.type})`;
}

function prefixProblem(name: ImageName, { kind, reference }: ClaimedName): string | undefined {
  if (kind !== 'simple-signing' && kind !== 'cosign') return undefined;
  // A path of this machine, or an image without a name, is not what anybody signs for.
  if (name.transport !== 'docker' && name.transport !== 'appc') return undefined;
  const signed = reference === undefined ? undefined : parseSignedName(reference);
  if (signed === undefined) return 'it names no image';
  const fits = kind === 'cosign' ? signed.path === name.path : isSameImage(name, signed);
  return fits ? undefined : `it is about "${reference ?? ''}"`;
}

function matches(rule: Exclude<IdentityRule, { type: 'prefix' }>, name: ImageName, signed: SignedName): boolean {
  switch (rule.type) {
    case 'matchExact':
      return isDocker(name) && isSame(name, signed) && isQualified(signed);
    case 'matchRepoDigestOrExact':
      return isDocker(name) && isSameImage(name, signed);
    case 'matchRepository':
      return isDocker(name) && signed.path === name.path;
    case 'exactReference': {
      const wanted = parseSignedName(rule.dockerReference);
      return wanted !== undefined && isQualified(wanted) && isSame(wanted, signed);
    }
    case 'exactRepository': {
      const wanted = parseSignedName(rule.dockerRepository);
      return wanted !== undefined && !isQualified(wanted) && wanted.path === signed.path;
    }
    case 'remapIdentity':
      return isDocker(name) && isSameImage({ ...name, path: remap(name.path, rule.prefix, rule.signedPrefix) }, signed);
  }
}

const isDocker = ({ transport }: ImageName) => transport === 'docker';

const isQualified = ({ tag, digest }: SignedName) => tag !== undefined || digest !== undefined;

const isSame = (one: SignedName, other: SignedName) =>
  one.path === other.path && one.tag === other.tag && one.digest === other.digest;

/** By a tag the very same reference; by a digest, which says which bytes, the same repository. A bare repository is never enough. */
function isSameImage(name: SignedName, signed: SignedName): boolean {
  if (name.path !== signed.path || !isQualified(signed)) return false;
  if (name.digest !== undefined) return name.tag === undefined || signed.tag === undefined || name.tag === signed.tag;
  return name.tag === signed.tag && signed.digest === undefined;
}

/** A name with its leading components exchanged; whole components only. */
function remap(path: string, prefix: string, signedPrefix: string): string {
  if (path === prefix) return signedPrefix;
  return path.startsWith(`${prefix}/`) ? `${signedPrefix}${path.slice(prefix.length)}` : path;
}
