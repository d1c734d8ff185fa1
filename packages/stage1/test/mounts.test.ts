// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { PRIVATE_MOUNTS, Scratch, shell, skip } from './stage1.ts';

/** Executes lines in a mount namespace of their own, in the scratch directory. */
function run(scratch: Scratch, lines: readonly string[]): string {
  const { status, stderr, stdout } = scratch.run([...PRIVATE_MOUNTS, `chdir ${scratch.directory}`, ...lines]);
  assert.equal(stderr, '');
  assert.equal(status, 0);
  return stdout;
}

function fails(scratch: Scratch, lines: readonly string[], message: string): void {
  const { status, stderr } = scratch.run([...PRIVATE_MOUNTS, `chdir ${scratch.directory}`, ...lines]);
  assert.equal(stderr, `stage1: ${scratch.path('plan')}:${lines.length + 3}: ${message}\n`);
  assert.equal(status, 125);
}

function hostMounts(): string {
  return readFileSync('/proc/self/mountinfo', 'utf8');
}

test('mount and umount2 work in the namespace only', { skip }, () => {
  using scratch = new Scratch();
  const before = hostMounts();
  mkdirSync(scratch.path('m'));
  const tmpfs = 'mount "" m tmpfs MS_NOSUID|MS_NODEV mode=0700,size=64k';
  const shown = run(scratch, [tmpfs, shell('grep " $PWD/m " /proc/self/mountinfo')]);
  assert.match(shown, /nosuid,nodev,relatime .*- tmpfs none rw,size=64k,mode=700/);
  assert.equal(hostMounts(), before);
  run(scratch, [tmpfs, 'umount2 m MNT_DETACH|UMOUNT_NOFOLLOW', 'rmdir m', 'mkdir m 0755']);
  run(scratch, [tmpfs, 'mount "" m "" MS_REMOUNT|MS_RDONLY ""', shell('! mkdir m/x 2>/dev/null')]);
  run(scratch, [tmpfs, 'mkdir m/a 0755', 'mkdir n 0755', 'mount m n "" MS_BIND ""', shell('test -d n/a')]);
  fails(scratch, ['mount x m none 0 ""'], 'mount: cannot mount "x m none 0 """: no such device');
  fails(scratch, ['umount2 m 0'], 'umount2: cannot unmount "m 0": invalid argument');
});

test('mount refuses options that the kernel would cut off', { skip }, () => {
  using scratch = new Scratch();
  const { stderr } = scratch.run([...PRIVATE_MOUNTS, `mount "" /mnt tmpfs 0 ${'a'.repeat(4096)}`]);
  assert.match(stderr, /: options longer than 4095 bytes\n$/);
});

test('pivot_root with . and . leaves nothing of the old root', { skip }, () => {
  using scratch = new Scratch();
  const lines = [
    'open_tree 5 AT_FDCWD / OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC',
    'mkdir r 0755',
    'move_mount 5 AT_FDCWD r',
    'chdir r',
    'pivot_root . .',
    'umount2 . MNT_DETACH',
    'chdir /',
    'mount proc /proc proc 0 ""',
  ];
  assert.equal(run(scratch, [...lines, shell('wc -l < /proc/self/mountinfo')]), '2\n');
  // What was mounted over the old root is not left over the new one either.
  const covers = ['mount "" / tmpfs 0 ""', 'mount "" /.. tmpfs 0 ""'];
  assert.equal(run(scratch, [...covers, ...lines, shell('ls -d /../etc; wc -l < /proc/self/mountinfo')]), '/../etc\n2\n'); // prettier-ignore
  fails(scratch, ['pivot_root . .'], 'pivot_root: cannot change root mount to ". .": device or resource busy');
});

