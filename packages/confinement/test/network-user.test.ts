// SPDX-License-Identifier: Apache-2.0
// Whom root becomes to use the network. Another /etc/passwd stands for a machine on which rkt is installed.
import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { Line } from '@rkt/plan';
import type { Declaration } from '../src/index.ts';
import { install, nothing } from './fixture.ts';

const skip = process.getuid?.() === 0 ? false : 'only root becomes somebody else';

const client: Declaration = { ...nothing, network: 'client', writes: ['$DIR/store'] };
const UID = 64055;
const GID = 64056;
const installed = {
  passwd: `root:x:0:0::/root:/bin/sh\nrkt:x:${UID}:${GID}::/nonexistent:/bin/false\nlast:x:1:1::/:\n`,
};
const remote = 'docker://registry.example.com/image';

/** The lines of a plan with these operations, in their order. */
const linesOf = (plan: readonly Line[], ...operations: readonly Line['op'][]) =>
  plan.filter(({ op }) => operations.includes(op));

const IDENTITY = [
  { op: 'setgroups', gids: [] },
  { op: 'setresgid', rgid: GID, egid: GID, sgid: GID },
  { op: 'setresuid', ruid: UID, euid: UID, suid: UID },
];

const ids = ['setgroups', 'setresgid', 'setresuid'] as const;

