// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isAcIdentifier, isAcName, isImageId, isImageIdPrefix, parseImageId } from '@rkt/names';

const HEX = '0f'.repeat(64);

test('isAcIdentifier() takes the examples of the specification and nothing looser', () => {
  const good = ['database', 'example.com/database', 'example.com~user/app_v1', 'a', '0',
    'sub-domain.example.com/org/product/release', 'os/linux/capabilities-retain-set']; // prettier-ignore
  for (const text of good) assert.ok(isAcIdentifier(text), text);
  const bad = ['', 'A', 'a.', '.a', 'a//b', 'a/', '/a', 'a b', 'a..b', 'a:b', 'a,b', 'a\n', 'ä', '../a', 'a/../b', 'a'.repeat(256)]; // prettier-ignore
  for (const text of bad) assert.ok(!isAcIdentifier(text), text);
});

test('isAcName() takes lower-case letters, digits and inner hyphens', () => {
  for (const text of ['database', 'product-database-release', '0', 'a-1']) assert.ok(isAcName(text), text);
  for (const text of ['', '-a', 'a-', 'a--b', 'a.b', 'a/b', 'A', 'a\n']) assert.ok(!isAcName(text), text);
});

test('every AC name is an AC identifier, and neither can lead out of a directory', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-z0-9./~_-]{0,20}$/)), (text) => {
      if (isAcName(text)) assert.ok(isAcIdentifier(text));
      if (!isAcIdentifier(text)) return;
      assert.equal(new URL(`https://host.example/${text}`).pathname, `/${text}`);
      assert.ok(text.split('/').every((part) => part !== '' && part !== '.' && part !== '..'));
    }),
    { numRuns: 2000 },
  );
});

test('isImageId() wants all digits, isImageIdPrefix() two', () => {
  assert.ok(isImageId(`sha512-${HEX}`));
  for (const text of [`sha512-${HEX}0`, `sha512-${HEX.slice(2)}`, `sha512-${HEX.toUpperCase()}`, `sha256-${HEX}`, HEX])
    assert.ok(!isImageId(text), text);
  for (const text of ['sha512-0f', 'sha512-abc', `sha512-${HEX}`]) assert.ok(isImageIdPrefix(text), text);
  for (const text of ['sha512-', 'sha512-a', 'sha512-not-existed', 'sha512:ab', `sha512-${HEX}0`])
    assert.ok(!isImageIdPrefix(text), text);
});

test('parseImageId() refuses what is no id with the status of refused data', () => {
  assert.equal(parseImageId(`sha512-${HEX}`), `sha512-${HEX}`);
  assert.throws(() => parseImageId('sha512-12\n'), { name: 'Failure', status: 65, message: /"sha512-12\\u000a"/ });
});
