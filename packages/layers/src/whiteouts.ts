// SPDX-License-Identifier: Apache-2.0
import { quote, refusal } from './refusal.ts';
import type { EntryType } from './tar/reader.ts';

/** What a name of OCI image-spec layer.md, "Whiteouts", asks for. */
export type Whiteout =
  | { readonly kind: 'remove'; readonly path: string }
  | { readonly kind: 'opaque'; readonly path: string }
  | { readonly kind: 'ignored' };

const PREFIX = '.wh.';
/** Bookkeeping of AUFS, which old layers still contain; image-spec reserves the names. */
const RESERVED = '.wh..wh.';
const OPAQUE = '.wh..wh..opq';

/**
 * The whiteout that an entry of a layer is, or undefined if it is an ordinary entry.
 *
 * No path of the tree has a component with the prefix: a name that has it and means nothing is refused.
 */
export function parseWhiteout(type: EntryType, path: string): Whiteout | undefined {
  const components = path.split('/');
  const marked = components.findIndex((component) => component.startsWith(PREFIX));
  if (marked < 0) return undefined;
  const name = components[marked] ?? '';
  const isLast = marked === components.length - 1;
  if (name.startsWith(RESERVED) && name !== OPAQUE) return { kind: 'ignored' };
  if (!isLast) throw refusal(`${quote(path)} is in the directory of a whiteout`);
  // Old layers have hard links to one file of AUFS.
  if (type !== 'file' && type !== 'link') throw refusal(`the whiteout ${quote(path)} is a ${type}`);
  const parent = components.slice(0, -1);
  if (name === OPAQUE) return { kind: 'opaque', path: parent.length === 0 ? '.' : parent.join('/') };
  const removed = name.slice(PREFIX.length);
  if (['', '.', '..'].includes(removed)) throw refusal(`malformed whiteout ${quote(path)}`);
  return { kind: 'remove', path: [...parent, removed].join('/') };
}

/** Refuses the name of a whiteout in an image whose format has none: it would become one where the tree is packed again. */
export function refuseWhiteout(path: string): undefined {
  if (path.split('/').some((component) => component.startsWith(PREFIX))) {
    throw refusal(`${quote(path)} has the name of a whiteout, which an ACI cannot have`);
  }
}

/** Refuses a hard link to a name that the tree does not have. */
export function checkLinkTarget(path: string, target: string): void {
  if (target.split('/').some((component) => component.startsWith(PREFIX))) {
    throw refusal(`the link ${quote(path)} is to the whiteout ${quote(target)}`);
  }
}