suite('the user of the network', { skip }, () => {
  test('root becomes user rkt between the restriction of its files and the end of its capabilities', (t) => {
    const { place, start } = install(t, client);
    const { plan, words, stderr } = start([`--dir=${place}/data`, remote], installed);
    assert.equal(stderr, '');
    assert.deepEqual(linesOf(plan, ...ids), IDENTITY);
    const order = ['landlock_restrict_self', 'capbset', 'setresuid', 'capset', 'seccomp'];
    assert.deepEqual(plan.map(({ op }) => op).filter((op) => order.includes(op)), order); // prettier-ignore
    // Only root's data directory is the one that everybody would name.
    assert.deepEqual(words, [`--dir=${place}/data`, `--dir=${place}/data`, remote]);
    assert.ok(linesOf(plan, 'seccomp').some((line) => 'filter' in line && line.filter === 'client.bpf'));
  });

  test('root stays root where there is no such user, or one that is none', (t) => {
    const { place, start } = install(t, client);
    const words = [`--dir=${place}/data`, remote];
    for (const passwd of [
      'root:x:0:0::/:\n',
      'rkt:x:0:0::/:\n',
      'rkt:x::1::/:\n',
      'rkt:x:7:7x::/:\n',
      'rkt2:x:7:7::/:\n',
      'rkt:x:7',
      'x:rkt:7:7::/:\n',
      '',
    ]) {
      const found = start(words, { passwd });
      assert.deepEqual([linesOf(found.plan, ...ids), found.words, found.stderr], [[], words, ''], passwd);
    }
    const alone = install(t, { ...nothing, writes: ['$DIR/store'] });
    assert.deepEqual(linesOf(alone.start(words, installed).plan, ...ids), []);
  });

  test('what names no registry keeps what root may read, and gets no socket', (t) => {
    const { place, start } = install(t, client);
    const words = [`--dir=${place}/data`, 'oci:/layout:docker', 'sha256:0123456789abcdef'];
    const found = start(words, installed);
    assert.deepEqual(linesOf(found.plan, ...ids), [{ op: 'setgroups', gids: [GID] }]);
    assert.deepEqual(found.words, words);
    assert.ok(linesOf(found.plan, 'seccomp').some((line) => 'filter' in line && line.filter === 'offline.bpf'));
    const mixed = start([...words, remote], installed);
    assert.deepEqual(linesOf(mixed.plan, ...ids), IDENTITY);
  });

  test('the directories of a store of root become those of the user, and no file', (t) => {
    const { place, start } = install(t, client);
    const store = join(place, 'my data', 'store');
    mkdirSync(join(store, 'blobs', 'sha256'), { recursive: true });
    mkdirSync(join(store, 'other'));
    writeFileSync(join(store, 'index.json'), '{}');
    symlinkSync('/etc', join(store, 'partial'));
    const words = [`--dir=${place}/my data`, remote];
    const paths = ['blobs/sha256', 'blobs', ''].map((path) => (path === '' ? store : join(store, path)));
    const given = paths.flatMap((path) => [
      { op: 'lchown', path, uid: UID, gid: GID },
      { op: 'chmod', path, mode: 0o2775 },
    ]);
    const first = start(words, installed).plan;
    assert.deepEqual(linesOf(first, 'lchown', 'chmod'), given);
    assert.deepEqual(first.slice(0, given.length), given);
    assert.deepEqual(linesOf(first, 'umask'), [{ op: 'umask', mode: 0o22 }]);
    chownSync(store, 0, GID);
    chmodSync(store, 0o2775);
    assert.deepEqual(linesOf(start(words, installed).plan, 'lchown', 'chmod'), []);
    chownSync(store, UID, GID);
    assert.deepEqual(linesOf(start(words, installed).plan, 'lchown', 'chmod'), []);
  });

  test('a store that somebody else could exchange is not given away', (t) => {
    for (const open of ['data/store', 'data', '']) {
      const { place, start } = install(t, client);
      mkdirSync(join(place, 'data', 'store'), { recursive: true });
      chmodSync(join(place, open), 0o777);
      const words = [`--dir=${place}/data`, remote];
      const found = start(words, installed);
      assert.deepEqual(linesOf(found.plan, 'lchown', 'chmod', ...ids), []);
      assert.equal(found.stderr, `rkt-x: staying root, without capabilities: others can write "${place}/data/store" or a directory above it\n`); // prettier-ignore
      assert.deepEqual(found.words, words);
    }
  });

  test('where the user cannot go, root stays root and says so', (t) => {
    for (const closed of ['', 'data', 'lib/rkt']) {
      const { place, start } = install(t, client);
      mkdirSync(join(place, 'data'));
      chmodSync(join(place, closed), 0o700);
      const found = start([`--dir=${place}/data`, remote], installed);
      assert.deepEqual(linesOf(found.plan, ...ids), []);
      assert.match(found.stderr, /^rkt-x: staying root, without capabilities: user rkt cannot enter "[^\n]*"\n$/);
    }
  });

  test("the first file with root's credentials becomes standard input", (t) => {
    const { place, start } = install(t, client);
    const dir = `--dir=${place}/data`;
    const env = { XDG_RUNTIME_DIR: join(place, 'run'), REGISTRY_AUTH_FILE: join(place, 'named') };
    const none = start([dir, remote], { ...installed, env });
    assert.deepEqual([none.words, none.input], [[dir, dir, remote], '']);
    for (const file of [
      'home/.dockercfg',
      'home/.docker/config.json',
      'home/.config/containers/auth.json',
      'run/containers/auth.json',
      'named',
    ]) {
      mkdirSync(join(place, file, '..'), { recursive: true });
      writeFileSync(join(place, file), file, { mode: 0o600 });
      const { words, input } = start([dir, remote], { ...installed, env });
      assert.deepEqual([words, input], [[dir, '--authfile=-', dir, remote], file]);
      // Nobody becomes anybody else for that: the name stays with who can read the file.
      const asBefore = start([dir, remote], { env });
      assert.deepEqual([asBefore.words, asBefore.input], [[dir, remote], '']);
    }
  });

  test('a file that is named is opened and no other, wherever its name stands', (t) => {
    const { place, start } = install(t, client);
    const file = join(place, 'a file');
    writeFileSync(file, 'mine');
    writeFileSync(join(place, 'home', '.dockercfg'), 'not this');
    const dir = `--dir=${place}/data`;
    for (const words of [
      [`--authfile=${file}`, remote],
      ['--authfile', file, remote],
      [remote, '--authfile=x', `--authfile=${file}`],
    ]) {
      const found = start([dir, ...words], installed);
      assert.deepEqual([found.words, found.input, found.stderr], [[dir, '--authfile=-', dir, remote], 'mine', '']);
    }
    const dash = start([dir, '--authfile=-', remote], installed);
    assert.deepEqual([dash.words, dash.input], [[dir, '--authfile=-', dir, remote], '']);
    // Behind -- stands what is no option; without a value it is the command that complains.
    const behind = start([dir, remote, '--', `--authfile=${file}`], installed);
    assert.deepEqual([behind.words.slice(-2), behind.input], [['--', `--authfile=${file}`], 'not this']);
    for (const words of [['--authfile='], ['--authfile', ''], ['--authfile']])
      assert.ok(start([dir, remote, ...words], installed).words.some((word) => /^--authfile=?$/.test(word)));
    const missing = start([dir, '--authfile=/no/\u001bfile', remote], installed);
    assert.deepEqual([missing.status, missing.stderr, missing.plan], [66, 'rkt-x: cannot read credentials "/no/file": no such file\n', []]); // prettier-ignore
  });

  test('the directory of the store is made, and the words of the caller stay as they are', (t) => {
    const { place, start } = install(t, client);
    const odd = ['a b', '*', '', '$HOME', "'", 'ü\n', '--x=y z'];
    const { words } = start([`--dir=${place}/new/data`, remote, ...odd], installed);
    assert.deepEqual(words.slice(2), [remote, ...odd]);
    assert.ok(existsSync(join(place, 'new', 'data', 'store')));
  });
});
