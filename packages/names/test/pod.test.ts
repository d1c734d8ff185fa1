// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { appNameOf, isAppName, isPodUuid, isUuidPrefix, parseAppName } from '@rkt/names';

test('isPodUuid() takes random UUIDs in lower case', () => {
  const uuid = randomUUID();
  assert.ok(isPodUuid(uuid));
  assert.ok(!isPodUuid(uuid.toUpperCase()) || uuid === uuid.toUpperCase());
  assert.ok(!isPodUuid(`${uuid}/..`));
  assert.ok(isUuidPrefix(uuid.slice(0, 8)));
  assert.ok(!isUuidPrefix('../'));
});

test('appNameOf() makes a name from the last component of an image name', () => {
  assert.equal(appNameOf('docker.io/library/busybox:1.36'), 'busybox');
  assert.equal(appNameOf('registry.example.com:5000/My_App@sha256:00'), 'my-app');
  assert.equal(appNameOf('///'), 'app');
});

test('appNameOf() always makes an app name', () => {
  fc.assert(fc.property(fc.string(), (text) => isAppName(appNameOf(text))));
});

test('parseAppName() refuses names that could leave a directory', () => {
  for (const name of ['', '..', 'a/b', 'A', '-a', 'a-', 'a\n', 'x'.repeat(64)]) {
    assert.throws(() => parseAppName(name), { status: 64 });
  }
});
