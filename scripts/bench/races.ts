// SPDX-License-Identifier: Apache-2.0
// The races: who runs against whom, at what, and with which target.
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startRegistry } from '../../test/registry.ts';
import { makeBundle } from './bundle.ts';
import { race, type Contestant, type Outcome } from './measure.ts';
import { bin, imageOf, rkt, root } from './rkt.ts';

/** What every race gets. */
export interface Race {
  readonly stopwatch: string;
  readonly place: string;
  readonly rounds: number;
  readonly quick: boolean;
}

const insecure = '--insecure-options=image';

/** Start to exit of /bin/true in a prepared pod, against the runtimes that Debian has. */
export function preparedPods({ stopwatch, place, rounds }: Race): Outcome[] {
  const image = imageOf('busybox');
  const dir = join(place, 'prepared');
  const id = rkt('fetch', `--dir=${dir}`, '--quiet', '--full', `oci:${image}:latest`);
  const prepare = () => rkt('prepare', `--dir=${dir}`, '--quiet', insecure, id, '--', '/bin/true');
  const pods = Array.from({ length: rounds + 1 }, prepare);
  const bundle = join(place, 'bundle');
  makeBundle(bundle, join(dir, 'pods', 'prepared', prepare()), image);
  const runtime = (name: string, target: number): Contestant[] => [
    {
      name: `${name} run`,
      command: () => [name, `--root=${join(place, name)}`, 'run', '--bundle', bundle, `rkt-bench-${name}`],
    },
    {
      name: `rkt run-prepared : ${name} run`,
      command: () => [join(bin, 'rkt-run-prepared'), `--dir=${dir}`, pods.shift() ?? prepare()],
      against: `${name} run`,
      target,
    },
  ];
  const outcomes = [
    ...race(stopwatch, runtime('crun', 0.5), Math.floor(rounds / 2)),
    ...race(stopwatch, runtime('runc', 0.2), Math.floor(rounds / 2)),
  ];
  collect(dir);
  return outcomes;
}

/** Start to exit of an image in the store, against podman. */
export function storedImages({ stopwatch, place, rounds }: Race): Outcome[] {
  const image = imageOf('busybox');
  const dir = join(place, 'stored');
  const id = rkt('fetch', `--dir=${dir}`, '--quiet', '--full', `oci:${image}:latest`);
  const storage = [`--root=${place}/podman`, `--runroot=${place}/podman-run`, '--storage-driver=overlay'];
  const podman = ['podman', ...storage, '--cgroup-manager=cgroupfs', '--events-backend=none'];
  const pulled = giveToPodman(place, image);
  const limits = ['--ulimit=nofile=1024:4096', '--ulimit=nproc=1024:1024'];
  const run = (extra: readonly string[]) => {
    const more = extra.length > 0 ? [...limits, '--pids-limit=0'] : limits;
    return [...podman, ...extra, 'run', '--rm', '--network=none', ...more, pulled, '/bin/true'];
  };
  // Its usual runtime raises limits, which root may not everywhere; then the other one.
  const works = spawnSync('podman', run([]).slice(1)).status === 0;
  const baseline = works ? 'podman run' : 'podman --runtime=runc run';
  const contestants: Contestant[] = [
    { name: baseline, command: () => run(works ? [] : ['--runtime=runc']) },
    {
      name: 'rkt run',
      command: () => [join(bin, 'rkt-run'), `--dir=${dir}`, '--quiet', insecure, id, '--', '/bin/true'],
      against: baseline,
      target: 0.5,
    },
  ];
  const outcomes = race(stopwatch, contestants, rounds);
  collect(dir);
  // podman leaves its own cgroup, and a mount of its storage.
  spawnSync('find', ['/sys/fs/cgroup/libpod_parent', '-depth', '-type', 'd', '-exec', 'rmdir', '{}', '+']);
  spawnSync('umount', ['--recursive', join(place, 'podman', 'overlay')]);
  return outcomes;
}

