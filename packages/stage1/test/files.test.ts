// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { lstatSync, mkdirSync, readlinkSync, statSync, symlinkSync } from 'node:fs';
import { test } from 'node:test';
import { isLocked, Scratch, shell, skip } from './stage1.ts';

function mode(path: string): number {
  return lstatSync(path).mode & 0o7777;
}

/** Executes lines in the scratch directory and expects the message of the last one. */
function fails(scratch: Scratch, lines: readonly string[], message: string): void {
  const { status, stderr } = scratch.run([`chdir ${scratch.directory}`, ...lines]);
  assert.equal(stderr, `stage1: ${scratch.path('plan')}:${lines.length + 1}: ${message}\n`);
  assert.equal(status, 125);
}

function succeeds(scratch: Scratch, lines: readonly string[]): string {
  const { status, stderr, stdout } = scratch.run([`chdir ${scratch.directory}`, ...lines]);
  assert.equal(stderr, '');
  assert.equal(status, 0);
  return stdout;
}

test('open opens the path as the descriptor, and replaces what is open', { skip }, () => {
  using scratch = new Scratch();
  const output = succeeds(scratch, [
    'open 1 out O_WRONLY|O_CREAT|O_EXCL 0640',
    'open 7 /dev/null O_RDONLY 0000',
    'open 7 out O_WRONLY|O_APPEND 0000',
    shell('echo hello'),
  ]);
  assert.equal(output, '');
  assert.equal(scratch.read('out'), 'hello\n');
  assert.equal(mode(scratch.path('out')), 0o640);
  fails(scratch, ['open 3 none O_RDONLY 0000'], 'open: cannot open "3 none O_RDONLY 0000": no such file or directory');
});

test('openat2 resolves as the plan restricts', { skip }, () => {
  using scratch = new Scratch();
  symlinkSync('/etc', scratch.path('link'));
  const root = ['open 5 . O_PATH|O_DIRECTORY 0000'];
  succeeds(scratch, [...root, 'openat2 6 5 plan O_RDONLY RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS']);
  succeeds(scratch, [...root, 'openat2 6 AT_FDCWD link/passwd O_RDONLY 0']);
  fails(
    scratch,
    [...root, 'openat2 6 5 link/passwd O_RDONLY RESOLVE_BENEATH'],
    'openat2: cannot open "6 5 link/passwd O_RDONLY RESOLVE_BENEATH": invalid cross-device link',
  );
});

test('target makes what is missing below the root descriptor', { skip }, () => {
  using scratch = new Scratch();
  mkdirSync(scratch.path('root'));
  symlinkSync('/deep/er', scratch.path('root/absolute'));
  symlinkSync('../../../outside', scratch.path('root/relative'));
  const root = ['umask 0077', 'open 5 root O_PATH|O_DIRECTORY 0000'];
  succeeds(scratch, [...root, 'target 6 5 /a/b//c/ S_IFDIR', 'target 6 5 a/b/f S_IFREG', 'target 6 5 a/b/f S_IFREG']);
  assert.equal(mode(scratch.path('root/a/b/c')), 0o755);
  assert.equal(mode(scratch.path('root/a/b/f')), 0o644);
  mkdirSync(scratch.path('root/deep/er'), { recursive: true });
  mkdirSync(scratch.path('root/outside'));
  succeeds(scratch, [...root, 'target 6 5 /absolute/x S_IFDIR', 'target 6 5 /relative/y S_IFREG']);
  assert.ok(statSync(scratch.path('root/deep/er/x')).isDirectory());
  assert.ok(statSync(scratch.path('root/outside/y')).isFile());
  succeeds(scratch, [...root, 'target 6 5 / S_IFDIR', 'target 6 5 ../.. S_IFDIR']);
});

test('target refuses what is of another kind, dangling or magic', { skip }, () => {
  using scratch = new Scratch();
  mkdirSync(scratch.path('root/d'), { recursive: true });
  symlinkSync('none', scratch.path('root/dangling'));
  symlinkSync('/proc/self/cwd', scratch.path('root/magic'));
  const root = ['open 5 root O_PATH|O_DIRECTORY 0000'];
  const target = (path: string, kind: string, reason: string): void => {
    fails(
      scratch,
      [...root, `target 6 5 ${path} ${kind}`],
      `target: cannot open target "6 5 ${path} ${kind}": ${reason}`,
    );
  };
  target('d', 'S_IFREG', 'is a directory');
  target('dangling', 'S_IFREG', 'no such file or directory');
  target('dangling/x', 'S_IFDIR', 'no such file or directory');
  assert.throws(() => statSync(scratch.path('root/none')), { code: 'ENOENT' });
  succeeds(scratch, [...root, 'target 6 5 d/f S_IFREG']);
  target('d/f', 'S_IFDIR', 'not a directory');
  target('d/f/x', 'S_IFDIR', 'not a directory');
  fails(
    scratch,
    ['open 5 / O_PATH|O_DIRECTORY 0000', 'target 6 5 /proc/self/cwd S_IFDIR'],
    'target: cannot open target "6 5 /proc/self/cwd S_IFDIR": too many levels of symbolic links',
  );
});

