// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import type { Command } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { libraryFile } from '@rkt/files';
import { appsNamed, requireOwner } from '@rkt/inspect';
import { printable } from '@rkt/names';
import { findPod, isRunning, notRunning, readPod, type Pod } from '@rkt/pods';
import { keysOf, optionOf } from './mode.ts';
import { options } from './options.ts';

/** rkt-attach: the streams of a running app on those of the caller. */
export const attach: Command<typeof options> = {
  name: 'rkt-attach',
  synopsis: 'rkt-attach [--mode=MODE] [--detach-keys=KEYS] UUID [APP]',
  summary: 'attach to a running app',
  options,
  main: (given, operands, context) => {
    const [uuid, name, ...more] = operands;
    if (uuid === undefined) throw new Failure(EXIT.usage, 'cannot find pod: no UUID given: try --help');
    if (more.length > 0 || (name !== undefined && given.app !== undefined))
      throw new Failure(EXIT.usage, `cannot attach to "${printable(more[0] ?? name ?? '')}": wanted one app`);
    const option = optionOf(given.mode);
    const keys = option === '--list' ? [] : keysOf(given['detach-keys']);
    requireOwner(context.dir, 'attach to');
    const pod = findPod(context.dir, uuid);
    const app = chooseApp(pod, name ?? given.app);
    if (!isRunning(pod)) throw notRunning(pod);
    return become(['iomux', option, ...keys, join(pod.path, 'apps', app, 'iomux')]);
  },
};

/** A terminal is in good hands only with a program that has nothing else to do. */
function become(words: readonly string[]): never {
  const iomux = libraryFile('iomux');
  process.execve?.(iomux, words, {});
  throw new Failure(EXIT.system, `cannot execute "${iomux}"`);
}

function chooseApp(pod: Pod, wanted: string | undefined): string {
  const names = appsNamed(readPod(pod), wanted === undefined ? [] : [wanted]).map(({ name }) => name);
  const [only, another] = names;
  if (only === undefined) throw new Failure(EXIT.notFound, 'cannot attach to the pod: it has no app');
  if (another === undefined) return only;
  throw new Failure(EXIT.usage, `pod contains multiple apps: ${names.join(', ')}: wanted the name of one`);
}
