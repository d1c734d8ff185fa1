// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import type { PodApp, PodManifest, PodVolume } from '@rkt/formats';
import { hostRanges } from '@rkt/rootless';
import { limitsObject } from './limits.ts';
import type { AppView, PodView } from './view.ts';

const NANOSECONDS = 1_000_000;

/**
 * The pod in the JSON of `rkt list` and `rkt status`: rkt's field names, times of pods in seconds and of apps in nanoseconds.
 *
 * Fields whose value is unknown are left out.
 */
export function podObject(view: PodView): object {
  const { pod, manifest, status } = view;
  return {
    name: pod.uuid,
    state: view.state,
    networks: [],
    app_names: view.apps.map(({ app }) => app.name),
    apps: view.apps.map((app) => appObject(view, app)),
    created_at: seconds(manifest?.created),
    started_at: seconds(status.started?.timeMs),
    pid: pidOf(view),
    user_namespace: manifest === undefined ? undefined : userNamespace(manifest),
    error: view.error,
    user_annotations: manifest?.userAnnotations ?? {},
    user_labels: manifest?.userLabels ?? {},
  };
}

/** The ids of the host that the pod has; without root they are those of a user, whose uid is `owner`. */
function userNamespace({ owner, userNamespace: own }: PodManifest): object {
  return owner === undefined ? own : { owner: owner.uid, ranges: hostRanges(owner) };
}

/** The pod's pid 1 as the host numbers it, while the pod runs. */
export function pidOf(view: PodView): number | undefined {
  return view.state === 'running' ? view.status.started?.pids[1] : undefined;
}

/** The app in the JSON of `rkt status` and `rkt app status`. */
export function appObject(
  { pod, manifest, status: podStatus }: PodView,
  { app, state, status, exitCode }: AppView,
): object {
  return {
    name: app.name,
    state,
    created_at: nanoseconds(manifest?.created),
    started_at: nanoseconds(status.started?.timeMs),
    finished_at: nanoseconds(status.ended?.timeMs ?? (state === 'exited' ? podStatus.ended?.timeMs : undefined)),
    exit_code: exitCode,
    restarts: status.restarts,
    image_id: app.image.id,
    image_name: app.image.name,
    limits: limitsObject(pod, app),
    mounts: app.mounts.map((mount) => mountObject(pod.path, manifest, mount)),
    user_annotations: app.userAnnotations ?? {},
    user_labels: app.userLabels ?? {},
  };
}

function mountObject(podPath: string, manifest: PodManifest | undefined, mount: PodApp['mounts'][number]): object {
  const volume = manifest?.volumes.find(({ name }) => name === mount.volume);
  return {
    name: mount.volume,
    container_path: mount.target,
    host_path: volume === undefined ? undefined : hostPath(podPath, volume),
    read_only: mount.readOnly,
  };
}

/** Where the files of the volume are on the host: nowhere, if they are in memory or, some of them, those of an image. */
function hostPath(podPath: string, volume: PodVolume): string | undefined {
  if (volume.kind === 'host') return volume.source;
  return volume.kind === 'empty' && volume.filled === undefined ? join(podPath, 'volumes', volume.name) : undefined;
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.floor(ms / 1000);
}

function nanoseconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms) * NANOSECONDS;
}
