// SPDX-License-Identifier: Apache-2.0
// Whom root becomes to use the network. Another /etc/passwd stands for a machine on which rkt is installed.
import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { parseReference } from '@rkt/names';
import type { Line } from '@rkt/plan';
import type { Declaration } from '../src/index.ts';
import { install, nothing } from './fixture.ts';

const skip = process.getuid?.() === 0 ? false : 'only root becomes somebody else';

const client: Declaration = { ...nothing, network: 'client', writes: ['$DIR/store'] };

/** A command with the network that writes what only root may write. */
const other: Declaration = { ...nothing, network: 'client', writes: ['/etc/rkt/trustedkeys'] };
const UID = 64055;
const GID = 64056;
const installed = {
  passwd: `root:x:0:0::/root:/bin/sh\nrkt:x:${UID}:${GID}::/nonexistent:/bin/false\nlast:x:1:1::/:\n`,
};
const remote = 'docker://registry.example.com/image';

/** References of each kind, as people write them. */
const REFERENCES = [
  'docker://busybox',
  'busybox',
  'busybox:1',
  'docker:registry.example.com:5000/app@sha256:' + 'a'.repeat(64),
  'oci:layout',
  'oci:/layouts/example.com/app:v1',
  'oci-archive:archive.tar:example.com/app:v1',
  'docker-archive:/archive.tar:docker.io/library/app:v1',
  'app.aci',
  './app',
  '../app-v1',
  'a/../b:1',
  '/var/images/app-v1.aci',
  'aci:app',
  'aci:../app',
  'aci:https://example.com/app.aci',
  'aci:file:///app.aci',
  'file:///images/app.aci',
  'https://example.com/app.aci',
  'example.com/app',
  'example.com/app:v1.aci',
  'example.com/app,version=1.aci',
  'cimd:appc:v=0:example.com/app?version=1',
  'sha256:0123456789abcdef',
  'sha512-0123456789abcdef',
];

/** The lines of a plan with these operations, in their order. */
const linesOf = (plan: readonly Line[], ...operations: readonly Line['op'][]) =>
  plan.filter(({ op }) => operations.includes(op));

const IDENTITY = [
  { op: 'setgroups', gids: [] },
  { op: 'setresgid', rgid: GID, egid: GID, sgid: GID },
  { op: 'setresuid', ruid: UID, euid: UID, suid: UID },
];

