// SPDX-License-Identifier: Apache-2.0
import { hierarchiesOf, thawApp } from '@rkt/cgroups';
import type { Command, Context } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { lockedFiles } from '@rkt/files';
import { inspectPod, requireOwner, uuidsOf, type PodView } from '@rkt/inspect';
import { findPod } from '@rkt/pods';
import { kill } from './kill.ts';
import { options } from './options.ts';
import { processesOf } from './processes.ts';

/** rkt-stop: asks pods to end, or makes them. */
export const stop: Command<typeof options> = {
  name: 'rkt-stop',
  synopsis: 'rkt-stop [--force] UUID...\nrkt-stop [--force] --uuid-file=FILE',
  summary: 'stop running pods',
  options,
  main: async ({ force, 'uuid-file': uuidFile }, operands, context) => {
    const prefixes = uuidsOf(operands, uuidFile);
    requireOwner(context.dir, 'stop');
    const failures: Failure[] = [];
    for (const prefix of prefixes) {
      try {
        await stopPod(prefix, force, context);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        failures.push(error);
        context.note(error.message);
      }
    }
    return failures[0]?.status ?? EXIT.ok;
  },
};

async function stopPod(prefix: string, force: boolean, context: Context): Promise<void> {
  const found = findPod(context.dir, prefix);
  const view = inspectPod(context.dir, found, lockedFiles());
  if (view === undefined) throw new Failure(EXIT.notFound, `cannot stop pod "${found.uuid}": it is gone`);
  const { uuid } = view.pod;
  if (isStopped(view)) return context.print(`pod "${uuid}" is already stopped`);
  if (view.state !== 'running') {
    throw new Failure(EXIT.no, `cannot stop pod "${uuid}": it is not running: its state is "${view.state}"`);
  }
  const processes = processesOf(view);
  thaw(view);
  if (force) await kill(context.dir, view, processes);
  else process.kill(processes.parent, 'SIGTERM');
  context.print(`"${uuid}"`);
}

/** What stands still takes no signal, and on v1 does not even die. */
function thaw({ pod, manifest }: PodView): void {
  if (manifest === undefined) return;
  const hierarchies = hierarchiesOf(manifest);
  for (const { name } of manifest.apps) thawApp({ hierarchies, pod: pod.uuid, app: name });
}

function isStopped({ state }: PodView): boolean {
  return state === 'exited' || state === 'exited garbage' || state === 'exited deleting';
}
