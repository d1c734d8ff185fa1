// SPDX-License-Identifier: Apache-2.0
// The races: who runs against whom, at what, and with which target.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
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

/** Start-up of each command that is a bundle, against the same Node doing nothing. */
export function commands({ stopwatch, place, rounds, quick }: Race): Outcome[] {
  const bundles = readdirSync(join(root, 'dist', 'lib', 'rkt')).filter((file) => /^rkt-.*\.js$/.test(file));
  const names = bundles.map((file) => file.replace(/\.js$/, ''));
  const dir = join(place, 'commands');
  mkdirSync(dir);
  const id = rkt('fetch', `--dir=${dir}`, '--quiet', '--full', `oci:${imageOf('busybox')}:latest`);
  const pod = rkt('prepare', `--dir=${dir}`, '--quiet', insecure, id);
  const plain: Readonly<Record<string, readonly string[]>> = {
    'rkt-list': [],
    'rkt-gc': [],
    'rkt-image': ['list'],
    'rkt-cat-manifest': [pod],
    'rkt-cat-plan': [pod],
    'rkt-fetch': ['--pull-policy=never', '--quiet', id],
  };
  const node = join(root, 'dist', 'lib', 'rkt', 'node');
  const run = (name: string, args: readonly string[]): Contestant => ({
    name: [name.replace(/^rkt-/, 'rkt '), ...args.map((arg) => (arg === pod || arg === id ? '…' : arg))].join(' '),
    command: () => [join(bin, name), ...(args[0] === '--version' ? [] : [`--dir=${dir}`]), ...args],
    against: 'node -e 0',
    target: 1.5,
  });
  const contestants = [
    { name: 'node -e 0', command: () => [node, '-e', '0'] },
    ...names.map((name) => run(name, ['--version'])),
    ...Object.entries(plain)
      .filter(([name]) => names.includes(name))
      .map(([name, args]) => run(name, args)),
  ];
  const outcomes = race(stopwatch, contestants, quick ? 7 : rounds);
  collect(dir);
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