test('close, close_range, dup3 and socketpair work on the numbers of the plan', { skip }, () => {
  using scratch = new Scratch();
  fails(scratch, ['close 9'], 'close: cannot close descriptor "9": bad file descriptor');
  const opened = ['open 9 /dev/null O_RDONLY 0000', 'dup3 9 20 O_CLOEXEC', 'socketpair 4 3', 'socketpair 3 4'];
  succeeds(scratch, [...opened, 'close 20', 'close 4', 'close 3']);
  fails(
    scratch,
    [...opened, 'close_range 9 4294967295 0', 'close 20'],
    'close: cannot close descriptor "20": bad file descriptor',
  );
  succeeds(scratch, [...opened, 'close_range 9 4294967295 CLOSE_RANGE_CLOEXEC', 'close 20']);
  fails(scratch, ['close_range 9 3 0'], 'close_range: cannot close descriptors "9 3 0": invalid argument');
  fails(scratch, ['dup3 9 10 0'], 'dup3: cannot copy descriptor "9 10 0": bad file descriptor');
});

test('mkdir and creat give exactly the mode', { skip }, () => {
  using scratch = new Scratch();
  succeeds(scratch, ['umask 0077', 'mkdir a 0777', 'mkdir b 2755', 'mkdir b/c 0750', 'mkdir a 0700', 'creat f 6666']);
  assert.equal(mode(scratch.path('a')), 0o777);
  assert.equal(mode(scratch.path('b')), 0o2755);
  assert.equal(mode(scratch.path('b/c')), 0o750);
  assert.equal(mode(scratch.path('f')), 0o6666);
  symlinkSync('a', scratch.path('link'));
  fails(scratch, ['mkdir f 0755'], 'mkdir: cannot make directory "f 0755": file exists');
  fails(scratch, ['mkdir link 0755'], 'mkdir: cannot make directory "link 0755": file exists');
  fails(scratch, ['creat f 0644'], 'creat: cannot make file "f 0644": file exists');
  fails(scratch, ['creat link 0644'], 'creat: cannot make file "link 0644": file exists');
});

test('mknod makes devices with exactly the mode', { skip }, () => {
  using scratch = new Scratch();
  succeeds(scratch, ['umask 0077', 'mknod n S_IFCHR 0666 1 3', 'mknod b S_IFBLK 0640 259 70000']);
  const { rdev } = lstatSync(scratch.path('n'));
  assert.equal(rdev, 0x103);
  assert.equal(mode(scratch.path('n')), 0o666);
  assert.ok(lstatSync(scratch.path('b')).isBlockDevice());
  assert.equal(lstatSync(scratch.path('b')).rdev, (70000 & 0xff) | (259 << 8) | ((70000 & ~0xff) << 12));
  fails(scratch, ['mknod n S_IFCHR 0666 1 3'], 'mknod: cannot make device "n S_IFCHR 0666 1 3": file exists');
  fails(
    scratch,
    ['mknod x S_IFCHR 0666 4096 3'],
    'mknod: cannot make device "x S_IFCHR 0666 4096 3": invalid argument',
  );
});

test('symlink, chmod and lchown act on the path itself', { skip }, () => {
  using scratch = new Scratch();
  succeeds(scratch, ['creat f 0600', 'symlink f l', 'chmod f 4755', 'lchown l 12 34']);
  assert.equal(readlinkSync(scratch.path('l')), 'f');
  assert.equal(mode(scratch.path('f')), 0o4755);
  assert.equal(lstatSync(scratch.path('l')).uid, 12);
  assert.equal(lstatSync(scratch.path('l')).gid, 34);
  assert.equal(lstatSync(scratch.path('f')).uid, 0);
  fails(scratch, ['chmod l 0644'], 'chmod: cannot change mode "l 0644": operation not supported');
  fails(scratch, ['symlink x f'], 'symlink: cannot make symbolic link "x f": file exists');
  fails(scratch, ['lchown none 0 0'], 'lchown: cannot change owner "none 0 0": no such file or directory');
});

test('write writes to what exists, in one call', { skip }, () => {
  using scratch = new Scratch();
  succeeds(scratch, ['creat f 0600', 'write f a\\012b']);
  assert.equal(scratch.read('f'), 'a\nb');
  fails(scratch, ['write none x'], 'write: cannot write "none x": no such file or directory');
  fails(
    scratch,
    ['write /proc/self/oom_score_adj x\\042'],
    'write: cannot write "/proc/self/oom_score_adj x\\042": invalid argument',
  );
});

test('flock holds the lock for as long as the program runs, and gives 75 when it is held', { skip }, () => {
  using scratch = new Scratch();
  const lines = ['open 5 lock O_RDONLY|O_CREAT|O_CLOEXEC 0600', 'flock 5 LOCK_EX|LOCK_NB'];
  const inner = scratch.plan([`chdir ${scratch.directory}`, ...lines], 'inner');
  const output = succeeds(scratch, [...lines, `run ${process.execPath} node -e ${innerScript(inner)}`, 'fsync 5']);
  assert.equal(output, '75');
  assert.ok(!isLocked(scratch.path('lock')));
  fails(scratch, ['flock 5 LOCK_EX'], 'flock: cannot lock "5 LOCK_EX": bad file descriptor');
});

