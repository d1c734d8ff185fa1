// SPDX-License-Identifier: Apache-2.0
import type { Command } from '@rkt/command';
import { EXIT } from '@rkt/exit';
import { printJson } from '@rkt/human';
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
    'rkt-status [--wait[=DURATION]] [--wait-ready[=DURATION]] [--format=FORMAT] UUID\nrkt-status [OPTION]... --uuid-file=FILE',
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
    context.print(
      given.format === undefined ? linesOf(view).join('\n') : printJson(podObject(view), formatOf(given.format)),
    );
    return exitStatus(view, endMs !== 0);
  },
};

function formatOf(text: string): 'json' | 'json-pretty' {
  return text === 'json' ? 'json' : 'json-pretty';
}

/** Running is yes; whoever waited for the end and has seen it was answered, too. */
function exitStatus(view: PodView, waitedForEnd: boolean): number {
  if (view.problems.length > 0 && view.manifest === undefined && view.state !== 'running') return EXIT.dataRefused;
  return view.state === 'running' || (waitedForEnd && hasEnded(view)) ? EXIT.ok : EXIT.no;
}
