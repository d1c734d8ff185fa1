// SPDX-License-Identifier: Apache-2.0
import { freezeApp, hierarchiesOf, isFrozen, thawApp, type CgroupPath } from '@rkt/cgroups';
import type { Command } from '@rkt/command';
import { EXIT } from '@rkt/exit';
import { appsNamed, findRunning, requireOwner, uuidAndRest } from '@rkt/inspect';
import { options } from './options.ts';

/** rkt-pause: stops the processes of a pod where they are. */
export const pause: Command<typeof options> = {
  name: 'rkt-pause',
  synopsis: 'rkt-pause UUID [APP...]\nrkt-pause --uuid-file=FILE [APP...]',
  summary: 'stop the processes of a pod until they are resumed',
  options,
  main: async ({ 'uuid-file': uuidFile }, operands, context) => {
    const { uuid, rest } = uuidAndRest(operands, uuidFile);
    requireOwner(context.dir, 'pause');
    const { pod, manifest } = findRunning(context.dir, uuid, 'pause');
    const hierarchies = hierarchiesOf(manifest);
    const paths = appsNamed(manifest, rest).map(({ name }) => ({ hierarchies, pod: pod.uuid, app: name }));
    await freezeAll(paths.filter((path) => !isFrozen(path)));
    context.print(`"${pod.uuid}"`);
    return EXIT.ok;
  },
};

/** All or none: an app that waits for one that stands still would seem to hang. */
async function freezeAll(paths: readonly CgroupPath[]): Promise<void> {
  const done: CgroupPath[] = [];
  try {
    for (const path of paths) {
      await freezeApp(path);
      done.push(path);
    }
  } catch (error) {
    for (const path of done) thawApp(path);
    throw error;
  }
}
