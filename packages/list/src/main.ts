// SPDX-License-Identifier: Apache-2.0
import type { Command } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { lockedFiles } from '@rkt/files';
import { layOut, painter, printJson, toneOf } from '@rkt/human';
import { inspectPod, podObject, requireOwner } from '@rkt/inspect';
import { printable } from '@rkt/names';
import { listPods } from '@rkt/pods';
import { options } from './options.ts';
import { legend, rowsOf } from './rows.ts';

/** rkt-list: one row per app of every pod. */
export const list: Command<typeof options> = {
  name: 'rkt-list',
  synopsis: 'rkt-list [--no-legend] [--full] [--format=FORMAT]',
  summary: 'list pods',
  options,
  main: ({ full, format, 'no-legend': noLegend }, operands, context) => {
    if (operands.length > 0)
      throw new Failure(EXIT.usage, `cannot list "${printable(operands[0] ?? '')}": wanted no operands`);
    requireOwner(context.dir, 'list');
    const pods = listPods(context.dir);
    const isLocked = lockedFiles();
    const views = pods.flatMap((pod) => inspectPod(context.dir, pod, isLocked) ?? []);
    for (const problem of views.flatMap(({ problems }) => problems)) context.note(printable(problem));
    if (format !== undefined) {
      context.print(printJson(views.map(podObject), format === 'json' ? 'json' : 'json-pretty'));
      return EXIT.ok;
    }
    const rows = views.flatMap((view) => rowsOf(view, { full, nowMs: Date.now() }));
    const paint = painter(context.environment);
    const columns = legend(full);
    const lines = layOut(noLegend ? rows : [columns, ...rows], (cell, { column }) =>
      columns[column] === 'STATE' ? paint(cell, toneOf(cell)) : cell,
    );
    if (lines.length > 0) context.print(lines.join('\n'));
    return EXIT.ok;
  },
};
