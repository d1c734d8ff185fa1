// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allowedXattr } from '../src/xattrs.ts';

const value = Buffer.from('x');
const capability = (...words: number[]): Buffer => {
  const bytes = Buffer.alloc(words.length * 4);
  for (const [index, word] of words.entries()) bytes.writeUInt32LE(word >>> 0, index * 4);
  return bytes;
};
const V2 = 0x0200_0000;

function keep(bytes: Buffer): Buffer | undefined {
  return allowedXattr('file', 'security.capability', bytes);
}

test('allowedXattr() keeps user attributes of files and directories', () => {
  for (const name of ['user.a', 'user.overlay', 'user.overlayx', 'user.a=b', 'user.a\nb']) {
    assert.equal(allowedXattr('file', name, value), value, name);
    assert.equal(allowedXattr('directory', name, value), value, name);
    assert.equal(allowedXattr('symlink', name, value), undefined, name);
    assert.equal(allowedXattr('fifo', name, value), undefined, name);
  }
});

test('allowedXattr() drops what overlayfs, security modules and access control read', () => {
  const dropped = [
    'user.',
    'user.overlay.opaque',
    'user.overlay.redirect',
    'user.overlay.metacopy',
    'user.overlay.',
    'trusted.overlay.redirect',
    'trusted.overlay.metacopy',
    'trusted.overlay.opaque',
    'trusted.overlay.origin',
    'trusted.a',
    'security.selinux',
    'security.ima',
    'security.evm',
    'security.SMACK64',
    'security.apparmor',
    'system.posix_acl_access',
    'system.posix_acl_default',
    'system.nfs4_acl',
    'USER.a',
    'a',
    '',
    'user.a\0b',
    'security.capability\0',
    'xuser.a',
  ];
  for (const name of dropped) assert.equal(allowedXattr('file', name, value), undefined, name);
});

test('allowedXattr() rewrites file capabilities to revision 2', () => {
  assert.deepEqual(keep(capability(V2 | 1, 0x400, 0, 0, 0)), capability(V2 | 1, 0x400, 0, 0, 0));
  assert.deepEqual(keep(capability(0x0300_0000, 1, 2, 3, 4, 0)), capability(V2, 1, 2, 3, 4));
  assert.deepEqual(keep(capability(0x0100_0001, 1, 2)), capability(V2 | 1, 1, 2, 0, 0));
  assert.deepEqual(keep(capability(V2, 0, 0, 0xffff_ffff, 0xffff_ffff)), capability(V2, 0, 0, 0x1ff, 0x1ff));
  assert.equal(keep(capability(0x0300_0000, 1, 2, 3, 4, 1000)), undefined);
  assert.equal(keep(capability(0x0400_0000, 1, 2, 3, 4)), undefined);
  assert.equal(keep(capability(V2 | 2, 1, 2, 3, 4)), undefined);
  assert.equal(keep(capability(V2, 1, 2)), undefined);
  assert.equal(keep(Buffer.from('ab')), undefined);
  assert.equal(allowedXattr('directory', 'security.capability', capability(V2, 1, 0, 0, 0)), undefined);
});
