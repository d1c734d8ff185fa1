// SPDX-License-Identifier: Apache-2.0
import { type PodVolume } from '@rkt/formats';
import { type AppName } from '@rkt/names';
import { type AciOfImage } from './aci.ts';
import { checkTarget, type AppMount } from './app-mounts.ts';

/** An app whose image has mount points. */
export interface PointedApp {
  readonly name: AppName;
  readonly aci: Pick<AciOfImage, 'app' | 'isFromDocker'> | undefined;
  /** The mounts that the user asks for. */
  readonly mounts: readonly AppMount[];
}

/** The mounts of an app with those that its image expects, and the volumes that are made for them. */
export interface Pointed {
  readonly mounts: readonly AppMount[];
  readonly volumes: readonly PodVolume[];
  readonly warnings: readonly string[];
}

/**
 * Finds a volume for each mount point of an image: that which the user mounts there, else one of the same name, else an empty one
 * that is made for it. A mount is read-only if the volume or the mount point is.
 */
export function mountPointsOf({ name, aci, mounts }: PointedApp, volumes: readonly PodVolume[]): Pointed {
  const found: AppMount[] = [];
  const made: PodVolume[] = [];
  for (const point of aci?.isFromDocker === true ? [] : (aci?.app?.mountPoints ?? [])) {
    const target = checkTarget(point.path, `mount point "${point.name}" of the image`);
    if ([...mounts, ...found].some((mount) => mount.target === target)) continue;
    const own = `${name}-${point.name}`;
    const volume = [...volumes, ...made].find((each) => each.name === point.name || each.name === own);
    if (volume === undefined) made.push({ kind: 'empty', name: own, readOnly: false, mode: 0o755, uid: 0, gid: 0 });
    found.push({ volume: volume?.name ?? own, target, readOnly: (volume?.readOnly ?? false) || point.readOnly });
  }
  const warnings = made.map(
    (volume) =>
      `no volume specified for mount point "${volume.name.slice(name.length + 1)}" of app "${name}": an empty one is made`,
  );
  return { mounts: [...mounts, ...found], volumes: made, warnings };
}

/** The directories of an image that are volumes with its own content: those of one that was converted from Docker. */
export function dockerVolumesOf(aci: AciOfImage | undefined): string[] {
  return aci?.isFromDocker === true ? (aci.app?.mountPoints.map(({ path }) => path) ?? []) : [];
}
