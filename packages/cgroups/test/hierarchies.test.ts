// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { readHierarchies } from '../src/index.ts';
import { mountsOf } from '../src/hierarchies.ts';
import { CONTAINER, HYBRID, hybrid, V1, v1, V2, v2 } from './machines.ts';

test('readHierarchies() finds the controllers of v1, also two on one mount', () => {
  const { unified, controllers } = v1();
  assert.equal(unified, undefined);
  assert.deepEqual(Object.fromEntries([...controllers].map(([name, { version, mount }]) => [name, [version, mount]])), {
    cpu: [1, '/sys/fs/cgroup/cpu,cpuacct'],
    cpuacct: [1, '/sys/fs/cgroup/cpu,cpuacct'],
    cpuset: [1, '/sys/fs/cgroup/cpuset'],
    memory: [1, '/sys/fs/cgroup/memory'],
    blkio: [1, '/sys/fs/cgroup/blkio'],
    pids: [1, '/sys/fs/cgroup/pids'],
  });
  assert.equal(mountsOf(v1()).length, 5);
});

test('readHierarchies() finds the controllers of v2', () => {
  const { unified, controllers } = v2();
  assert.equal(unified, '/sys/fs/cgroup');
  assert.deepEqual([...controllers.keys()].toSorted(), 'cpu cpuset hugetlb io memory misc pids rdma'.split(' '));
  for (const hierarchy of controllers.values()) assert.deepEqual(hierarchy, { version: 2, mount: '/sys/fs/cgroup' });
});

test('readHierarchies() finds each controller where it is on a hybrid machine', () => {
  const { unified, controllers } = hybrid();
  assert.equal(unified, '/cg/v2');
  assert.deepEqual(controllers.get('memory'), { version: 1, mount: '/cg/memory' });
  assert.deepEqual(controllers.get('pids'), { version: 1, mount: '/cg/with space' });
  assert.deepEqual(controllers.get('hugetlb'), { version: 2, mount: '/cg/v2' });
  assert.equal(controllers.get('io'), undefined);
});

test('readHierarchies() leaves out what is mounted read-only and prefers the root of a hierarchy', () => {
  const { controllers } = readHierarchies({ mountinfo: CONTAINER, controllers: '' });
  assert.deepEqual([...controllers], [['pids', { version: 1, mount: '/host/pids' }]]);
});

test('readHierarchies() leaves out what a later mount hides', () => {
  const hidden = `${V1}99 23 0:77 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n100 99 0:38 / /sys/fs/cgroup/unified rw - cgroup2 none rw\n`;
  const { unified, controllers } = readHierarchies({ mountinfo: hidden, controllers: 'pids' });
  assert.equal(unified, '/sys/fs/cgroup/unified');
  assert.deepEqual([...controllers], [['pids', { version: 2, mount: unified }]]);
});

test('readHierarchies() finds what lies below a root over which something is mounted', () => {
  const { controllers } = readHierarchies({ mountinfo: `${V1}99 1 0:77 / / rw - tmpfs none rw\n`, controllers: '' });
  assert.deepEqual([...controllers], [...v1().controllers]);
});

test('readHierarchies() does not take a file system of another kind for a hierarchy', () => {
  const { unified, controllers } = readHierarchies({
    mountinfo: '50 1 0:9 / /cgroup2 rw - tmpfs cgroup2 rw,memory\n51 1 0:9 / /a\\012b rw - fuse.cgroup x rw,cpu\n',
    controllers: '',
  });
  assert.equal(unified, undefined);
  assert.equal(controllers.size, 0);
});

test('readHierarchies() decodes names that are not ASCII', () => {
  const { unified } = readHierarchies({
    mountinfo: '5 1 0:9 / /ü\\134\\040\\011x rw - cgroup2 n rw\n',
    controllers: '',
  });
  assert.equal(unified, '/ü\\ \tx');
});

test('readHierarchies() survives any text', () => {
  const piece = fc.oneof(fc.constantFrom(...V1.split('\n'), ...V2.split('\n'), ...HYBRID.split('\n')), fc.string());
  const cut = fc.tuple(piece, fc.nat(120)).map(([line, end]) => line.slice(0, end));
  fc.assert(
    fc.property(fc.array(cut, { maxLength: 12 }), fc.string(), (lines, controllers) => {
      const found = readHierarchies({ mountinfo: lines.join('\n'), controllers });
      for (const { mount } of found.controllers.values()) assert.ok(mountsOf(found).includes(mount));
    }),
    { numRuns: 500 },
  );
});
