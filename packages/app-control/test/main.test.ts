// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makePod, runBin, TemporaryDirectory } from '@rkt/pod-fixtures';

const STATUS = 'started 10 11 1500000001.000000000\n';

test('rkt-app-control list and status print the apps of a pod, whether it runs or not', () => {
  using dir = new TemporaryDirectory();
  const { uuid } = makePod(dir.path, {
    phase: 'run',
    apps: ['one', 'two'],
    status: `${STATUS}exited 0 1500000005.000000000\n`,
    appStatus: { one: 'started 12 2 1500000002.000000000\nexited 3 1500000003.000000000\n' },
  });
  const control = (...args: readonly string[]) => runBin('rkt-app-control', [...args, `--dir=${dir.path}`]);
  assert.equal(control('list', uuid).stdout, 'NAME\tSTATE\none\texited\ntwo\tunknown\n');
  assert.equal(control('list', uuid, '--no-legend').stdout, 'one\texited\ntwo\tunknown\n');
  const { stdout } = control('status', uuid, '--app=one');
  assert.match(stdout, /^name=one\nstate=exited\nimage_id=sha256:/);
  assert.match(stdout, /\nfinished_at=[^\n]*\nexit_code=3\nrestarts=0\n$/);
  assert.match(
    control('status', uuid, '--app=one', '--format=json').stdout,
    /^{"name":"one","state":"exited",.*"exit_code":3/,
  );
  const unknown = control('status', uuid, '--app=three');
  assert.deepEqual([unknown.status, unknown.stderr], [66, 'rkt-app-control: cannot find app "three" in the pod\n']);
});

test('rkt-app-control changes nothing of pods that do not run', () => {
  using dir = new TemporaryDirectory();
  const { uuid } = makePod(dir.path, { phase: 'run', apps: ['a'], status: STATUS, manifest: { mutable: true } });
  for (const verb of ['start', 'stop']) {
    const { status, stderr } = runBin('rkt-app-control', [verb, uuid, '--app=a', `--dir=${dir.path}`]);
    assert.deepEqual([status, stderr], [1, `rkt-app-control: pod "${uuid}" isn't currently running\n`]);
  }
});

test('rkt-app-control refuses command lines that mean nothing', () => {
  using dir = new TemporaryDirectory();
  const refused = (...args: readonly string[]) => {
    const { status, stderr } = runBin('rkt-app-control', [...args, `--dir=${dir.path}`]);
    assert.equal(status, 64, args.join(' '));
    return stderr;
  };
  assert.match(refused(), /unknown verb ""/);
  assert.match(refused('constructor', 'U'), /unknown verb "constructor": wanted start, stop, rm, list, status/);
  assert.match(refused('start'), /a pod is required/);
  assert.match(refused('list', 'a', 'b'), /cannot use "b": wanted one UUID/);
  assert.match(refused('stop', 'a', '--timeout=-1', '--app=x'), /cannot use --timeout=-1|unknown option/);
});
