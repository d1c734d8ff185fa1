// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runInVm, vmIsMissing } from './vm.ts';

const skip = vmIsMissing();

test('run.sh passes arguments, output, errors and the status', { skip }, () => {
  const args = ['', "it's", 'a\nb', '$HOME `x` "y"', '*'];
  const script = 'for a; do echo "<$a>"; done; test -t 1 || echo "no terminal"; echo bad >&2; exit 42';
  const { status, stdout, stderr } = runInVm([], ['sh', '-c', script, 'sh', ...args]);
  assert.equal(stdout, `${args.map((arg) => `<${arg}>\n`).join('')}no terminal\n`);
  assert.equal(stderr, 'bad\n');
  assert.equal(status, 42);
});

test('run.sh takes files, directories and programs with their libraries', { skip }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'rkt-vm-'));
  try {
    mkdirSync(join(directory, 'tree', 'a'), { recursive: true });
    writeFileSync(join(directory, 'tree', 'a', 'f'), 'content\n', { mode: 0o640 });
    symlinkSync('a/f', join(directory, 'tree', 'link'));
    const { status, stdout, stderr } = runInVm(
      [
        '--file',
        `${directory}/tree:/srv/t`,
        '--file',
        `${directory}/tree/a/f:/srv/t/g`,
        '--program',
        '/bin/ls:/gnu/ls',
      ],
      [
        'sh',
        '-c',
        'cat /srv/t/link /srv/t/g; stat -c "%a %U" /srv/t/a/f; readlink /srv/t/link; /gnu/ls --version | head -n 1',
      ],
    );
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^content\ncontent\n640 root\na\/f\nls \(GNU coreutils\)/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('run.sh writes nowhere but in the new root, whatever links it is given', { skip }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'rkt-vm-'));
  try {
    mkdirSync(join(directory, 'tree'));
    mkdirSync(join(directory, 'outside'));
    writeFileSync(join(directory, 'canary'), 'alive');
    writeFileSync(join(directory, 'file'), 'new');
    symlinkSync(join(directory, 'canary'), join(directory, 'tree', 'node'));
    symlinkSync(join(directory, 'outside'), join(directory, 'tree', 'lib'));
    const tree = ['--file', `${directory}/tree:/t`];
    const replaced = runInVm([...tree, '--file', `${directory}/file:/t/node`], ['cat', '/t/node']);
    assert.deepEqual([replaced.status, replaced.stdout], [0, 'new'], replaced.stderr);
    assert.equal(readFileSync(join(directory, 'canary'), 'utf8'), 'alive');
    for (const destination of ['/t/lib/file', '/t/lib/deep/file', '/t/../../file']) {
      const { status, stderr } = runInVm([...tree, '--file', `${directory}/file:${destination}`], ['true']);
      assert.equal(status, 64);
      assert.match(stderr, /a link leads out of/);
    }
    assert.equal(runInVm([...tree, '--file', `${directory}:/t/lib`], ['true']).status, 64);
    assert.deepEqual(readdirSync(join(directory, 'outside')), []);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('run.sh gives a root that can be left and overlays', { skip }, () => {
  const script = [
    'mkdir -p /o/lower /o/upper /o/work /o/m',
    'echo lower > /o/lower/f',
    'mount -t overlay -o lowerdir=/o/lower,upperdir=/o/upper,workdir=/o/work overlay /o/m',
    'echo changed > /o/m/f',
    'cat /o/lower/f /o/upper/f',
    'cp -a /bin /o/m/bin && mkdir /o/m/old',
    'unshare -m sh -c "mount --make-rprivate / && cd /o/m && pivot_root . old && /bin/busybox cat /f"',
  ].join(' && ');
  const { stdout, stderr } = runInVm([], ['sh', '-c', script]);
  assert.equal(stdout, 'lower\nchanged\nchanged\n', stderr);
});

test('run.sh ends when the time is over and shows what was printed', { skip }, () => {
  const { status, stdout, stderr } = runInVm(['--timeout', '20'], ['sh', '-c', 'echo begun; exec sleep 1000']);
  assert.equal(status, 124);
  assert.equal(stdout, 'begun\n');
  assert.match(stderr, /^run\.sh: the time is over: 20 s$/m);
});

test('run.sh tells a machine that died from a command that failed', { skip }, () => {
  const { status, stderr } = runInVm([], ['sh', '-c', 'echo c > /proc/sysrq-trigger']);
  assert.equal(status, 125);
  assert.match(stderr, /the machine reports no status/);
  assert.match(stderr, /Kernel panic/);
});

test('run.sh does not wait for what the command left behind', { skip }, () => {
  const { status, stdout } = runInVm(['--timeout', '60'], ['sh', '-c', 'sleep 1000 & echo done']);
  assert.deepEqual([status, stdout], [0, 'done\n']);
});

test('run.sh refuses a wrong command line', () => {
  const wrong = [
    [],
    ['--'],
    ['--file', '/etc/passwd', '--', 'true'],
    ['--file', '/none:/x', '--', 'true'],
    ['-x', '--'],
    ['--memory'],
  ];
  for (const args of [...wrong, ['--cgroups', 'v3', '--', 'true']]) {
    const { status, stderr } = spawnSync(join(import.meta.dirname, 'run.sh'), args, { encoding: 'utf8' });
    assert.equal(status, 64, args.join(' '));
    assert.match(stderr, /^run\.sh: .*\nusage: /i);
  }
});
