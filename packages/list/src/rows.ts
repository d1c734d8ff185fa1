// SPDX-License-Identifier: Apache-2.0
import { printAge, printTime } from '@rkt/human';
import type { PodView } from '@rkt/inspect';

/** How rows are printed: whole identifiers and times, or short ones as of now. */
export interface RowStyle {
  readonly full: boolean;
  readonly nowMs: number;
}

const SHORT_UUID_LENGTH = 8;
const SHORT_DIGEST_LENGTH = 'sha256:'.length + 12;

/** The names of the columns. */
export function legend(full: boolean): readonly string[] {
  return ['UUID', 'APP', 'IMAGE NAME', ...(full ? ['IMAGE ID'] : []), 'STATE', 'CREATED', 'STARTED', 'NETWORKS'];
}

/** The rows of a pod, one per app; only the first one tells what is the whole pod's. */
export function rowsOf(view: PodView, style: RowStyle): readonly (readonly string[])[] {
  const time = (ms: number | undefined): string => {
    if (ms === undefined) return '';
    return style.full ? printTime(ms) : printAge(ms, style.nowMs);
  };
  const uuid = style.full ? view.pod.uuid : view.pod.uuid.slice(0, SHORT_UUID_LENGTH);
  const ofPod = [view.state, time(view.manifest?.created), time(view.status.started?.timeMs), ''];
  return appCells(view, style.full).map((cells, index) =>
    index === 0 ? [uuid, ...cells, ...ofPod] : ['', ...cells, ...ofPod.map(() => '')],
  );
}

function appCells(view: PodView, full: boolean): string[][] {
  // No manifest yet, or one that cannot be read, which standard error tells.
  const unknown = view.problems.length > 0 && view.manifest === undefined ? '--' : '-';
  if (view.apps.length === 0) return [['-', unknown, ...(full ? ['-'] : [])]];
  return view.apps.map(({ app }) => [
    app.name,
    app.image.name === '' ? '-' : app.image.name,
    ...(full ? [app.image.id.slice(0, SHORT_DIGEST_LENGTH)] : []),
  ]);
}
