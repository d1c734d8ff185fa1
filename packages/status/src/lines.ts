// SPDX-License-Identifier: Apache-2.0
import type { PodManifest, PodOwner } from '@rkt/formats';
import { printAge, printTime, toneOf, type Paint } from '@rkt/human';
import type { PodView } from '@rkt/inspect';
import { printable } from '@rkt/names';
import type { State } from '@rkt/pods';
import { hasOwnersFiles, hostRanges, isAlone } from '@rkt/rootless';

const STARTED_STATES: readonly State[] = ['running', 'deleting', 'exited deleting', 'exited', 'exited garbage'];

/** How lines are printed for people: without a time there is no word on how long ago something was. */
export interface LineStyle {
  readonly paint: Paint;
  readonly nowMs: number | undefined;
  /** The apps that somebody has stopped where they are. */
  readonly paused: readonly string[];
}

const PLAIN: LineStyle = { paint: (text) => text, nowMs: undefined, paused: [] };

/** The lines `key=value` of `rkt status`, each key at most once. */
export function linesOf(view: PodView, { paint, nowMs, paused }: LineStyle = PLAIN): string[] {
  const time = (ms: number) => printTime(ms) + (nowMs === undefined ? '' : ` (${printAge(ms, nowMs)})`);
  const { state, manifest, status } = view;
  const lines = [`state=${paint(state, toneOf(state))}`];
  if (manifest !== undefined) lines.push(`created=${time(manifest.created)}`);
  if (status.started !== undefined) lines.push(`started=${time(status.started.timeMs)}`);
  if (state === 'running' || state === 'exited') lines.push('networks=');
  if (manifest !== undefined) lines.push(`userns=${rangeOf(manifest)}`);
  if (view.error !== undefined) lines.push(`error=${printable(view.error)}`);
  if (STARTED_STATES.includes(state)) lines.push(...startedLines(view));
  if (paused.length > 0) lines.push(`paused=${paused.join(',')}`);
  return lines;
}

function startedLines(view: PodView): string[] {
  const pid = view.status.started?.pids[1];
  const exited = view.state !== 'running';
  const codes = view.apps.filter(({ exitCode }) => exitCode !== undefined);
  return [
    ...(pid === undefined ? [] : [`pid=${pid}`]),
    `exited=${exited}`,
    ...(exited ? codes.map(({ app, exitCode }) => `app-${app.name}=${exitCode}`) : []),
  ];
}

/** The pod's own range of ids as `FIRST:COUNT`, with whom it shares them, or why it has none. */
function rangeOf(manifest: PodManifest): string {
  const { owner, userNamespace } = manifest;
  if (owner !== undefined) return rangesOf(owner, hasOwnersFiles(manifest));
  return 'unavailable' in userNamespace
    ? `none: ${printable(userNamespace.unavailable)}`
    : `${userNamespace.first}:${userNamespace.count}`;
}

/** Without root the ranges are those of the user: all pods of the user have the same. */
function rangesOf(owner: PodOwner, hasFiles: boolean): string {
  if (isAlone(owner)) return `none: root of the pod is uid ${owner.uid}, who has no other ids`;
  const ranges = hostRanges(owner).map(({ first, count }) => `${first}:${count}`);
  const itself = hasFiles ? `, and with its files uid ${owner.uid} itself` : '';
  return `${ranges.join(',')}, shared by the pods of uid ${owner.uid}${itself}`;
}
