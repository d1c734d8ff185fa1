// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, Failure, nameIn } from '@rkt/exit';
import { type PodManifest } from '@rkt/formats';
import { hexOf, printable } from '@rkt/names';
import { hasOwnersFiles, type Caller } from '@rkt/rootless';
import { type ImageArguments } from './arguments.ts';
import { type FoundImage } from './images.ts';
import { findIdentity, splitUser, type Identity, type UserDatabase } from './users.ts';

/** Where the user of an app is named, and where it is looked up. */
export interface IdentityInput {
  readonly dir: string;
  readonly said: ImageArguments;
  readonly image: FoundImage;
}

/** The ids that a pod has. */
export interface Ranges {
  readonly head: Pick<PodManifest, 'userNamespace' | 'volumes'>;
  readonly caller: Caller | undefined;
}

/** `--user` may name a group as well, as people know it from other engines; `--group` wins over both. */
export function identityOf({ dir, said, image }: IdentityInput): Identity {
  const { user, group } = splitUser(said.given.user ?? image.config.config?.User ?? '');
  const identity = findIdentity(userDatabase(dir, image), user, said.given.group ?? group);
  const extra = said.given['supplementary-gids'];
  return extra === undefined ? identity : { ...identity, groups: extra.split(',').map(groupId) };
}

function groupId(text: string): number {
  if (/^\d{1,10}$/.test(text) && Number(text) < 4294967295) return Number(text);
  throw new Failure(EXIT.usage, `cannot use group id "${printable(text)}": wanted a number`);
}

// The unpacker left the user database of each chain of layers beside its tree.
function userDatabase(dir: string, { chain }: FoundImage): UserDatabase {
  const top = chain.at(-1);
  if (top === undefined) return { passwd: '', group: '' };
  const read = (name: string) => {
    const path = join(dir, 'layers', hexOf(top), name);
    return nameIn(path, () => readFileSync(path, 'latin1'));
  };
  return { passwd: read('passwd'), group: read('group') };
}

/** An id outside the pod's range has no number on the host. */
export function refuseForeignIds({ uid, gid, groups }: Identity, { head, caller }: Ranges): void {
  const { userNamespace: range } = head;
  if (!('count' in range)) return;
  const last = range.count - (caller !== undefined && range.first > 0 && hasOwnersFiles(head) ? 0 : 1);
  const foreign = [uid, gid, ...groups].find((id) => id > last);
  if (foreign === undefined) return;
  const wanted = caller === undefined ? 'a smaller one, or --insecure-options=userns' : 'a smaller one';
  const hint = caller?.withoutRanges === undefined ? `wanted ${wanted}` : caller.withoutRanges;
  throw new Failure(
    caller?.withoutRanges === undefined ? EXIT.dataRefused : EXIT.notPermitted,
    `cannot use id ${foreign}: the pod has ids 0 to ${last}: ${hint}`,
  );
}
