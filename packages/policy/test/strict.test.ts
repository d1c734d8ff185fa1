// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { makeStrictReader } from '../src/index.ts';
import { misconfigured, strictDirectory, write } from './fixture.ts';

const root = process.geteuid?.() === 0;

test('read() returns a file of root that nobody else can write to, and nothing where there is nothing', (t) => {
  const dir = strictDirectory(t);
  const path = write(join(dir, 'a', 'b'), 'content');
  assert.equal(makeStrictReader().read(path, 100)?.toString(), 'content');
  for (const missing of ['x', 'x/y', 'a/b/c'])
    assert.equal(makeStrictReader().read(join(dir, missing), 100), undefined);
});

test('read() refuses what a group or everybody can write to, wherever in the path, and names it', (t) => {
  const dir = strictDirectory(t);
  const path = write(join(dir, 'a', 'b', 'file'), 'content');
  for (const part of [path, join(dir, 'a', 'b'), join(dir, 'a'), dir]) {
    for (const [mode, who] of [
      [0o020, 'its group'],
      [0o002, 'everybody'],
    ] as const) {
      const before = part === path ? 0o644 : 0o755;
      chmodSync(part, before | mode);
      const message = new RegExp(`^cannot trust "${part}": it can be written by ${who}: wanted chmod go-w$`);
      assert.throws(() => makeStrictReader().read(path, 100), misconfigured(message));
      chmodSync(part, before);
    }
  }
});

test('read() refuses a directory with the sticky bit: others can put files into it', (t) => {
  const dir = strictDirectory(t);
  const path = write(join(dir, 'a', 'file'), 'content');
  chmodSync(join(dir, 'a'), 0o1777);
  assert.throws(() => makeStrictReader().read(path, 100), misconfigured(/it can be written by/));
});

test('read() refuses symbolic links, at the end of the path and in the middle of it', (t) => {
  const dir = strictDirectory(t);
  write(join(dir, 'real', 'file'), 'content');
  symlinkSync('real', join(dir, 'link'));
  symlinkSync('file', join(dir, 'real', 'other'));
  for (const path of ['link/file', 'real/other']) {
    assert.throws(() => makeStrictReader().read(join(dir, path), 100), misconfigured(/it is a symbolic link: wanted/));
  }
});

test('read() refuses FIFOs, directories and files over the limit without waiting for anybody', (t) => {
  const dir = strictDirectory(t);
  execFileSync('mkfifo', ['-m', '644', join(dir, 'fifo')]);
  mkdirSync(join(dir, 'directory'), { mode: 0o755 });
  write(join(dir, 'large'), 'x'.repeat(101));
  for (const name of ['fifo', 'directory']) {
    assert.throws(() => makeStrictReader().read(join(dir, name), 100), misconfigured(/not a regular file/));
  }
  assert.throws(() => makeStrictReader().read(join(dir, 'large'), 100), misconfigured(/larger than 100 bytes/));
});

test(
  'read() refuses what belongs to another user, and takes what is the own',
  { skip: !root && 'root gives files away' },
  (t) => {
    const dir = strictDirectory(t);
    const path = write(join(dir, 'a', 'file'), 'content');
    chownSync(path, 1234, 0);
    assert.throws(() => makeStrictReader(0).read(path, 100), misconfigured(/it belongs to user 1234: wanted owner 0$/));
    assert.equal(makeStrictReader(1234).read(path, 100)?.toString(), 'content');
    assert.throws(() => makeStrictReader(1235).read(path, 100), misconfigured(/wanted owner 0 or 1235$/));
    chownSync(path, 0, 0);
    chownSync(join(dir, 'a'), 1234, 0);
    assert.throws(() => makeStrictReader(0).read(path, 100), misconfigured(/a": it belongs to user 1234/));
  },
);

test(
  'read() says what to do about a file that an ordinary user cannot read',
  { skip: !root && 'root gives rights up' },
  (t) => {
    const dir = strictDirectory(t);
    const path = write(join(dir, 'a', 'file'), 'content', 0o600);
    const script = `import { makeStrictReader } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)};
    process.setgid(65534); process.setuid(65534);
    try { makeStrictReader().read(process.argv[1], 100); } catch (error) { console.log(error.status, error.message); }`;
    const read = () =>
      spawnSync(process.execPath, ['--conditions=source', '--input-type=module', '-e', script, path], {
        encoding: 'utf8',
      }).stdout;
    assert.equal(read(), `78 cannot trust "${path}": this user cannot read it: wanted chmod a+rX\n`);
    chmodSync(join(dir, 'a'), 0o700);
    assert.equal(read(), `78 cannot trust "${join(dir, 'a')}": this user cannot read it: wanted chmod a+rX\n`);
  },
);

test(
  'read() takes root of the machine for root in a user namespace that has no number for it',
  { skip: !root && 'root becomes that user' },
  (t) => {
    const dir = strictDirectory(t);
    const paths = ['root', 'own', 'open'].map((name) =>
      write(join(dir, 'a', name), name, name === 'open' ? 0o666 : 0o644),
    );
    chownSync(join(dir, 'a', 'own'), 1000, 1000);
    const script = `import { makeStrictReader } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)};
    for (const path of process.argv.slice(1))
      try { console.log(String(makeStrictReader().read(path, 100))); } catch (error) { console.log(error.status); }`;
    const node = [process.execPath, '--conditions=source', '--input-type=module', '-e', script, ...paths];
    const user = ['--reuid=1000', '--regid=1000', '--clear-groups', 'unshare', '--map-root-user', ...node];
    const { stdout, stderr } = spawnSync('setpriv', user, { encoding: 'utf8' });
    assert.equal(stdout, 'root\nown\n78\n', stderr);
  },
);

test('list() refuses a directory that is none, and tells nothing of one that is not there', (t) => {
  const dir = strictDirectory(t);
  const reader = makeStrictReader();
  write(join(dir, 'd', 'b'), '');
  write(join(dir, 'd', 'a'), '');
  assert.deepEqual(reader.list(join(dir, 'd')), ['a', 'b']);
  assert.equal(reader.list(join(dir, 'none')), undefined);
  assert.throws(() => reader.list(join(dir, 'd', 'a')), misconfigured(/it is not a directory/));
  renameSync(join(dir, 'd'), join(dir, 'e'));
  symlinkSync('e', join(dir, 'd2'));
  assert.throws(() => makeStrictReader().list(join(dir, 'd2')), misconfigured(/symbolic link/));
});
