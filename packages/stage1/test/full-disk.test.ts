// SPDX-License-Identifier: Apache-2.0
// A disk without room for what happened to a pod: people hear of it, and the pod lives on.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { test } from 'node:test';
import { podOf } from './pod.ts';
import { Scratch, shell, skip, word } from './stage1.ts';

/** A full file system at `full` in the scratch directory, which only the plan sees; its status files are there and empty. */
function fullDisk(scratch: Scratch, script = ':'): readonly string[] {
  const full = scratch.path('full');
  mkdirSync(full);
  return [
    'unshare CLONE_NEWNS',
    'mount "" / "" MS_REC|MS_PRIVATE ""',
    `mount "" ${full} tmpfs 0 size=64k`,
    `mkdir ${full}/a 0755`,
    `run /bin/sh sh -c ${word(`cd ${full}; : >status; : >a/status; ${script}; head -c 65536 /dev/zero >fill 2>/dev/null; :`)}`,
  ];
}

/** The same pod with its status files on the full disk. */
function onFullDisk(scratch: Scratch, lines: readonly string[]): readonly string[] {
  return lines.map((line) =>
    line
      .replace(scratch.path('apps/a/status'), scratch.path('full/a/status'))
      .replace(scratch.path('status'), scratch.path('full/status')),
  );
}

test('a status that cannot be written is mentioned once, and the pod goes on', { skip }, () => {
  using scratch = new Scratch();
  const lines = podOf(scratch, { a: [shell('echo ran; exit 7')] });
  const { status, stdout, stderr } = scratch.run([...fullDisk(scratch), ...onFullDisk(scratch, lines)]);
  assert.deepEqual([status, stdout], [7, 'ran\n'], stderr);
  assert.equal(stderr, `stage1: cannot write "${scratch.path('full/status')}": no space left on device\n`);
});

test('of a status line there is all or nothing', { skip }, () => {
  using scratch = new Scratch();
  // What is free ends within a page that the file has: the first line of the app does not fit into the rest of it.
  const script = 'head -c 4090 /dev/zero >a/status';
  const show = shell(`tail -c +4091 ${scratch.path('full/a/status')} | od -An -c; exit 0`);
  const lines = podOf(scratch, { a: [show] });
  const { status, stdout, stderr } = scratch.run([...fullDisk(scratch, script), ...onFullDisk(scratch, lines)]);
  assert.deepEqual([status, stdout], [0, '']);
  assert.match(stderr, /full\/status": no space left on device\n$/);
});

test('a limit of the size of files costs a status, and no pod', { skip }, () => {
  using scratch = new Scratch();
  const lines = podOf(scratch, { a: [shell('echo ran; exit 7')] }, { before: ['setrlimit RLIMIT_FSIZE 0 0'] });
  const { status, stdout, stderr } = scratch.run(lines);
  assert.deepEqual([status, stdout], [7, 'ran\n']);
  assert.match(stderr, /^stage1: cannot write ".*\/status": file too large\n$/);
});

test('output that finds no room is mentioned once, and the pod goes on', { skip }, () => {
  using scratch = new Scratch();
  const app = shell('for i in 1 2 3; do echo $i; done; echo error >&2; exit 7');
  const redirect = [`open 1 ${scratch.path('full/output')} O_WRONLY|O_CREAT 0600`, 'pipes'];
  const { status, stderr } = scratch.run([...fullDisk(scratch), ...podOf(scratch, { a: [app] }, { before: redirect })]);
  assert.equal(status, 7);
  assert.deepEqual(
    new Set(stderr.trimEnd().split('\n')),
    new Set(['stage1: cannot write "/dev/stdout": no space left on device', 'error']),
  );
});
