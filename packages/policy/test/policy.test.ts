// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { EXIT } from '@rkt/exit';
import { imageNameOf, readPolicy, requireAllowed, makeStrictReader, type TrustDirectories } from '../src/index.ts';
import { docker, failsWith, fingerprint, misconfigured, trustDirectories, write } from './fixture.ts';

const HEAD = { rktKind: 'trust', rktVersion: 'v1' };
const DIGEST = `sha256:${'1'.repeat(64)}`;
const settings = ({ local }: TrustDirectories, value: object) =>
  write(join(local, 'trust.json'), JSON.stringify({ ...HEAD, ...value }));
const rulesFor = (directories: TrustDirectories, name = docker('example.com/foo:1')) =>
  readPolicy({ directories }).rulesFor(name);

test('rulesFor() rejects where nothing is configured, and where no key is for the name', (t) => {
  const directories = trustDirectories(t);
  const path = join(directories.local, 'trust.json');
  for (const prefix of [undefined, 'example.org']) {
    if (prefix !== undefined)
      write(join(directories.local, 'trustedkeys', 'prefix.d', prefix, fingerprint('a')), 'key');
    const { requirements, scope, allowInsecure, path: from } = rulesFor(directories);
    assert.deepEqual(requirements, [{ kind: 'reject', source: `${path} (default)` }]);
    assert.deepEqual([scope, allowInsecure, from], ['default', true, path]);
  }
});

test('rulesFor() makes one requirement of all keys for a name, and names the files', (t) => {
  const directories = trustDirectories(t);
  const one = write(join(directories.local, 'trustedkeys', 'root.d', fingerprint('a')), 'key');
  const two = write(join(directories.local, 'trustedkeys', 'prefix.d', 'example.com', fingerprint('b')), 'key');
  const { requirements, scope } = rulesFor(directories);
  assert.equal(scope, 'root.d');
  const [first, ...more] = requirements;
  assert.ok(first?.kind === 'signed' && more.length === 0);
  assert.deepEqual(
    first.authorities.map(({ source }) => source),
    [one, two],
  );
});

test('rulesFor() has another hash for other keys, other masks and other settings, and the same for the same', (t) => {
  const directories = trustDirectories(t);
  const key = join(directories.local, 'trustedkeys', 'root.d', fingerprint('a'));
  const hashes = [rulesFor(directories).sha256];
  const change = (path: string, content: string) => {
    write(path, content);
    const { sha256 } = rulesFor(directories);
    assert.match(sha256, /^[0-9a-f]{64}$/);
    assert.ok(!hashes.includes(sha256), `${path} changes nothing`);
    assert.equal(rulesFor(directories).sha256, sha256);
    hashes.push(sha256);
  };
  change(key, 'one');
  change(key, 'two');
  settings(directories, {});
  change(join(directories.local, 'trustedkeys', 'prefix.d', 'example.com', fingerprint('a')), '');
  change(join(directories.local, 'trust.json'), JSON.stringify({ ...HEAD, allowInsecure: false }));
  change(join(directories.local, 'trust.json'), JSON.stringify({ ...HEAD, pinned: { '*': [DIGEST] } }));
});

test('rulesFor() accepts anything by default only if the settings say so, and never where there is a key for the name', (t) => {
  const directories = trustDirectories(t);
  settings(directories, { default: 'insecureAcceptAnything' });
  assert.deepEqual(
    rulesFor(directories).requirements.map(({ kind }) => kind),
    ['accept'],
  );
  write(join(directories.local, 'trustedkeys', 'prefix.d', 'example.com', fingerprint('a')), 'key');
  assert.deepEqual(
    rulesFor(directories).requirements.map(({ kind }) => kind),
    ['signed'],
  );
});

test('rulesFor() takes pinned digests for whole components of the name, or for all', (t) => {
  const pinnedFor = (prefix: string, name = docker('example.com/foo:1')) => {
    const directories = trustDirectories(t);
    settings(directories, { pinned: { [prefix]: [DIGEST] } });
    const [requirement] = rulesFor(directories, name).requirements;
    return requirement?.kind === 'signed' ? requirement.pinned.flatMap(({ digests }) => digests) : [];
  };
  for (const prefix of ['*', 'example.com', 'example.com/foo']) assert.deepEqual(pinnedFor(prefix), [DIGEST]);
  for (const prefix of ['example', 'example.com/fo', 'example.com/foo/bar']) assert.deepEqual(pinnedFor(prefix), []);
  const nameless = imageNameOf({ kind: 'id', prefix: 'sha256:00000000' }, undefined);
  assert.deepEqual(pinnedFor('*', nameless), [DIGEST]);
  assert.deepEqual(pinnedFor('example.com', nameless), []);
});

