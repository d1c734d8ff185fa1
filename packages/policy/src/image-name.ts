// SPDX-License-Identifier: Apache-2.0
import { parseReference, type Digest, type Reference } from '@rkt/names';

/** The name of an image, for which somebody has to vouch. */
export interface ImageName {
  /** `none`: an image that is known by its digest alone. */
  readonly transport: 'docker' | 'appc' | 'oci' | 'oci-archive' | 'docker-archive' | 'none';
  /** Host and repository, or the name of an ACI; for a layout its path; empty without a name. */
  readonly path: string;
  readonly tag: string | undefined;
  readonly digest: Digest | undefined;
}

/** The name of an image that nobody has named. */
const NAMELESS: ImageName = { transport: 'none', path: '', tag: undefined, digest: undefined };

/**
 * The name of the image that a reference means. For an id, and a place where an ACI lies, it is the name that the store has for the image: a hint that chooses
 * who has to vouch, and vouches for nothing.
 */
export function imageNameOf(reference: Reference, nameInStore: string | undefined): ImageName {
  switch (reference.kind) {
    case 'docker': {
      // Names of hosts are the same in upper and lower case, so that no rule can be escaped by writing one otherwise.
      const path = `${reference.host.toLowerCase()}/${reference.repository}`;
      return { transport: 'docker', path, tag: reference.tag, digest: reference.digest };
    }
    case 'oci':
    case 'oci-archive':
    case 'docker-archive':
      return { transport: reference.kind, path: reference.path, tag: reference.tag, digest: undefined };
    case 'appc': {
      const tag = reference.labels.find(({ name }) => name === 'version')?.value;
      return { transport: 'appc', path: reference.name, tag, digest: undefined };
    }
    case 'id':
    case 'aci-file':
    case 'aci-url':
      return nameInStore === undefined ? NAMELESS : storedName(nameInStore);
  }
}

/** A name as the store keeps it: `HOST/REPO:TAG`, the whole reference of a layout, or the URI of an ACI. */
function storedName(text: string): ImageName {
  try {
    const reference = parseReference(/^(oci|oci-archive|docker-archive|cimd):/.test(text) ? text : `docker://${text}`);
    return reference.kind === 'id' ? NAMELESS : imageNameOf(reference, undefined);
  } catch {
    return NAMELESS;
  }
}

/** The name as people write it. */
export function printName({ transport, path, tag, digest }: ImageName): string {
  const scheme = /^oci$|-archive$/.test(transport) ? `${transport}:` : '';
  if (transport === 'none') return 'an image without a name';
  return `${scheme}${path}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

/** The prefixes of a name, the shortest first: whole components, so `example.com/foo` is none of `example.com/foobar`. */
export function prefixesOf({ transport, path }: ImageName): string[] {
  // A path of this machine, and a digest, are no names that a key could be good for.
  if (transport !== 'docker' && transport !== 'appc') return [];
  const parts = path.split('/');
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

/** True if the prefix is `*` or consists of whole leading components of the name. */
export function hasPrefix(name: ImageName, prefix: string): boolean {
  return prefix === '*' || prefixesOf(name).includes(prefix);
}

/** The name in a signature of an image: with its tag or digest, or without both. */
export interface SignedName {
  readonly path: string;
  readonly tag: string | undefined;
  readonly digest: Digest | undefined;
}

/** Reads the reference in a signature as docker reads it; undefined if it is none. */
export function parseSignedName(text: string): SignedName | undefined {
  try {
    const reference = parseReference(`docker://${text}`);
    if (reference.kind !== 'docker') return undefined;
    const { path } = imageNameOf(reference, undefined);
    const { tag, digest } = reference;
    // Without a tag a reference means `latest` to who types it, and nothing in particular to who signs it.
    const isExplicit = digest !== undefined || text.endsWith(`:${tag ?? ''}`);
    return { path, tag: isExplicit ? tag : undefined, digest };
  } catch {
    return undefined;
  }
}
