// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePodManifest } from '../src/index.ts';

const IMAGE = { id: 'sha512-abcdef' };

function parse(more: object) {
  const manifest = { acKind: 'PodManifest', acVersion: '0.8.11', apps: [{ name: 'web', image: IMAGE }], ...more };
  return parsePodManifest(Buffer.from(JSON.stringify(manifest)), '"pod"');
}

test('parsePodManifest() fills in what a manifest leaves out or makes null', () => {
  const { apps, volumes, isolators } = parse({ volumes: null });
  assert.deepEqual([volumes, isolators], [[], []]);
  assert.deepEqual(apps[0], {
    name: 'web',
    image: { id: 'sha512-abcdef', name: '', labels: [] },
    readOnlyRootFS: false,
    mounts: [],
    annotations: [],
  });
});

test('parsePodManifest() takes the digest of an image of the OCI', () => {
  const id = `sha256-${'a'.repeat(64)}`;
  assert.equal(parse({ apps: [{ name: 'web', image: { id } }] }).apps[0]?.image.id, id);
});

test('parsePodManifest() refuses what contradicts appc, and says where', () => {
  const app = (more: object) => ({ apps: [{ name: 'web', image: IMAGE, ...more }] });
  const volume = (more: object) => ({ volumes: [{ name: 'v', ...more }] });
  const body = { exec: ['/x'], user: '0', group: '0' };
  const twice = ['retain', 'remove'].map((mode) => {
    return { name: `os/linux/capabilities-${mode}-set`, value: { set: ['CAP_KILL'] } };
  });
  for (const [more, pattern] of [
    [{ acKind: 'ImageManifest' }, /acKind/],
    [{ acVersion: 'one' }, /semantic version/],
    [{ apps: [] }, /pod must contain at least one application/],
    [{ apps: Array.from({ length: 257 }, (_, n) => ({ name: `a${n}`, image: IMAGE })) }, /apps/],
    [
      {
        apps: [
          { name: 'a', image: IMAGE },
          { name: 'a', image: IMAGE },
        ],
      },
      /expected each name once/,
    ],
    [app({ name: 'Web' }), /apps\.0\.name/],
    [app({ name: '../x' }), /apps\.0\.name/],
    [app({ image: {} }), /no image ID for app "web"/],
    [app({ image: { id: 'sha512-x' } }), /expected sha512-/],
    [app({ image: { name: 'UPPER' } }), /apps\.0\.image\.name/],
    [app({ mounts: [{ volume: 'v', path: '/v' }] }), /dangling mount point "\/v": volume "v" not found/],
    [app({ mounts: [{ volume: 'v', path: '/../v' }] }), /without ".."/],
    [app({ app: { ...body, user: '' } }), /apps\.0\.app\.user/],
    [app({ app: { ...body, isolators: twice } }), /cannot have both/],
    [app({ app: { ...body, environment: [{ name: 'A=B', value: '' }] } }), /name of a variable/],
    [volume({ kind: 'host' }), /volumes\.0\.source/],
    [volume({ kind: 'host', source: 'relative' }), /absolute path/],
    [volume({ kind: 'host', source: '/a', mode: '0700' }), /expected no mode/],
    [volume({ kind: 'empty', source: '/a' }), /expected no source/],
    [volume({ kind: 'empty', mode: '0999' }), /octal/],
    [volume({ kind: 'tmpfs' }), /kind/],
    [{ ports: [{ name: 'p', hostPort: 0 }] }, /hostPort/],
  ] as const) {
    assert.throws(() => parse(more), { name: 'Failure', status: 65, message: pattern }, JSON.stringify(more));
  }
});