test('open_tree, mount_setattr and move_mount attach a detached copy', { skip }, () => {
  using scratch = new Scratch();
  mkdirSync(scratch.path('a'));
  mkdirSync(scratch.path('b'));
  const copy = [
    'open_tree 5 AT_FDCWD a OPEN_TREE_CLONE',
    'mount_setattr 5 0 MOUNT_ATTR_RDONLY|MOUNT_ATTR_NOSUID 0 MS_PRIVATE -',
  ];
  const attached = [...copy, 'open 6 b O_PATH|O_DIRECTORY 0000', 'move_mount 5 6 ""'];
  const mountinfo = run(scratch, [...attached, shell('grep " $PWD/b " /proc/self/mountinfo')]);
  assert.match(mountinfo, / ro,nosuid,relatime - /);
  run(scratch, [...copy, 'move_mount 5 AT_FDCWD b', shell('! mkdir b/x 2>/dev/null && mkdir a/x')]);
  run(scratch, [
    'open 4 / O_PATH 0000',
    ...copy,
    'mount_setattr 5 AT_RECURSIVE 0 MOUNT_ATTR_RDONLY 0 -',
    `move_mount 5 4 ${scratch.path('b')}`,
  ]);
  fails(
    scratch,
    ['open_tree 5 AT_FDCWD none OPEN_TREE_CLONE'],
    'open_tree: cannot open mount "5 AT_FDCWD none OPEN_TREE_CLONE": no such file or directory',
  );
  fails(
    scratch,
    ['mount_setattr 5 0 MOUNT_ATTR_RDONLY 0 0 -'],
    'mount_setattr: cannot change mount "5 0 MOUNT_ATTR_RDONLY 0 0 -": bad file descriptor',
  );
  fails(scratch, ['move_mount 5 AT_FDCWD b'], 'move_mount: cannot attach mount "5 AT_FDCWD b": bad file descriptor');
});

test('mount_setattr maps the ids of a mount by a user namespace', { skip }, () => {
  using scratch = new Scratch();
  mkdirSync(scratch.path('tree'));
  mkdirSync(scratch.path('mapped'));
  const shown = run(scratch, [
    'namespaces CLONE_NEWUSER 10 0:1000000:65536 0:2000000:65536',
    'mount "" tree tmpfs 0 ""',
    'creat tree/f 0644',
    'open_tree 5 AT_FDCWD tree OPEN_TREE_CLONE',
    'mount_setattr 5 0 MOUNT_ATTR_IDMAP 0 0 10',
    'move_mount 5 AT_FDCWD mapped',
    shell('stat -c "%u:%g" mapped/f'),
  ]);
  assert.equal(shown, '1000000:2000000\n');
});

test('fsopen, fsconfig and fsmount make a file system', { skip }, () => {
  using scratch = new Scratch();
  mkdirSync(scratch.path('m'));
  const configured = [
    'fsopen 5 tmpfs',
    'fsconfig 5 FSCONFIG_SET_STRING size 64k',
    'fsconfig 5 FSCONFIG_SET_FLAG ro ""',
  ];
  const made = [...configured, 'fsconfig 5 FSCONFIG_CMD_CREATE "" ""', 'fsmount 6 5 FSMOUNT_CLOEXEC MOUNT_ATTR_NOEXEC'];
  const shown = run(scratch, [...made, 'move_mount 6 AT_FDCWD m', shell('grep " $PWD/m " /proc/self/mountinfo')]);
  assert.match(shown, / rw,noexec,relatime - tmpfs none ro,size=64k/);
  fails(scratch, ['fsopen 5 nothing'], 'fsopen: cannot configure file system "5 nothing": no such device');
  fails(
    scratch,
    ['fsopen 5 tmpfs', 'fsconfig 5 FSCONFIG_SET_STRING nothing x'],
    'fsconfig: cannot configure file system "5 FSCONFIG_SET_STRING nothing x": invalid argument',
  );
  fails(scratch, [...configured, 'fsmount 6 5 0 0'], 'fsmount: cannot mount file system "6 5 0 0": invalid argument');
});