test('rulesFor() adds attestations to whatever else is wanted, signed by the one who is named', (t) => {
  const directories = trustDirectories(t);
  write(join(directories.local, 'trustedkeys', 'root.d', fingerprint('a')), 'key');
  const signer = fingerprint('b');
  write(join(directories.local, 'trustedkeys', 'root.d', signer), 'key');
  settings(directories, {
    requireAttestation: [
      { prefix: 'example.com', predicateType: 'https://slsa.dev/provenance/v1', signer },
      { prefix: 'example.com/fo', predicateType: 'x' },
      { prefix: '*', predicateType: 'y', signer: fingerprint('c') },
    ],
  });
  const wanted = rulesFor(directories).requirements.slice(1);
  assert.deepEqual(
    wanted.map((one) => one.kind === 'attested' && [one.predicateType, one.authorities.length]),
    [
      ['https://slsa.dev/provenance/v1', 1],
      ['y', 0],
    ],
  );
});

test('readPolicy() takes the administrator’s settings for the whole, the vendor’s where there are none', (t) => {
  const directories = trustDirectories(t);
  const vendor = { ...directories, local: directories.system };
  settings(vendor, { allowInsecure: false });
  assert.equal(readPolicy({ directories }).allowInsecure, false);
  settings(directories, {});
  assert.equal(readPolicy({ directories }).allowInsecure, true);
});

test('readPolicy() refuses settings with unknown or doubled keys, of another kind or version, and bad digests', (t) => {
  for (const [text, message] of [
    ['{"rktKind":"trust","rktVersion":"v1","allowInsecur":false}', /allowInsecur/],
    [
      '{"rktKind":"trust","rktVersion":"v1","allowInsecure":false,"allowInsecure":true}',
      /the key "allowInsecure" twice/,
    ],
    [
      '{"rktKind":"trust","rktVersion":"v1","allow\\u0049nsecure":false,"allowInsecure":true}',
      /the key "allowInsecure" twice/,
    ],
    ['{"rktKind":"trust","rktVersion":"v2"}', /wanted "v1"/],
    ['{"rktKind":"auth","rktVersion":"v1"}', /wanted "trust"/],
    ['{"rktKind":"trust","rktVersion":"v1","default":"accept"}', /default/],
    ['{"rktKind":"trust","rktVersion":"v1","pinned":{"*":["sha256:1"]}}', /wanted sha256:/],
    ['{"rktKind":"trust","rktVersion":"v1","pinned":{"example.com/":[]}}', /wanted a prefix/],
    ['', /not JSON/],
  ] as const) {
    const directories = trustDirectories(t);
    write(join(directories.local, 'trust.json'), text);
    assert.throws(() => readPolicy({ directories }), misconfigured(message), text);
  }
});

test('readPolicy() refuses settings that the group can write to, and never looks past them', (t) => {
  const directories = trustDirectories(t);
  const path = write(join(directories.local, 'trust.json'), JSON.stringify(HEAD), 0o664);
  assert.throws(() => readPolicy({ directories }), misconfigured(/it can be written by its group: wanted chmod go-w/));
  rmSync(path);
  assert.equal(readPolicy({ directories }).allowInsecure, true);
});

test('requireAllowed() refuses all that the settings of the installation forbid, with status 77', (t) => {
  const directories = trustDirectories(t);
  const reader = makeStrictReader();
  requireAllowed(['--insecure-options=image'], { reader, directories });
  const path = settings(directories, { allowInsecure: false });
  const check = (wanted: string[]) => requireAllowed(wanted, { reader: makeStrictReader(), directories });
  assert.throws(
    () => check(['--insecure-options=image']),
    failsWith(
      EXIT.notPermitted,
      new RegExp(`^cannot use --insecure-options=image: "allowInsecure" is false in "${path}"$`),
    ),
  );
  check([]);
  chmodSync(path, 0o666);
  assert.throws(() => check(['--policy']), misconfigured(/it can be written by/));
  rmSync(path);
  chmodSync(directories.local, 0o777);
  check(['--policy']);
});
