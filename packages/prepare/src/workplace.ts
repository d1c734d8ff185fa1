// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryBeside } from '@rkt/files';
import { hexOf, type Digest } from '@rkt/names';
import { type Line } from '@rkt/plan';

/**
 * A directory beside the layers in which a tree is made on the trees of its parents: `tree` becomes the result, `merged`
 * is where both are seen joined, `work` is overlayfs's own, and `below/N` are links to the parents, the lowest first.
 *
 * The links keep the options of an overlay of 127 layers below the page that mount(2) takes.
 */
export interface Workplace {
  readonly path: string;
  readonly parents: number;
}

/** Makes the workplace for what will belong to the layer of this chain id. */
export function makeWorkplace(layers: string, layer: Digest, parents: readonly Digest[]): Workplace {
  const path = temporaryBeside(join(layers, hexOf(layer)));
  mkdirSync(path, { mode: 0o700 });
  for (const directory of ['tree', 'work', 'merged', 'below']) mkdirSync(join(path, directory), { mode: 0o755 });
  for (const [index, parent] of parents.entries())
    symlinkSync(join('..', '..', hexOf(parent), 'tree'), join(path, 'below', String(index)));
  return { path, parents: parents.length };
}

/** What a workplace takes after a mount namespace of one's own was entered: nothing of it is seen elsewhere. */
export const UNSEEN: Line = {
  op: 'mount',
  source: '',
  target: '/',
  fstype: '',
  flags: ['MS_REC', 'MS_PRIVATE'],
  data: '',
};

/** The lines that give the root of the tree what the root below it has of attributes of users, and Node cannot see. */
export function inheritXattrs({ path, parents }: Workplace): Line[] {
  // What is below is a link, and those are not followed at the end of a path.
  return parents === 0 ? [] : [{ op: 'copy_xattrs', from: `${path}/below/${parents - 1}/.`, to: `${path}/tree` }];
}

/** The lines that mount the tree on its parents at `merged`, with more options of overlayfs if need be, and go there. */
export function mountWorkplace({ path, parents }: Workplace, more = ''): Line[] {
  const lower = Array.from({ length: parents }, (_, index) => `below/${parents - 1 - index}`).join(':');
  const joined: Line =
    parents === 0
      ? { op: 'mount', source: 'tree', target: 'merged', fstype: '', flags: ['MS_BIND'], data: '' }
      : {
          op: 'mount',
          source: 'overlay',
          target: 'merged',
          fstype: 'overlay',
          flags: ['MS_NOSUID', 'MS_NODEV'],
          data: `lowerdir=${lower},upperdir=tree,workdir=work,redirect_dir=nofollow,metacopy=off,index=off,xino=off${more}`,
        };
  return [{ op: 'chdir', path }, joined, { op: 'chdir', path: 'merged' }];
}
