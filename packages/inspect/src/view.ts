// SPDX-License-Identifier: Apache-2.0
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { Failure, hasCode } from '@rkt/exit';
import { exitCodeOf, type PodApp, type PodManifest, type Status } from '@rkt/formats';
import { readAppStatus, readError, readPod, readPodStatus, refind, stateOf, type Pod, type State } from '@rkt/pods';

/** What an app is doing, in the words of rkt's JSON output. */
export type AppState = 'unknown' | 'created' | 'running' | 'exited';

/** An app of a pod with its status. */
export interface AppView {
  readonly app: PodApp;
  readonly state: AppState;
  readonly status: Status;
  /** The code, or 128 and the signal; undefined while it runs, or if nobody lived to write it down. */
  readonly exitCode: number | undefined;
}

/** Everything that the files of a pod say at one moment. */
export interface PodView {
  readonly pod: Pod;
  readonly state: State;
  readonly manifest: PodManifest | undefined;
  readonly status: Status;
  readonly apps: readonly AppView[];
  /** What stage1 reported when the pod could not be started. */
  readonly error: string | undefined;
  /** Why files of the pod could not be read: the rest of the view is what could be. */
  readonly problems: readonly string[];
}

// A pod moves at most five times in its life; a reader that always comes too late has met something else.
const MOVES_LIMIT = 6;

/**
 * Reads a pod wherever it lies now; undefined if it has gone. `isLocked` is that of `lockedFiles()`.
 *
 * Files that are missing, malformed or not regular are problems of the view and never errors: a listing shows the rest.
 */
export function inspectPod(dir: string, pod: Pod, isLocked: (path: string) => boolean): PodView | undefined {
  let place: Pod | undefined = pod;
  for (let moves = 0; place !== undefined && moves < MOVES_LIMIT; moves++) {
    try {
      const { path, phase } = place;
      const state = stateOf(phase, () => isLocked(path));
      const view = viewOf(place, state);
      // What was read is of one moment only if the directory still lies there.
      if (isDirectory(place.path)) return view;
    } catch (error) {
      if (!hasCode(error, 'ENOENT', 'ENOTDIR')) throw error;
    }
    place = refind(dir, pod.uuid);
  }
  return undefined;
}

const NOT_STARTED: Status = { restarts: 0 };

function viewOf(pod: Pod, state: State): PodView {
  const problems: string[] = [];
  const attempt = <T>(read: () => T, otherwise: T): T => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof Failure) && !hasCode(error, 'EACCES', 'ENOENT')) throw error;
      problems.push(error.message);
      return otherwise;
    }
  };
  // A pod that is being prepared has no manifest yet: that is no problem.
  const expected = state !== 'embryo' && state !== 'preparing' && state !== 'aborted prepare';
  const manifest = expected ? attempt(() => readPod(pod), undefined) : quietly(() => readPod(pod));
  const status = attempt(() => readPodStatus(pod), NOT_STARTED);
  const error = attempt(() => readError(pod), undefined);
  const apps = (manifest?.apps ?? []).map((app) =>
    appView(
      app,
      { state, status },
      attempt(() => statusOf(pod, app), NOT_STARTED),
    ),
  );
  return { pod, state, manifest, status, apps, error, problems };
}

function quietly<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

/** The name of an app is a word of ours, but `apps/NAME` could be a symbolic link that leads elsewhere. */
function statusOf(pod: Pod, app: PodApp): Status {
  const real = isDirectory(join(pod.path, 'apps')) && isDirectory(join(pod.path, 'apps', app.name));
  return real ? readAppStatus(pod, app.name) : NOT_STARTED;
}

function appView(app: PodApp, pod: { state: State; status: Status }, status: Status): AppView {
  const state = appState(pod.state, status);
  // Who is killed together with the supervisor has nobody to write down its end.
  const ended =
    status.ended ?? (state === 'exited' && pod.status.ended?.kind === 'killed' ? pod.status.ended : undefined);
  return { app, state, status, exitCode: ended === undefined ? undefined : exitCodeOf(ended) };
}

function appState(pod: State, status: Status): AppState {
  if (status.ended !== undefined) return 'exited';
  if (status.started !== undefined) return pod === 'running' ? 'running' : 'exited';
  return pod === 'prepared' || pod === 'preparing' || pod === 'running' ? 'created' : 'unknown';
}

function isDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