/** Puts the image into podman's storage; if that fails, the race will say what podman misses. */
function giveToPodman(place: string, image: string): string {
  const name = 'localhost/busybox:1';
  const storage = `containers-storage:[overlay@${place}/podman+${place}/podman-run]${name}`;
  spawnSync('skopeo', ['--insecure-policy', 'copy', '-q', `oci:${image}:latest`, storage], { stdio: 'inherit' });
  return name;
}

/** Start-up of each command that is a bundle, and what it is used for, against the same Node doing nothing. */
export function commands({ stopwatch, place, rounds, quick }: Race): Outcome[] {
  const bundles = readdirSync(join(root, 'dist', 'lib', 'rkt')).filter((file) => /^rkt-.*\.js$/.test(file));
  const dir = join(place, 'commands');
  const prepared = join(place, 'commands-prepare');
  const fetch = (to: string) => rkt('fetch', `--dir=${to}`, '--quiet', '--full', `oci:${imageOf('busybox')}:latest`);
  const id = fetch(dir);
  fetch(prepared);
  const pod = rkt('prepare', `--dir=${dir}`, '--quiet', insecure, id);
  const node = join(root, 'dist', 'lib', 'rkt', 'node');
  const run = (words: readonly string[], target?: number): Contestant => ({
    name: words.map((word) => (word === pod || word === id ? '…' : word)).join(' '),
    command: () => {
      const [name = '', ...args] = words;
      return [join(bin, `rkt-${name}`), `--dir=${name === 'prepare' ? prepared : dir}`, ...args];
    },
    against: 'node -e 0',
    ...(target !== undefined && { target }),
  });
  const looking = [
    ['list'],
    ['cat-manifest', pod],
    ['cat-plan', pod],
    ['image', 'list'],
    ['image', 'cat-manifest', id],
    ['fetch', '--pull-policy=never', '--quiet', id],
    ['gc'],
  ];
  const contestants = [
    { name: 'node -e 0', command: () => [node, '-e', '0'] },
    ...bundles.map((file) => run([file.replace(/^rkt-(.*)\.js$/, '$1'), '--version'], 1.5)),
    ...looking.map((words) => run(words, 1.5)),
    // It changes the disk and makes it durable, so what it takes depends on that.
    run(['prepare', '--quiet', insecure, id, '--', '/bin/true']),
  ];
  const outcomes = race(stopwatch, contestants, quick ? 7 : rounds);
  for (const used of [dir, prepared]) collect(used);
  return outcomes;
}

/** Fetching an image that is not in the store, from a registry on the loopback, against skopeo. */
export async function fetching({ stopwatch, place, quick }: Race): Promise<Outcome[]> {
  await using registry = await startRegistry();
  const name = quick ? 'busybox' : 'debian';
  await registry.push(`oci:${imageOf(name)}:latest`, `${name}:1`);
  const reference = `docker://${registry.host}/${name}:1`;
  const to = (tool: string) => join(place, `fetched-by-${tool}`);
  const contestants: Contestant[] = [
    {
      name: `skopeo copy (${name})`,
      command: () => [
        'skopeo',
        '--insecure-policy',
        'copy',
        '-q',
        '--src-tls-verify=false',
        reference,
        `oci:${to('skopeo')}:1`,
      ],
      after: () => {
        rmSync(to('skopeo'), { recursive: true, force: true });
      },
    },
    {
      name: `rkt fetch (${name})`,
      command: () => [join(bin, 'rkt-fetch'), `--dir=${to('rkt')}`, '--quiet', '--insecure-options=http', reference],
      against: `skopeo copy (${name})`,
      after: () => {
        rmSync(to('rkt'), { recursive: true, force: true });
      },
    },
  ];
  return race(stopwatch, contestants, quick ? 5 : 7);
}

/** Leaves neither pods nor their cgroups behind. */
function collect(dir: string): void {
  const all = ['--grace-period=0s', '--expire-prepared=0s'];
  for (let pass = 0; pass < 2; pass++) rkt('gc', `--dir=${dir}`, ...all);
}
