// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { findIdentity, splitUser } from '../src/users.ts';

const database = {
  passwd:
    'root:x:0:0:root:/root:/bin/sh\nweb:x:33:33::/var/www:/bin/sh\nroot:x:7:7::/evil:/bin/sh\nodd:x:9:9::/ho\u0001me:/x\nbad:x:-1:zz::/:\n',
  group: 'root:x:0:\nweb:x:33:\nlog:x:40:web,other\ndup:x:33:web\n',
};

test('findIdentity() finds names, their groups and home in the database of the image', () => {
  assert.deepEqual(findIdentity(database, 'web', undefined), {
    uid: 33,
    gid: 33,
    groups: [40],
    name: 'web',
    home: '/var/www',
  });
  assert.deepEqual(findIdentity(database, 'web', 'log'), {
    uid: 33,
    gid: 40,
    groups: [],
    name: 'web',
    home: '/var/www',
  });
});

test('findIdentity() takes digits as a number, never as a name, and the first of two entries', () => {
  assert.deepEqual(findIdentity({ passwd: '12:x:0:0::/:\n', group: '' }, '12', undefined).uid, 12);
  assert.equal(findIdentity(database, 'root', undefined).uid, 0);
  assert.deepEqual(findIdentity({ passwd: '', group: '' }, '', undefined), {
    uid: 0,
    gid: 0,
    groups: [],
    name: 'root',
    home: '/root',
  });
});

test('findIdentity() refuses ids that would wrap, and names that are not there', () => {
  const wrong = ['4294967295', '4294967296', '99999999999999999999', '-1', '+0', '0x0', ' 0', 'bad', 'nobody', '0 '];
  for (const user of wrong) assert.throws(() => findIdentity(database, user, undefined), { status: 65 }, user);
  for (const group of ['nope', '4294967296'])
    assert.throws(() => findIdentity(database, '0', group), { status: 65 }, group);
});

test('findIdentity() never takes a home that is no plain path', () => {
  assert.equal(findIdentity(database, 'odd', undefined).home, '/');
});

test('findIdentity() gives a number or a Failure whatever the database says', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), (passwd, group, user) => {
      try {
        const { uid, gid } = findIdentity({ passwd, group }, user, undefined);
        assert.ok(Number.isInteger(uid) && uid >= 0 && uid < 2 ** 32 - 1 && Number.isInteger(gid));
      } catch (error) {
        assert.equal(error instanceof Error && error.name, 'Failure');
      }
    }),
  );
});

test('splitUser() splits at the first colon', () => {
  assert.deepEqual(splitUser('a:b:c'), { user: 'a', group: 'b:c' });
  assert.deepEqual(splitUser('a'), { user: 'a', group: undefined });
});
