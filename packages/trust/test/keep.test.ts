// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { EXIT } from '@rkt/exit';
import { Keyring } from '@rkt/pod-fixtures';
import { assertRefused, makePlace, type Place } from './fixture.ts';

const ring = new Keyring();
after(() => ring[Symbol.dispose]());
const ALICE = 'Alice <alice@example.com>';
const BOB = 'Bob <bob@example.com>';
const alice = ring.make(ALICE, { at: '20240102T000000' });
const bob = ring.make(BOB, { at: '20240102T000000' });

const put = (place: Place, path: string, content: string | Uint8Array = ring.publicKey(ALICE)) =>
  place.write(path.replace(/^(etc|usr)\//, '$1/trustedkeys/'), content);

test('rkt-trust --list shows every file with whom it is of, masks and keys that vouch for nothing', (t) => {
  const place = makePlace(t);
  assert.equal(place.trust('--list').stdout, 'PREFIX\tKIND\tKEY\tWHO\tSTATE\tFILE\n');
  const expired = 'Expired <expired@example.com>';
  const old = ring.make(expired, { at: '20200101T000000', expire: '1y' });
  const paths = [
    put(place, `usr/root.d/${alice}`),
    put(place, `etc/root.d/${old}`, ring.publicKey(expired)),
    put(place, `etc/prefix.d/example.com/${alice}`, ''),
    put(place, `etc/prefix.d/example.com/app/${bob}`, ring.publicKey(ALICE)),
  ];
  const { status, stdout } = place.trust('--list', '--no-legend');
  assert.equal(status, EXIT.ok);
  const rows = stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/\t+/));
  assert.deepEqual(rows, [
    ['*', 'pgp', alice, ALICE, 'trusted', paths[0]],
    ['*', 'pgp', old, expired, 'expired', paths[1]],
    ['example.com', 'pgp', alice, '-', 'mask', paths[2]],
    ['example.com/app', 'pgp', bob, '-', 'not what its name says', paths[3]],
  ]);
  const [first] = JSON.parse(place.trust('--list', '--format=json').stdout);
  assert.deepEqual(first, { prefix: '*', kind: 'pgp', name: alice, path: paths[0], who: [ALICE], state: 'trusted' });
});

test('rkt-trust --list with a scope shows what counts for it', (t) => {
  const place = makePlace(t);
  const vendor = put(place, `usr/root.d/${alice}`);
  put(place, `etc/prefix.d/example.com/${alice}`, '');
  const own = put(place, `etc/prefix.d/example.com/app/${bob}`, ring.publicKey(BOB));
  const files = (...words: string[]) =>
    place
      .trust('--list', '--no-legend', ...words)
      .stdout.trimEnd()
      .split('\n')
      .map((line) => line.split(/\t+/).at(-1));
  assert.deepEqual(files('--root'), [vendor]);
  assert.deepEqual(files('--prefix=example.org'), [vendor]);
  assert.deepEqual(files('--prefix=example.com'), ['']);
  assert.deepEqual(files('--prefix=example.com/app/deeper'), [own]);
  assert.deepEqual(files('--prefix=example.com/application'), ['']);
});

test('rkt-trust --remove deletes what is the administrator’s and masks what is the vendor’s', (t) => {
  const place = makePlace(t);
  const vendor = put(place, `usr/prefix.d/example.com/${alice}`);
  const own = put(place, `etc/root.d/${alice}`);
  put(place, `etc/root.d/${bob}`, ring.publicKey(BOB));
  const { status, stdout, stderr } = place.trust(`--remove=${alice.toUpperCase()}`);
  assert.equal(status, EXIT.ok, stderr);
  const mask = join(place.local, 'trustedkeys', 'prefix.d', 'example.com', alice);
  assert.equal(stdout, `Removed key "${alice}" at "${own}"\nMasked key "${alice}" by "${mask}"\n`);
  assert.deepEqual(
    Object.keys(place.files()).toSorted(),
    [`prefix.d/example.com/${alice}`, `root.d/${bob}`].toSorted(),
  );
  assert.equal(place.files()[`prefix.d/example.com/${alice}`], '');
  for (const prefix of ['--root', '--prefix=example.com', '--prefix=example.com/app']) {
    assert.doesNotMatch(place.trust('--list', prefix).stdout, new RegExp(alice));
  }
  assert.match(place.trust('--list').stdout, new RegExp(vendor));
});

test('rkt-trust --remove with a scope takes the key from there alone, from wider prefixes by a mask', (t) => {
  const place = makePlace(t);
  const own = put(place, `etc/root.d/${alice}`);
  const mask = join(place.local, 'trustedkeys', 'prefix.d', 'example.com', 'app', alice);
  assert.equal(
    place.trust(`--remove=${alice}`, '--prefix=example.com/app').stdout,
    `Masked key "${alice}" by "${mask}"\n`,
  );
  const counts = (scope: string) => place.trust('--list', scope).stdout.includes(own);
  assert.deepEqual(['--root', '--prefix=example.com', '--prefix=example.com/app'].map(counts), [true, true, false]);
  const sibling = place.trust(`--remove=${bob}`, '--prefix=example.com/app');
  assertRefused(sibling, EXIT.notFound, new RegExp(`cannot remove key "${bob}": nobody trusts it here: try --list`));
});

test('rkt-trust trusts a masked key again when it is told to', (t) => {
  const place = makePlace(t);
  put(place, `usr/root.d/${alice}`);
  assert.equal(place.trust(`--remove=${alice}`).status, EXIT.ok);
  assert.doesNotMatch(place.trust('--list', '--root').stdout, new RegExp(alice));
  const key = place.write('alice.asc', ring.publicKey(ALICE));
  assert.equal(place.trust('--root', '--skip-fingerprint-review', key).status, EXIT.ok);
  assert.match(place.trust('--list', '--root').stdout, new RegExp(join(place.local, 'trustedkeys', 'root.d', alice)));
});

test('rkt-trust --list and --remove refuse a store that others can write to', (t) => {
  const place = makePlace(t);
  const path = put(place, `etc/root.d/${alice}`);
  chmodSync(path, 0o666);
  for (const words of [['--list'], [`--remove=${alice}`]]) {
    assertRefused(place.trust(...words), EXIT.configuration, /it can be written by its group: wanted chmod go-w/);
  }
});
