// SPDX-License-Identifier: Apache-2.0
import type { Context } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { lockedFiles } from '@rkt/files';
import { layOut, printJson, printTime } from '@rkt/human';
import { appObject, inspectPod, type AppView, type PodView } from '@rkt/inspect';
import { printable } from '@rkt/names';
import { type Pod } from '@rkt/pods';

/** Prints a row for each app of the pod. */
export function listApps(context: Context, pod: Pod, noLegend: boolean): void {
  const rows = look(context, pod).apps.map(({ app, state }) => [app.name, state]);
  context.print(layOut(noLegend ? rows : [['NAME', 'STATE'], ...rows]).join('\n'));
}

/** Prints everything about one app, as `key=value` lines or as JSON. */
export function showApp(
  context: Context,
  pod: Pod,
  { name, format }: { readonly name: string; readonly format: string | undefined },
): void {
  const view = look(context, pod);
  const app = view.apps.find((candidate) => candidate.app.name === name);
  if (app === undefined) throw new Failure(EXIT.notFound, `cannot find app "${printable(name)}" in the pod`);
  context.print(
    format === undefined
      ? linesOf(view, app).join('\n')
      : printJson(appObject(view, app), format === 'json' ? 'json' : 'json-pretty'),
  );
}

function linesOf(view: PodView, { app, state, status, exitCode }: AppView): string[] {
  const time = (key: string, ms: number | undefined) => (ms === undefined ? [] : [`${key}=${printTime(ms)}`]);
  return [
    `name=${app.name}`,
    `state=${state}`,
    `image_id=${app.image.id}`,
    ...time('created_at', view.manifest?.created),
    ...time('started_at', status.started?.timeMs),
    ...time('finished_at', status.ended?.timeMs),
    ...(exitCode === undefined ? [] : [`exit_code=${exitCode}`]),
    `restarts=${status.restarts}`,
  ];
}

function look({ dir, note }: Context, pod: Pod): PodView {
  const view = inspectPod(dir, pod, lockedFiles());
  if (view === undefined) throw new Failure(EXIT.notFound, `cannot find pod "${pod.uuid}": it is gone`);
  for (const problem of view.problems) note(printable(problem));
  return view;
}
