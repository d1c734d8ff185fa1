// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCdiSpec } from '@rkt/formats';
import { parseArguments } from '../src/arguments.ts';
import { deviceMountsOf, deviceNodesOf, requireApart } from '../src/device-nodes.ts';
import { devicesOf, parseDevice } from '../src/devices.ts';

const ZERO = { hostPath: '/dev/zero', type: 'c', major: 1, minor: 5 } as const;
const range = { userNamespace: { first: 1 << 28, count: 65536 }, owner: undefined };
const owner = { uid: 1, gid: 1, uidMap: [], gidMap: [] };

test('parseDevice() reads the path of the host, that of the app, and permissions', () => {
  assert.deepEqual(parseDevice('/dev/zero:/dev/x'), [{ ...ZERO, path: '/dev/x', access: 'rw' }]);
  assert.deepEqual(parseDevice('/dev/zero:/dev/x/../a/b/:rm'), [{ ...ZERO, path: '/dev/a/b', access: 'r' }]);
  assert.deepEqual(parseDevice('/dev/zero:/dev/x:w')[0]?.access, 'w');
  for (const text of [
    '/dev/zero',
    '/dev/zero:x',
    '/dev/zero:/x',
    '/dev/zero:/dev',
    '/dev/zero:/dev/',
    '/dev/zero:/dev/shm/x',
    '/dev/zero:/dev/../x',
    '/dev/zero:/dev/x:m',
    '/dev/zero:/dev/x:rr',
    '/dev/zero:/dev/x:y',
    '/dev/zero:/dev/x:rw:',
    '/dev/zero:/dev/pts/0',
    '/dev/zero:/dev/ptmx',
    '/usr:/dev/x',
    '/etc/passwd:/dev/x',
  ])
    // prettier-ignore
    assert.throws(() => parseDevice(text), { status: 64 }, text);
  assert.throws(() => parseDevice('/dev/nothing-there'), { status: 66 });
});

test('devicesOf() has one node for a path, the last, and none below another', async () => {
  const nodes = async (...devices: readonly string[]) => {
    const [own] = await devicesOf(parseArguments(['oci:x', ...devices.map((device) => `--device=${device}`)]));
    return own?.nodes.map(({ path, minor }) => `${path} ${minor}`);
  };
  assert.deepEqual(await nodes('/dev/zero:/dev/x', '/dev/full:/dev/x'), ['/dev/x 7']);
  assert.deepEqual(await nodes(), []);
  await assert.rejects(nodes('/dev/zero:/dev/x', '/dev/full:/dev/x/y'), /lies below another device/);
  await assert.rejects(nodes('vendor.com/class'), { status: 64 });
});

test('deviceNodesOf() gives the node to root of the pod, but to root of the host what must not be written', () => {
  const node = { path: '/dev/x', type: 'c', major: 1, minor: 5 };
  assert.deepEqual(deviceNodesOf(range, parseDevice('/dev/zero:/dev/x')), [
    { ...node, fileMode: 0o666, uid: 0, gid: 0 },
  ]);
  assert.deepEqual(deviceNodesOf(range, parseDevice('/dev/zero:/dev/x:r')), [{ ...node, fileMode: 0o444 }]);
  assert.deepEqual(deviceNodesOf(range, parseDevice('/dev/zero:/dev/x:w')), [{ ...node, fileMode: 0o222 }]);
  const host = { userNamespace: { unavailable: 'x' }, owner: undefined };
  assert.throws(() => deviceNodesOf(host, parseDevice('/dev/zero:/dev/x:r')), { status: 64 });
});

test('deviceMountsOf() binds the node of the host for a user, who can keep nobody from writing', () => {
  const user = { ...range, owner };
  assert.deepEqual(deviceNodesOf(user, parseDevice('/dev/zero:/dev/x')), []);
  const [mount] = deviceMountsOf(user, parseDevice('/dev/zero:/dev/x'));
  assert.deepEqual([mount?.source, mount?.destination], ['/dev/zero', '/dev/x']);
  assert.ok(mount?.options.includes('nodev') === false);
  assert.throws(() => deviceMountsOf(user, parseDevice('/dev/zero:/dev/x:r')), { status: 64 });
});

test('requireApart() refuses a device where a volume is mounted, in it, and above it', () => {
  const at = (destination: string) => [{ destination, type: 'bind', source: '/', options: ['bind'] }];
  const devices = parseDevice('/dev/zero:/dev/x/y');
  for (const path of ['/dev/x', '/dev/x/y', '/dev/x/y/z'])
    assert.throws(() => requireApart(at(path), devices), { status: 64 });
  requireApart(at('/dev/x/yz'), devices);
});

const minimal = { cdiVersion: '0.5.0', kind: 'vendor.com/class', devices: [{ name: 'one', containerEdits: {} }] };

test('parseCdiSpec() reads JSON and YAML, and refuses what it would have to do and does not know', async () => {
  const read = async (text: string, path = 'x.json') => parseCdiSpec(Buffer.from(text), path);
  assert.equal((await read(JSON.stringify(minimal))).devices[0]?.name, 'one');
  const yaml =
    'cdiVersion: "0.6.0"\nkind: vendor.com/class\ndevices:\n- name: one\n  containerEdits:\n    env: [A=b]\n';
  assert.deepEqual((await read(yaml, 'x.yaml')).devices[0]?.containerEdits.env, ['A=b']);
  const wrong = [
    '{', '[]', JSON.stringify({ ...minimal, cdiVersion: '2.0.0' }), JSON.stringify({ ...minimal, kind: 'x' }),
    JSON.stringify({ ...minimal, containerEdits: { netDevices: [] } }), JSON.stringify({ ...minimal, containerEdits: { intelRdt: {} } }),
    JSON.stringify({ ...minimal, devices: [{ name: '../x', containerEdits: {} }] }),
  ]; // prettier-ignore
  for (const text of wrong) await assert.rejects(read(text), { status: 78 }, text);
  await assert.rejects(read('a: &a [x]\nb: *a\n', 'x.yml'), { status: 78 });
});
