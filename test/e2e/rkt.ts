// SPDX-License-Identifier: Apache-2.0
// Runs the built executables, as root or as an ordinary user, in a data directory of its own that is cleaned up.
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext } from 'node:test';

const root = join(import.meta.dirname, '..', '..');

/** The directory of the built executables. */
export const bin = join(root, 'dist', 'bin');

/** The cache of test images: OCI layouts that `scripts/images` builds. */
export const images = join(process.env['RKT_TEST_CACHE'] ?? join(root, '.cache'), 'images');

/** Why pods cannot be tested here, or false. */
export const skipPods = process.getuid?.() === 0 ? false : 'pods are prepared and run by root';

/** What a command did. */
export interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A data directory of rkt and its commands. */
export interface Rkt {
  readonly dir: string;
  /** Runs `rkt COMMAND --dir=DIR ARG...` to its end. */
  readonly run: (command: string, ...args: readonly string[]) => Result;
  /** The same; anything but status 0 fails the test. Returns standard output without its last line feed. */
  readonly ok: (command: string, ...args: readonly string[]) => string;
  /** Starts a command and returns at once; the test ends it or waits for it. */
  readonly start: (command: string, ...args: readonly string[]) => ChildProcess;
  /** Puts a test image into the store by skopeo and returns the reference under which rkt knows it. */
  readonly image: (name: string, tag?: string) => string;
}

/** Makes a data directory that is removed after the test, with all pods, mounts and cgroups that it made. */
export function makeRkt(t: TestContext): Rkt {
  const dir = mkdtempSync(join(tmpdir(), 'rkt-e2e-'));
  chmodSync(dir, 0o755);
  t.after(() => cleanUp(dir));
  const argv = (command: string, args: readonly string[]) =>
    [join(bin, `rkt-${command}`), [`--dir=${dir}`, ...args]] as const;
  const run = (command: string, ...args: readonly string[]): Result => {
    const [file, words] = argv(command, args);
    return spawnSync(file, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 120_000 });
  };
  const ok = (command: string, ...args: readonly string[]): string => {
    const { status, stdout, stderr } = run(command, ...args);
    if (status !== 0) throw new Error(`rkt-${command} ${args.join(' ')} ended with ${String(status)}: ${stderr}`);
    return stdout.replace(/\n$/, '');
  };
  return {
    dir,
    run,
    ok,
    start: (command, ...args) => {
      const [file, words] = argv(command, args);
      return spawn(file, words, { stdio: ['ignore', 'ignore', 'inherit'] });
    },
    image: (name, tag = 'latest') => {
      const reference = `registry.example.com/${name}:${tag}`;
      const from = `oci:${join(images, name)}:${tag}`;
      execFileSync('skopeo', ['copy', '-q', '--preserve-digests', from, `oci:${join(dir, 'store')}:${reference}`]);
      return `docker://${reference}`;
    },
  };
}

/** Runs a command in a pod of the image to its end. */
export function runPod(
  rkt: Rkt,
  image: string,
  { options = [], args }: { options?: readonly string[]; args: readonly string[] },
): Result {
  return rkt.run('run', '--insecure-options=image', image, ...options, '--', ...args);
}

/** Prepares and starts a pod and waits until its app executes its program. */
export async function startPod(
  rkt: Rkt,
  image: string,
  { options = [], args }: { options?: readonly string[]; args: readonly string[] },
) {
  const uuid = rkt.ok(
    'prepare',
    '--quiet',
    '--insecure-options=image',
    image,
    ...options,
    ...(args.length > 0 ? ['--', ...args] : []),
  );
  const child = rkt.start('run-prepared', uuid);
  const ended = new Promise<number | null>((resolve) => {
    child.on('close', resolve);
  });
  rkt.ok('status', '--wait-ready=30s', uuid);
  await Promise.resolve();
  return { uuid, child, ended, path: join(rkt.dir, 'pods', 'run', uuid) };
}

/** Ends the pods of a data directory and removes it with all that is left of them. */
export function cleanUp(dir: string): void {
  const uuids = ['run', 'prepared', 'exited-garbage', 'garbage'].flatMap((phase) => {
    const path = join(dir, 'pods', phase);
    return existsSync(path) ? readdirSync(path) : [];
  });
  for (const uuid of uuids) {
    endPod(join(dir, 'pods', 'run', uuid));
    removeCgroups(uuid);
  }
  rmSync(dir, { recursive: true, force: true });
}

/** Kills the parent of a pod that still runs: its pid is the first that its status names. */
function endPod(path: string): void {
  const status = join(path, 'status');
  const text = existsSync(status) ? readFileSync(status, 'utf8') : '';
  const pid = Number(/^started (\d+) /m.exec(text)?.[1]);
  if (/^(exited|killed) /m.test(text) || !existsSync(`/proc/${pid}/cmdline`)) return;
  if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(path.split('/').at(-1) ?? path))
    process.kill(pid, 'SIGKILL');
}

/** Removes the cgroups of a pod whose processes are ending. */
export function removeCgroups(uuid: string): void {
  for (const mount of readdirSync('/sys/fs/cgroup')) {
    const pod = join('/sys/fs/cgroup', mount, 'rkt', uuid);
    if (existsSync(pod)) removeCgroup(pod);
  }
  const unified = join('/sys/fs/cgroup/rkt', uuid);
  if (existsSync(unified)) removeCgroup(unified);
}

function removeCgroup(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) removeCgroup(join(path, entry.name));
  }
  const until = Date.now() + 5000;
  for (;;) {
    try {
      return rmdirSync(path);
    } catch (error) {
      // The processes of a pod that was killed a moment ago are still leaving.
      if (Date.now() > until) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  }
}
