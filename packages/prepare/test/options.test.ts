// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { capabilitiesOf } from '../src/capabilities.ts';
import { chainIds } from '../src/chain.ts';
import { parseInsecureOptions } from '../src/insecure.ts';
import { parseMount, parseVolumes } from '../src/volumes.ts';
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

test('parseVolumes() reads both kinds and refuses what does not fit them', () => {
  const [host, empty] = parseVolumes(['a,kind=host,source=/usr/,readOnly=true', 'b,kind=empty,mode=0700,uid=1']);
  assert.deepEqual(host, { kind: 'host', name: 'a', source: '/usr/', isFile: false, readOnly: true, recursive: true });
  assert.deepEqual(empty, { kind: 'empty', name: 'b', readOnly: false, mode: 0o700, uid: 1, gid: 0 });
  const wrong = ['a', 'a,kind=x', 'a,kind=host', 'a,kind=host,source=rel', 'a,kind=empty,source=/', 'A,kind=empty', 'a,kind=empty,mode=9',
    'a,kind=empty,uid=-1', 'a,kind=empty,colour=red', 'a,kind=empty,kind=host', 'a,kind=host,source=/usr,uid=1', 'a,kind=empty,readOnly=yes']; // prettier-ignore
  for (const text of wrong) assert.throws(() => parseVolumes([text]), { status: 64 }, text);
  assert.throws(() => parseVolumes(['a,kind=empty', 'a,kind=empty']), /duplicate volume name/);
  assert.throws(() => parseVolumes(['a,kind=host,source=/does/not/exist']), { status: 66 });
});

test('parseMount() refuses unknown volumes and targets that protections stand on', () => {
  const volumes = parseVolumes(['a,kind=empty']);
  assert.deepEqual(parseMount('volume=a,target=/x/../y/', volumes), { volume: 'a', target: '/y', readOnly: false });
  for (const text of [
    'volume=b,target=/x',
    'volume=a',
    'volume=a,target=x',
    'volume=a,target=/',
    'volume=a,target=/proc',
    'volume=a,target=/x/../sys/fs',
    'volume=a,target=/dev/null',
    'volume=a,target=/x,y=z',
  ]) {
    assert.throws(() => parseMount(text, volumes), { status: 64 }, text);
  }
});
