// SPDX-License-Identifier: Apache-2.0
// `rkt status --security`: loaded for that alone, since it reads plans and filters.
import type { Context } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { layOut, painter, printJson, toneOf } from '@rkt/human';
import type { PodView } from '@rkt/inspect';
import { readEvidence } from './evidence.ts';
import { findingsOf, type Finding } from './security.ts';

interface AppFindings {
  readonly name: string;
  readonly items: readonly Finding[];
}

const STATE_COLUMN = 2;

/** Prints what the sandbox of each running app is worth; the status is 1 if one of them is weaker than by default. */
export function printSecurity(context: Context, view: PodView, format: 'json' | 'json-pretty' | undefined): number {
  const apps = findingsOfPod(view);
  const isWeaker = apps.some(({ items }) => items.some(({ state }) => state !== 'ok'));
  if (format === undefined) {
    const rows = apps.flatMap(({ name, items }) => items.map(({ item, state, why }) => [name, item, state, why]));
    const paint = painter(context.environment);
    const lines = layOut([['APP', 'ITEM', 'STATE', 'WHY'], ...rows], (cell, { row, column }) =>
      row > 0 && column === STATE_COLUMN ? paint(cell, toneOf(cell)) : cell,
    );
    context.print(lines.join('\n'));
  } else context.print(printJson({ name: view.pod.uuid, apps }, format));
  return isWeaker ? EXIT.no : EXIT.ok;
}

function findingsOfPod(view: PodView): AppFindings[] {
  const apps = view.apps.flatMap((app) => {
    const evidence = view.state === 'running' ? readEvidence(view, app) : undefined;
    return evidence === undefined ? [] : [{ name: app.app.name, items: findingsOf(evidence) }];
  });
  if (apps.length > 0) return apps;
  throw new Failure(EXIT.no, `cannot look at the sandbox of pod "${view.pod.uuid}": none of its apps is running`);
}