function innerScript(plan: string): string {
  const stage1 = `${import.meta.dirname}/../build/stage1`;
  return `process.stdout.write(String(require("child_process").spawnSync("${stage1}",["${plan}"]).status))`;
}

test('renameat2, unlink, rmdir and fsync', { skip }, () => {
  using scratch = new Scratch();
  succeeds(scratch, [
    'creat a 0600',
    'mkdir d 0700',
    'renameat2 a b RENAME_NOREPLACE',
    'renameat2 b d RENAME_EXCHANGE',
  ]);
  assert.ok(lstatSync(scratch.path('b')).isDirectory());
  fails(scratch, ['renameat2 d b RENAME_NOREPLACE'], 'renameat2: cannot rename "d b RENAME_NOREPLACE": file exists');
  fails(scratch, ['unlink b'], 'unlink: cannot remove "b": is a directory');
  fails(scratch, ['rmdir d'], 'rmdir: cannot remove directory "d": not a directory');
  succeeds(scratch, ['unlink d', 'rmdir b', 'open 5 . O_RDONLY|O_DIRECTORY 0000', 'fsync 5']);
  fails(scratch, ['fsync 5'], 'fsync: cannot make durable "5": bad file descriptor');
});

test('chdir, fchdir and chroot, and no way out of the root by a descriptor', { skip }, () => {
  using scratch = new Scratch();
  succeeds(scratch, ['mkdir r 0755', 'mkdir r/x 0755']);
  succeeds(scratch, ['open 5 r O_PATH 0000', 'fchdir 5', 'chdir x', 'chroot ..', 'chdir /x']);
  fails(
    scratch,
    ['open 5 /proc O_PATH|O_DIRECTORY 0000', 'chroot r', 'fchdir 5', 'chdir self/fd/5'],
    'chdir: cannot change to directory "self/fd/5": outside the root directory',
  );
  fails(scratch, ['chdir none'], 'chdir: cannot change to directory "none": no such file or directory');
  fails(scratch, ['fchdir 5'], 'fchdir: cannot change to directory "5": bad file descriptor');
  fails(scratch, ['chroot plan'], 'chroot: cannot change root to "plan": not a directory');
});

test('report writes the line of a failure to its descriptor too', { skip }, () => {
  using scratch = new Scratch();
  const message = 'unlink: cannot remove "a\\040b\\012c": no such file or directory';
  fails(
    scratch,
    ['open 5 error O_WRONLY|O_CREAT 0600', 'report 5', 'close_range 3 63 0', 'unlink a\\040b\\012c'],
    message,
  );
  assert.equal(scratch.read('error'), `stage1: ${scratch.path('plan')}:5: ${message}\n`);
  fails(scratch, ['report 5'], 'report: cannot report to "5": bad file descriptor');
});

test('a message is one line of at most 1 KiB, whatever the arguments are', { skip }, () => {
  using scratch = new Scratch();
  const { status, stderr } = scratch.run([`unlink ${'\\001'.repeat(4000)}`]);
  assert.equal(status, 125);
  assert.ok(stderr.length <= 1024);
  assert.match(
    stderr,
    /^stage1: [^\n]*\\001\.\.\.": no such file or directory\n$|^stage1: [^\n]*: file name too long\n$/,
  );
});

test('copy_xattrs copies the attributes of users, byte for byte, and no others', { skip }, () => {
  using scratch = new Scratch();
  const [from, to] = [scratch.path('from'), scratch.path('to')];
  const python = (script: string): string =>
    spawnSync('python3', ['-c', `import os; ${script}`], { encoding: 'utf8' }).stdout;
  const set = (name: string, value: string): string => `os.setxattr("${from}", "${name}", ${value})`;
  mkdirSync(from);
  mkdirSync(to);
  python(
    [
      set('user.a', 'bytes(range(256))'),
      set('user.empty', 'b""'),
      set('trusted.b', 'b"x"'),
      set('user.overlay.opaque', 'b"y"'),
    ].join('; '),
  );
  const { status, stderr } = scratch.run([`copy_xattrs ${from} ${to}`, `copy_xattrs ${from} ${to}`]);
  assert.deepEqual([status, stderr], [0, '']);
  const shown = python(`print({n: os.getxattr("${to}", n).hex() for n in sorted(os.listxattr("${to}"))})`);
  const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)).toString('hex');
  assert.equal(shown, `{'user.a': '${all}', 'user.empty': ''}\n`);
  const failed = scratch.run([`copy_xattrs ${from} ${scratch.path('none')}`]);
  assert.match(failed.stderr, /: copy_xattrs: cannot copy attributes "[^"]*": no such file or directory\n$/);
});
