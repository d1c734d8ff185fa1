// SPDX-License-Identifier: Apache-2.0
// A data directory with an image, pods that cost next to nothing to make, and a look at what stays of them.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext } from 'node:test';
import { openStore } from '@rkt/store';
import { bin, makeRkt, type Rkt } from '../e2e/rkt.ts';

/** The program that executes plans. */
export const stage1 = join(bin, '..', 'lib', 'rkt', 'stage1');

/** Every line of rkt is one line, and begins with the name of its program. */
export const ONE_LINE = /^(stage1|rkt-[a-z-]+): [^\n]+\n$/;

/** A data directory for many pods that meet faults. */
export interface Bed {
  readonly rkt: Rkt;
  readonly image: string;
  /** Makes a prepared pod with this command out of a copy of an earlier one; returns the UUID. */
  readonly pod: (command: readonly string[], options?: readonly string[]) => string;
  /** Runs a pod until `end`; returns when its app executes. */
  readonly run: (uuid: string) => void;
  /** Kills the pods that run, and waits for their end. */
  readonly end: () => Promise<void>;
  /** Collects once, and fails if anything of a pod stays anywhere, or the store is not whole. */
  readonly collect: () => Promise<void>;
}

/** Makes the bed; the image is that of busybox. */
export function makeBed(t: TestContext): Bed {
  const rkt = makeRkt(t);
  const image = rkt.image('busybox');
  const templates = new Map<string, { readonly uuid: string; readonly path: string }>();
  const made: string[] = [];
  const running: ChildProcess[] = [];
  const pod = (command: readonly string[], options: readonly string[] = []): string => {
    const key = JSON.stringify([command, options]);
    const template = templates.get(key) ?? makeTemplate(rkt, image, { command, options });
    templates.set(key, template);
    const uuid = copyOf(rkt, template);
    made.push(uuid);
    return uuid;
  };
  return {
    rkt,
    image,
    pod,
    run: (uuid) => {
      running.push(rkt.start('run-prepared', uuid));
      rkt.ok('status', '--wait-ready=30s', uuid);
    },
    end: async () => {
      await Promise.all(running.splice(0).map(ended));
    },
    collect: async () => collect(rkt, made.splice(0)),
  };
}

async function ended(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

function makeTemplate(
  rkt: Rkt,
  image: string,
  { command, options }: { readonly command: readonly string[]; readonly options: readonly string[] },
) {
  const words = ['--quiet', '--insecure-options=image', image, '--name=app', ...options, '--', ...command];
  const uuid = rkt.ok('prepare', ...words);
  const path = join(rkt.dir, `template-${uuid}`);
  renameSync(join(rkt.dir, 'pods', 'prepared', uuid), path);
  return { uuid, path };
}

function copyOf(rkt: Rkt, { uuid, path }: { readonly uuid: string; readonly path: string }): string {
  const own = randomUUID();
  const to = join(rkt.dir, 'pods', 'prepared', own);
  execFileSync('cp', ['-a', path, to]);
  for (const name of ['plan', 'pod.json', 'apps/app/plan', 'apps/app/config.json']) {
    const file = join(to, name);
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(uuid, own));
  }
  mkdirSync(join(rkt.dir, 'ranges'), { recursive: true });
  writeFileSync(join(rkt.dir, 'ranges', String(Number.parseInt(own.slice(0, 4), 16))), `${own}\n`);
  return own;
}

async function collect(rkt: Rkt, uuids: readonly string[]): Promise<void> {
  await processesGone(rkt.dir);
  const { status, stderr } = rkt.run('gc', '--grace-period=0s', '--expire-prepared=0s');
  assert.equal(status, 0, stderr);
  assert.deepEqual(namesOf(join(rkt.dir, 'pods')).flatMap((phase) => namesOf(join(rkt.dir, 'pods', phase))), []); // prettier-ignore
  assert.deepEqual(namesOf(join(rkt.dir, 'ranges')), []);
  assert.deepEqual(namesOf(join(rkt.dir, 'layers')).filter((name) => name.startsWith('.')), []); // prettier-ignore
  assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), new RegExp(rkt.dir));
  assert.deepEqual(namesOf('/run/rkt').filter((name) => name.startsWith('unmount-')), []); // prettier-ignore
  const cgroups = new Set(cgroupsOf());
  assert.deepEqual(uuids.filter((uuid) => cgroups.has(uuid)), []); // prettier-ignore
  for (const { digest, state } of await openStore(join(rkt.dir, 'store')).verify()) assert.equal(state, 'ok', digest);
}

function namesOf(path: string): string[] {
  return existsSync(path) ? readdirSync(path) : [];
}

/** The names of all cgroups of pods on this machine. */
function cgroupsOf(): string[] {
  const mounts = namesOf('/sys/fs/cgroup').map((name) => join('/sys/fs/cgroup', name, 'rkt'));
  return [...mounts, '/sys/fs/cgroup/rkt'].flatMap(namesOf);
}

const PATIENCE_MS = 10_000;

/** Waits until no process has anything below the directory: as its program, open, mounted, or in its command line. */
async function processesGone(dir: string): Promise<void> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = processesWith(dir);
    if (found.length === 0) return;
    if (performance.now() > until) assert.fail(`still there: ${found.join(', ')}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
}

function processesWith(dir: string): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  return pids.flatMap((pid) => {
    const found = ['cmdline', 'mountinfo'].some((file) => quietly(() => readFileSync(`/proc/${pid}/${file}`, 'utf8')).includes(dir)); // prettier-ignore
    const descriptors = quietly(() => readdirSync(`/proc/${pid}/fd`).map((fd) => quietly(() => readlinkSync(`/proc/${pid}/fd/${fd}`))).join('\n')); // prettier-ignore
    if (!found && !descriptors.includes(dir)) return [];
    return [`${pid} ${quietly(() => readFileSync(`/proc/${pid}/comm`, 'utf8')).trim()}`];
  });
}

/** Processes come and go while they are looked at. */
function quietly(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
