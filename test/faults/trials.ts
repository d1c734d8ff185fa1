// SPDX-License-Identifier: Apache-2.0
// The commands of the main job, each with what it works on.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { images } from '../e2e/rkt.ts';
import { type Bed } from './bed.ts';
import { type Trial, words } from './commands.ts';

const ALL = ['--grace-period=0s', '--expire-prepared=0s'];

function prepareWords(bed: Bed): string[] {
  return words(bed, 'prepare', '--quiet', '--insecure-options=image', bed.image, '--', 'echo', 'ran');
}

/** What was prepared in spite of a fault is a pod like any other. */
function runsAsAlways({ rkt }: Bed, { stdout }: { readonly stdout: string }): void {
  const uuid = stdout.trim();
  const manifest: object = JSON.parse(readFileSync(join(rkt.dir, 'pods', 'prepared', uuid, 'pod.json'), 'utf8'));
  assert.partialDeepStrictEqual(manifest, { userNamespace: { count: 65536 } });
  assert.match(readFileSync(join(rkt.dir, 'pods', 'prepared', uuid, 'apps', 'busybox', 'plan'), 'utf8'), /^seccomp /m);
  const { status, stdout: said, stderr } = rkt.run('run-prepared', uuid);
  assert.deepEqual([status, said, stderr], [0, 'ran\n', '']);
}

function withoutLayers({ rkt }: Bed): void {
  rmSync(join(rkt.dir, 'layers'), { recursive: true, force: true });
}

/** A pod of an image whose layers are unpacked. */
export const prepare: Trial = { make: prepareWords, done: runsAsAlways };

/** The same, and the layers have to be unpacked first. */
export const prepareAnew: Trial = {
  make: (bed) => {
    withoutLayers(bed);
    return prepareWords(bed);
  },
  done: runsAsAlways,
};

/** The same, and what is struck is the program that makes the files of a layer. */
export const unpack: Trial = { ...prepareAnew, filter: { program: 'unpack' } };

/** A command in a running app. */
export const enter: Trial = {
  make: (bed) => {
    const uuid = bed.pod(['sleep', '1000']);
    bed.run(uuid);
    return words(bed, 'enter', uuid, 'echo', 'inside');
  },
  done: (_, { stdout }) => assert.equal(stdout, 'inside\n'),
};

function running(bed: Bed): string {
  const uuid = bed.pod(['sleep', '1000']);
  bed.run(uuid);
  return uuid;
}

/** Other limits of a running app: what its files say is what the kernel was told. */
export const update: Trial = {
  make: (bed) => words(bed, 'update', running(bed), '--pids-limit=50', '--cpuset-cpus=0'),
  done: ({ rkt }, { stdout }) => {
    const uuid = String(JSON.parse(stdout));
    const config = readFileSync(join(rkt.dir, 'pods', 'run', uuid, 'apps', 'app', 'config.json'), 'utf8');
    assert.match(config, /"limit": 50\b/);
    assert.equal(rkt.run('enter', uuid, 'nproc').stdout, '1\n');
  },
};

/** The end of a running pod. */
export const stop: Trial = { make: (bed) => words(bed, 'stop', running(bed)) };

/** The same by force. */
export const stopByForce: Trial = {
  make: (bed) => words(bed, 'stop', '--force', running(bed)),
  done: ({ rkt }, { stdout }) => {
    const uuid = JSON.parse(stdout);
    assert.match(rkt.run('status', String(uuid)).stdout, /^state=exited$/m);
  },
};

/** The end of an exited pod. */
export const rm: Trial = {
  make: (bed) => {
    const uuid = bed.pod(['true']);
    bed.rkt.run('run-prepared', uuid);
    return words(bed, 'rm', uuid);
  },
  done: ({ rkt }) => assert.equal(rkt.ok('list', '--no-legend'), ''),
};

/** The collection of an exited and a prepared pod, and of what killed preparations have left. */
export const gc: Trial = {
  make: (bed) => {
    bed.rkt.run('run-prepared', bed.pod(['true']));
    bed.pod(['true']);
    mkdirSync(join(bed.rkt.dir, 'pods', 'embryo', '00000000-0000-4000-8000-000000000000'), { recursive: true });
    mkdirSync(join(bed.rkt.dir, 'layers', `.${'ab'.repeat(32)}.0123456789ab.tmp`, 'tree'), { recursive: true });
    return words(bed, 'gc', ...ALL);
  },
  done: ({ rkt }) => assert.equal(rkt.ok('list', '--no-legend'), ''),
};

/** The collection of blobs and layers that nothing needs. */
export const imageGc: Trial = {
  make: (bed) => {
    const { rkt } = bed;
    const tree = join(rkt.dir, 'layers', 'cd'.repeat(32));
    if (!existsSync(tree)) mkdirSync(join(tree, 'tree'), { recursive: true });
    const bytes = 'nobody needs this';
    const digest = createHash('sha256').update(bytes).digest('hex');
    writeFileSync(join(rkt.dir, 'store', 'blobs', 'sha256', digest), bytes);
    mkdirSync(join(rkt.dir, 'store', 'partial'), { recursive: true });
    writeFileSync(join(rkt.dir, 'store', 'partial', 'ef'.repeat(32)), 'and nobody this');
    return words(bed, 'image', 'gc', '--grace-period=0s');
  },
};

/** The removal of an image, which is put into the store again for each fault. */
export const imageRm: Trial = {
  make: (bed) => {
    const from = `oci:${join(images, 'busybox')}:latest`;
    const to = `oci:${join(bed.rkt.dir, 'store')}:${bed.image.replace('docker://', '')}`;
    execFileSync('skopeo', ['copy', '-q', '--preserve-digests', from, to]);
    return words(bed, 'image', 'rm', bed.image);
  },
  done: (bed) => assert.equal(bed.rkt.run('image', 'rm', bed.image).status, 66),
};
