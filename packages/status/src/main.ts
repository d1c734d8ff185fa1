// SPDX-License-Identifier: Apache-2.0
import { hierarchiesOf, isFrozen } from '@rkt/cgroups';
import type { Command, Context } from '@rkt/command';
import { EXIT } from '@rkt/exit';
import { isForEyes, painter, printJson } from '@rkt/human';
import { printable } from '@rkt/names';
import { podObject, requireOwner, uuidOf, type PodView } from '@rkt/inspect';
import { findPod } from '@rkt/pods';
import { linesOf } from './lines.ts';
import { options } from './options.ts';
import { hasEnded, isReady, look, parseWait, waitUntil } from './wait.ts';

/** rkt-status: what a pod is doing, now or when it has become ready or ended. */
export const status: Command<typeof options> = {
  name: 'rkt-status',
  synopsis:
    'rkt-status [--wait[=DURATION]] [--wait-ready[=DURATION]] [--format=FORMAT] UUID\nrkt-status --security [--format=FORMAT] UUID\nrkt-status [OPTION]... --uuid-file=FILE',
  summary: 'print the status of a pod',
  options,
  main: async (given, operands, context) => {
    const prefix = uuidOf(operands, given['uuid-file']);
    const readyMs = parseWait(given['wait-ready'], 'wait-ready');
    const endMs = parseWait(given.wait, 'wait');
    requireOwner(context.dir, 'read');
    const pod = findPod(context.dir, prefix);
    if (readyMs !== 0)
      await waitUntil({ dir: context.dir, pod, isMet: isReady, what: 'become ready', timeoutMs: readyMs });
    if (endMs !== 0) await waitUntil({ dir: context.dir, pod, isMet: hasEnded, what: 'ended', timeoutMs: endMs });
    const view = look(context.dir, pod);
    for (const problem of view.problems) context.note(printable(problem));
    const format = formatOf(given.format);
    if (given.security) {
      const { printSecurity } = await import('./print-security.ts');
      return printSecurity(context, view, format);
    }
    const paused = pausedApps(view);
    context.print(
      format === undefined
        ? linesFor(context, view, paused)
        : printJson({ ...podObject(view), ...(paused.length > 0 && { paused }) }, format),
    );
    return exitStatus(view, endMs !== 0);
  },
};

/** The apps that somebody has stopped where they are: nothing but their cgroups says so. */
function pausedApps({ pod, state, manifest, apps }: PodView): string[] {
  if (state !== 'running' || manifest === undefined) return [];
  const hierarchies = hierarchiesOf(manifest);
  return apps.map(({ app }) => app.name).filter((app) => isFrozen({ hierarchies, pod: pod.uuid, app }));
}

function formatOf(text: string | undefined): 'json' | 'json-pretty' | undefined {
  return text === 'json' || text === 'json-pretty' ? text : undefined;
}

/** The lines, and for people at a terminal colours and how long ago things were. */
function linesFor({ environment }: Context, view: PodView, paused: readonly string[]): string {
  const nowMs = isForEyes(environment) ? Date.now() : undefined;
  return linesOf(view, { paint: painter(environment), nowMs, paused }).join('\n');
}

/** Running is yes; whoever waited for the end and has seen it was answered, too. */
function exitStatus(view: PodView, waitedForEnd: boolean): number {
  if (view.problems.length > 0 && view.manifest === undefined && view.state !== 'running') return EXIT.dataRefused;
  return view.state === 'running' || (waitedForEnd && hasEnded(view)) ? EXIT.ok : EXIT.no;
}
