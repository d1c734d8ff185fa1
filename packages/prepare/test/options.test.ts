// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { capabilitiesOf } from '../src/capabilities.ts';
import { chainIds } from '../src/chain.ts';
import { parseInsecureOptions } from '../src/insecure.ts';
import { parseDigest } from '@rkt/names';

const choice = { uid: 0, retain: [], remove: [], unrestricted: false };

test('capabilitiesOf() gives root eleven capabilities and everybody else none', () => {
  const root = capabilitiesOf(choice);
  assert.equal(root.bounding.length, 11);
  assert.deepEqual(root.effective, root.bounding);
  const user = capabilitiesOf({ ...choice, uid: 1 });
  assert.deepEqual([user.effective, user.permitted, user.inheritable, user.ambient], [[], [], [], []]);
});

test('capabilitiesOf() retains and removes by name, with or without CAP_', () => {
  assert.deepEqual(capabilitiesOf({ ...choice, retain: ['net_raw,CAP_KILL'] }).bounding, ['CAP_NET_RAW', 'CAP_KILL']);
  assert.ok(!capabilitiesOf({ ...choice, remove: ['CAP_CHOWN'] }).bounding.includes('CAP_CHOWN'));
  assert.throws(() => capabilitiesOf({ ...choice, retain: ['CAP_KILL'], remove: ['CAP_CHOWN'] }), { status: 64 });
  assert.throws(() => capabilitiesOf({ ...choice, retain: ['CAP_NOPE'] }), { status: 64 });
});

test('chainIds() are those of the OCI image specification', () => {
  const a = parseDigest(`sha256:${'a'.repeat(64)}`);
  const b = parseDigest(`sha256:${'b'.repeat(64)}`);
  // printf 'sha256:aaa… sha256:bbb…' | sha256sum
  assert.deepEqual(chainIds([a, b])[0], a);
  assert.equal(chainIds([a, b])[1], 'sha256:ccd722928bd92476ba1745586fed6e45a102504185ad88cd89e01ff116fd146c');
  assert.notEqual(chainIds([a, b])[1], chainIds([b, a])[1]);
  assert.deepEqual(chainIds([]), []);
});

test('parseInsecureOptions() expands the names of sets and refuses unknown ones', () => {
  assert.deepEqual([...parseInsecureOptions(['image,SECCOMP', 'none'])], ['image', 'seccomp']);
  assert.ok(parseInsecureOptions(['all-run']).has('userns'));
  for (const text of ['x', 'constructor']) assert.throws(() => parseInsecureOptions([text]), { status: 64 });
});
