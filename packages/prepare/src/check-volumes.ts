// SPDX-License-Identifier: Apache-2.0
import { realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, Failure } from '@rkt/exit';
import { runStage1, writeScratch } from '@rkt/files';
import { type PodManifest, type PodVolume } from '@rkt/formats';
import { printable } from '@rkt/names';
import { printPlan, type Line } from '@rkt/plan';
import { type Pod } from '@rkt/pods';
import { plain } from '@rkt/rootless';
import { mountOf, mountsUnder, readHostMounts, type HostMount } from './host-mounts.ts';

type HostVolume = Extract<PodVolume, { kind: 'host' }>;

/** Refuses volumes of the host that the pod could not mount when it is run. */
export function checkVolumes(pod: Pod, manifest: PodManifest): void {
  const volumes = manifest.volumes.filter((volume): volume is HostVolume => volume.kind === 'host');
  if (volumes.some(({ propagation }) => propagation !== undefined)) {
    const mounts = readHostMounts();
    for (const volume of volumes) checkPropagation(manifest, volume, mounts);
  }
  const { userNamespace } = manifest;
  if (manifest.owner !== undefined) for (const volume of volumes) checkWhole(volume);
  // Without root, nothing is mapped.
  if (!('first' in userNamespace) || manifest.owner !== undefined) return;
  const cannot = (mapped: readonly Mapped[]) => mapProblem(join(pod.path, 'volumes.plan'), userNamespace, mapped);
  if (volumes.length === 0) return;
  checkApart(pod, manifest, volumes);
  if (cannot(volumes) === undefined) return;
  for (const volume of volumes) {
    const why = cannot([volume]);
    if (why !== undefined) throw unmappable(volume, why, (mapped) => cannot([mapped]) !== undefined);
  }
}

function checkPropagation(
  { owner, userNamespace, volumes }: PodManifest,
  { name, source, propagation }: HostVolume,
  mounts: readonly HostMount[],
): void {
  if (propagation === undefined) return;
  const refused = (why: string) =>
    new Failure(EXIT.usage, `cannot use volume "${name}" with propagation=${propagation}: ${why}`);
  if (propagation === 'shared') {
    if (owner !== undefined) throw refused('without root no pod mounts anything on the host');
    if ('first' in userNamespace) throw refused('the pod has a user namespace: wanted --private-users=false');
    const own = volumes.find(
      (volume) => volume.kind === 'tmpfs' || (volume.kind === 'empty' && volume.filled !== undefined),
    );
    if (own !== undefined) throw refused(`the pod mounts volume "${own.name}" itself, which the host would see`);
  }
  const mount = mountOf(mounts, realpathSync(source));
  if (mount?.isShared === true || (propagation === 'slave' && mount?.isSlave === true)) return;
  const where = mount === undefined ? '' : ` "${printable(mount.point)}"`;
  throw refused(`its mount${where} is not shared: wanted mount --make-shared`);
}

/** The kernel lets nobody in a user namespace look under what was mounted before. */
function checkWhole({ name, source, recursive }: HostVolume): void {
  if (recursive) return;
  const [below] = mountsUnder(readHostMounts(), realpathSync(source));
  if (below === undefined) return;
  const why = `without root "${printable(below.point)}", which is mounted below, cannot be left out: wanted recursive=true`;
  throw new Failure(EXIT.usage, `cannot use volume "${name}": ${why}`);
}

/** What the pod mounts for a volume below its own directory would come with a volume that has this directory in it. */
function checkApart({ path }: Pod, manifest: PodManifest, volumes: readonly HostVolume[]): void {
  const filled = manifest.volumes.find((volume) => volume.kind === 'empty' && volume.filled !== undefined);
  const around = volumes.find(({ source, recursive }) => {
    return recursive && `${realpathSync(path)}/`.startsWith(`${realpathSync(source)}/`.replace('//', '/'));
  });
  if (filled === undefined || around === undefined) return;
  const why = `the pod, whose volume "${filled.name}" has files of an image, lies in it: wanted recursive=false`;
  throw new Failure(EXIT.usage, `cannot use volume "${around.name}": ${why}`);
}

type Mapped = Pick<HostVolume, 'source' | 'recursive'>;

/** Why the files cannot have the ids of the pod, undefined if they can: the kernel is asked, with a plan that mounts nothing. */
function mapProblem(
  path: string,
  { first, count }: { first: number; count: number },
  mapped: readonly Mapped[],
): string | undefined {
  const map = [{ inside: 0, outside: first, count }];
  const lines: Line[] = [
    { op: '#', text: 'can the volumes be mapped into the user namespace?' },
    { op: 'namespaces', flags: ['CLONE_NEWUSER'], fd: 10, uid_map: map, gid_map: map },
    ...mapped.flatMap(tryMap),
  ];
  writeScratch(path, printPlan(lines));
  const why = runStage1(path);
  rmSync(path);
  return why === undefined ? undefined : plain(why);
}

function tryMap({ source, recursive }: Mapped): Line[] {
  const flags = recursive ? (['AT_RECURSIVE'] as const) : [];
  return [
    {
      op: 'open_tree',
      fd: 11,
      dirfd: 'AT_FDCWD',
      path: source,
      flags: ['OPEN_TREE_CLONE', 'OPEN_TREE_CLOEXEC', ...flags],
    },
    {
      op: 'mount_setattr',
      fd: 11,
      flags,
      attr_set: ['MOUNT_ATTR_IDMAP'],
      attr_clr: [],
      propagation: ['MS_PRIVATE'],
      userns_fd: 10,
    },
  ];
}

/** A refusal that names the mount that is in the way. */
function unmappable(
  { name, source, recursive }: HostVolume,
  why: string,
  isUnmappable: (mapped: Mapped) => boolean,
): Failure {
  const mounts = readHostMounts();
  const real = realpathSync(source);
  const top = isUnmappable({ source, recursive: false });
  const below = recursive && !top ? mountsUnder(mounts, real) : [];
  const inTheWay = top
    ? mountOf(mounts, real)
    : below.find(({ point }) => isUnmappable({ source: point, recursive: false }));
  const reason = why.replace(/^.*: /, '');
  const what =
    inTheWay === undefined ? reason : `"${printable(inTheWay.point)}" is of type ${inTheWay.type}: ${reason}`;
  const wanted = `wanted ${top ? '' : 'recursive=false or '}--private-users=false`;
  return new Failure(EXIT.usage, `cannot give files of volume "${name}" the user ids of the pod: ${what}: ${wanted}`);
}
