// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { holdLock, makePod, runBin, startBin, startFakePod, TemporaryDirectory } from '@rkt/pod-fixtures';

const isRoot = process.getuid?.() === 0;

test('rkt-status prints a prepared pod and exits with 1', () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'prepared' });
  const { status, stdout, stderr } = runBin('rkt-status', [`--dir=${dir.path}`, pod.uuid]);
  assert.deepEqual(
    [status, stdout, stderr],
    [1, 'state=prepared\ncreated=2017-07-14 02:40:00 +0000 UTC\nuserns=268435456:65536\n', ''],
  );
});

test('rkt-status prints a running pod and exits with 0', async () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, {
    phase: 'run',
    status: 'started 100 101 1500000001.25\nready 1500000002.0\n',
    manifest: { userNamespace: { unavailable: 'the file system cannot map ids' } },
  });
  await using holder = await holdLock(pod.path);
  assert.ok(holder.child.pid);
  const { status, stdout } = runBin('rkt-status', [`--dir=${dir.path}`, pod.uuid.slice(0, 18).toUpperCase()]);
  assert.equal(status, 0);
  assert.equal(
    stdout,
    `state=running
created=2017-07-14 02:40:00 +0000 UTC
started=2017-07-14 02:40:01.25 +0000 UTC
networks=
userns=none: the file system cannot map ids
pid=101
exited=false
`,
  );
});

test('rkt-status prints the exit code of each app of an exited pod, and exits with 1', () => {
  using dir = new TemporaryDirectory();
  makePod(dir.path, {
    phase: 'run',
    apps: ['one', 'two'],
    status: 'started 100 101 1500000001.0\nexited 3 1500000004.0\n',
    appStatus: {
      one: 'started 2 1500000001.0\nexited 3 1500000002.0\n',
      two: 'started 3 1500000001.0\nkilled 15 1500000003.0\n',
    },
  });
  const uuidFile = join(dir.path, 'uuid');
  const { stdout: listed } = runBin('rkt-list', [`--dir=${dir.path}`, '--no-legend', '--full']);
  writeFileSync(uuidFile, `${listed.split('\t')[0]}\n`);
  const { status, stdout } = runBin('rkt-status', [`--dir=${dir.path}`, `--uuid-file=${uuidFile}`]);
  assert.equal(status, 1);
  assert.match(stdout, /^state=exited\n[^]*\nnetworks=\n[^]*pid=101\nexited=true\napp-one=3\napp-two=143\n$/);
});

test('rkt-status prints why a pod failed before its app, on one line and escaped', () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'run', error: 'stage1: plan:7: cannot mount "a\u001b[2J"\nstate=running\n' });
  const { stdout } = runBin('rkt-status', [`--dir=${dir.path}`, pod.uuid]);
  assert.match(stdout, /\nerror=stage1: plan:7: cannot mount "a\\u001b\[2J"\\u000astate=running\n/);
  assert.equal(stdout.match(/^state=/gm)?.length, 1);
});

test('rkt-status prints one line of JSON with --format=json', () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'prepared' });
  const { status, stdout } = runBin('rkt-status', [`--dir=${dir.path}`, '--format=json', pod.uuid]);
  assert.equal(status, 1);
  assert.equal(stdout.split('\n').length, 2);
  assert.partialDeepStrictEqual(JSON.parse(stdout), { name: pod.uuid, state: 'prepared', app_names: ['app'] });
});

test('rkt-status --wait returns 0 when the pod has ended', { skip: !isRoot && 'needs root' }, async () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'run' });
  await using running = await startFakePod(pod);
  await using waiting = startBin('rkt-status', [`--dir=${dir.path}`, '--wait', '--wait-ready=60s', pod.uuid]);
  running.child.kill('SIGTERM');
  assert.equal(await waiting.ended(), 0);
});

test('rkt-status --wait refuses with 1 and prints no status when the time is over', () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'prepared' });
  const { status, stdout, stderr } = runBin('rkt-status', [`--dir=${dir.path}`, '--wait=1ms', pod.uuid]);
  assert.deepEqual([status, stdout], [1, '']);
  assert.equal(stderr, `rkt-status: cannot wait for pod "${pod.uuid}": it has not ended within 1ms\n`);
});

test('rkt-status --wait-ready exits with 1 for a pod that ended before it was ready', () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'run', error: 'stage1: x' });
  const { status, stdout } = runBin('rkt-status', [`--dir=${dir.path}`, '--wait-ready', pod.uuid]);
  assert.equal(status, 1);
  assert.match(stdout, /^state=exited\n/);
});

test('rkt-status refuses unknown, ambiguous, empty and missing UUIDs', () => {
  using dir = new TemporaryDirectory();
  makePod(dir.path, { uuid: 'aa' });
  makePod(dir.path, { uuid: 'ab' });
  for (const [operands, wanted] of [
    [['ff'], 66],
    [['a'], 64],
    [[''], 64],
    [['not-hex'], 64],
    [[], 64],
    [['aa', 'ab'], 64],
    [[`--uuid-file=${join(dir.path, 'none')}`], 66],
  ] as const) {
    const { status, stdout, stderr } = runBin('rkt-status', [`--dir=${dir.path}`, ...operands]);
    assert.deepEqual([status, stdout], [wanted, ''], operands.join());
    assert.match(stderr, /^rkt-status: cannot [^\n]+\n$/);
  }
});

test('rkt-status reads no file through a symbolic link', () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'run' });
  for (const name of ['pod.json', 'status', 'error']) {
    rmSync(join(pod.path, name), { force: true });
    symlinkSync('/etc/passwd', join(pod.path, name));
  }
  const { status, stdout, stderr } = runBin('rkt-status', [`--dir=${dir.path}`, pod.uuid]);
  assert.equal(status, 65);
  assert.equal(stdout, 'state=exited\nnetworks=\nexited=true\n');
  assert.equal(stderr.match(/not a regular file$/gm)?.length, 3);
});

test('rkt-status says with whom a pod of a user shares its ids', () => {
  using dir = new TemporaryDirectory();
  const map = (outside: number, count: number) => [
    { inside: 0, outside: 1000, count: 1 },
    ...(count === 0 ? [] : [{ inside: 1, outside, count }]),
  ];
  const show = (count: number, volumes?: []) => {
    const owner = { uid: 1000, gid: 1000, uidMap: map(100_000, count), gidMap: map(100_000, count) };
    const pod = makePod(dir.path, { manifest: { owner, ...(volumes === undefined ? {} : { volumes }) } });
    return /^userns=(.*)$/m.exec(runBin('rkt-status', [`--dir=${dir.path}`, pod.uuid]).stdout)?.[1];
  };
  assert.equal(show(65_536, []), '100000:65536, shared by the pods of uid 1000');
  assert.equal(show(65_536), '100000:65536, shared by the pods of uid 1000, and with its files uid 1000 itself');
  assert.equal(show(0), 'none: root of the pod is uid 1000, who has no other ids');
});