/** Root with the group of the store. */
const MEMBER = [{ op: 'setgroups', gids: [GID] }];

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
      'rkt:x:0:0::/nonexistent:\n',
      'rkt:x::1::/nonexistent:\n',
      'rkt:x:7:7x::/nonexistent:\n',
      'rkt2:x:7:7::/nonexistent:\n',
      'rkt:x:7',
      'x:rkt:7:7::/nonexistent:\n',
      'rkt:x:1000:1000:A Person:/home/rkt:/bin/sh\n',
      '',
    ]) {
      const found = start(words, { passwd });
      assert.deepEqual([linesOf(found.plan, ...ids), found.words, found.stderr], [[], words, ''], passwd);
    }
    for (const declaration of [{ ...nothing, writes: ['$DIR/store'] }, other]) {
      const { plan, stderr } = install(t, declaration).start(words, installed);
      assert.deepEqual([linesOf(plan, ...ids), stderr], [[], '']);
    }
  });

  test('no socket is refused to what names a server, and none is given to what names a file', (t) => {
    const { place, start } = install(t, client);
    for (const text of REFERENCES) {
      const { kind } = parseReference(text);
      const isHere = ['oci', 'oci-archive', 'docker-archive', 'aci-file', 'id'].includes(kind);
      const { plan } = start([`--dir=${place}/data`, text], installed);
      const filters = linesOf(plan, 'seccomp').flatMap((line) => ('filter' in line ? [line.filter] : []));
      assert.deepEqual(filters, [isHere ? 'offline.bpf' : 'client.bpf'], text);
    }
  });

  test('what names no registry keeps what root may read, and gets no socket', (t) => {
    const { place, start } = install(t, client);
    const words = [`--dir=${place}/data`, 'oci:/layout:docker', 'sha256:0123456789abcdef'];
    const found = start(words, installed);
    assert.deepEqual(linesOf(found.plan, ...ids), MEMBER);
    assert.deepEqual(found.words, words);
    assert.ok(linesOf(found.plan, 'seccomp').some((line) => 'filter' in line && line.filter === 'offline.bpf'));
    const values = ['--pull-policy', 'new', '--platform', 'linux/arm64', '--quiet', ...words];
    assert.deepEqual(linesOf(start(values, installed).plan, ...ids), MEMBER);
    for (const repair of [
      ['--check', 'sha256:0123456789abcdef'],
      ['sha512-01', '--check'],
    ])
      assert.deepEqual(linesOf(start([`--dir=${place}/data`, ...repair], installed).plan, ...ids), IDENTITY);
    assert.deepEqual(linesOf(start([`--dir=${place}/data`, '--check', 'oci:/layout'], installed).plan, ...ids), MEMBER);
    const mixed = start([...words, remote], installed);
    assert.deepEqual(linesOf(mixed.plan, ...ids), IDENTITY);
  });

  test('the directories of a store of root become those of the user, and no file', (t) => {
    const { place, start } = install(t, client);
    const store = join(place, 'my data', 'store');
    mkdirSync(join(store, 'blobs', 'sha256'), { recursive: true });
    mkdirSync(join(store, 'other'));
    // Somebody else can write here already, and so could exchange it.
    mkdirSync(join(store, 'remote'));
    writeFileSync(join(store, 'index.json'), '{}');
    symlinkSync('/etc', join(store, 'partial'));
    const words = [`--dir=${place}/my data`, remote];
    chmodSync(join(store, 'remote'), 0o775);
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
      assert.deepEqual(linesOf(found.plan, 'lchown', 'chmod', ...ids), MEMBER);
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
      assert.deepEqual(linesOf(found.plan, ...ids), MEMBER);
      assert.match(found.stderr, /^rkt-x: staying root, without capabilities: user rkt cannot enter "[^\n]*"\n$/);
    }
  });

  test('where root has registries of its own, which the user does not read, root stays root and says so', (t) => {
    const { place, start } = install(t, client);
    const config = join(place, 'home', '.config', 'containers');
    mkdirSync(config, { recursive: true });
    writeFileSync(join(config, 'registries.conf'), '');
    const found = start([`--dir=${place}/data`, remote], installed);
    assert.deepEqual(linesOf(found.plan, ...ids), MEMBER);
    assert.ok(linesOf(found.plan, 'seccomp').some((line) => 'filter' in line && line.filter === 'client.bpf'));
    assert.equal(found.stderr, `rkt-x: staying root, without capabilities: user rkt does not read "${config}/registries.conf": wanted /etc/containers\n`); // prettier-ignore
    assert.equal(start([`--dir=${place}/data`, 'oci:/layout'], installed).stderr, '');
  });

  test("the first file with root's credentials becomes standard input", (t) => {
    const { place, start } = install(t, client);
    const dir = `--dir=${place}/data`;
    const env = { XDG_RUNTIME_DIR: join(place, 'run'), REGISTRY_AUTH_FILE: join(place, 'named') };
    const none = start([dir, remote], { ...installed, env });
    assert.deepEqual([none.words, none.authFile, none.input], [[dir, dir, remote], env.REGISTRY_AUTH_FILE, '']);
    for (const file of [
      'home/.dockercfg',
      'home/.docker/config.json',
      'home/.config/containers/auth.json',
      'run/containers/auth.json',
      'named',
    ]) {
      mkdirSync(join(place, file, '..'), { recursive: true });
      writeFileSync(join(place, file), file, { mode: 0o600 });
      const { words, authFile, input } = start([dir, remote], { ...installed, env });
      assert.deepEqual([words, authFile, input], [[dir, dir, remote], '-', file]);
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
    const handed = start([dir, remote], { ...installed, env: { REGISTRY_AUTH_FILE: '-' } });
    assert.deepEqual([handed.words, handed.authFile, handed.input], [[dir, dir, remote], '-', '']);
    // Behind -- stands what is no option; without a value it is the command that complains.
    const behind = start([dir, remote, '--', `--authfile=${file}`], installed);
    assert.deepEqual([behind.words.slice(-2), behind.input], [['--', `--authfile=${file}`], 'not this']);
    for (const words of [['--authfile='], ['--authfile', ''], ['--authfile']])
      assert.ok(start([dir, remote, ...words], installed).words.some((word) => /^--authfile=?$/.test(word)));
    for (const [name, status, said] of [
      ['/no/\u001bfile', 66, 'rkt-x: cannot read credentials "/no/file": no such file\n'],
      [place, 78, `rkt-x: cannot read credentials "${place}": not a file\n`],
    ] as const) {
      const refused = start([dir, `--authfile=${name}`, remote], installed);
      assert.deepEqual([refused.status, refused.stderr, refused.plan], [status, said, []]);
    }
  });

  test('the directory of the store is made, and the words of the caller stay as they are', (t) => {
    const { place, start } = install(t, client);
    const odd = ['a b', '*', '', '$HOME', "'", 'ü\n', '--x=y z'];
    const { words } = start([`--dir=${place}/new/data`, remote, ...odd], installed);
    assert.deepEqual(words.slice(2), [remote, ...odd]);
    assert.ok(existsSync(join(place, 'new', 'data', 'store')));
  });
});
