// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { podUuid } from '@rkt/pod-fixtures';
import { parseMount } from '../src/app-mounts.ts';
import { parseDevice } from '../src/devices.ts';
import { runtimeConfig, type AppSettings } from '../src/runtime-config.ts';
import { parseVolumes } from '../src/volumes.ts';

const none: readonly string[] = [];

function settings(
  volumeTexts: readonly string[],
  mounts: readonly string[],
  more: Partial<AppSettings> = {},
): AppSettings {
  const volumes = parseVolumes(volumeTexts).flatMap((each) => (each.kind === 'image' ? [] : [each]));
  return {
    pod: {
      uuid: podUuid(), hostname: 'h', network: 'none', volumes, owner: undefined,
      userNamespace: { first: 1 << 28, count: 65536 },
    },
    podPath: '/pod', name: 'app', user: { uid: 0, gid: 0, groups: [] }, interactive: false, readOnlyRoot: false, resources: {},
    process: { args: ['x'], env: [], cwd: '/', oomScoreAdj: 0,
      capabilities: { bounding: none, effective: none, permitted: none, inheritable: none, ambient: none } },
    mounts: mounts.map((text) => parseMount(text, volumes)),
    rlimits: [], devices: [], imageVolumes: [], files: [{ source: '/pod/etc/hosts', target: '/etc/hosts', content: '' }], seccomp: undefined,
    unmasked: true, annotations: {}, ...more,
  }; // prettier-ignore
}

function targetsOf(input: AppSettings): string[] {
  return runtimeConfig(input)
    .mounts.map(({ destination }) => destination)
    .filter((path) => !/^\/(proc|sys|dev)(\/|$)/.test(path));
}

test('runtimeConfig() mounts what is outer before what is inner, whatever the order of the options', () => {
  const mounts = ['volume=v,target=/a/b/c', 'volume=v,target=/a', 'volume=v,target=/a/b'];
  assert.deepEqual(targetsOf(settings(['v,kind=empty'], mounts)), ['/a', '/etc/hosts', '/a/b', '/a/b/c']);
  const more = { readOnlyRoot: true, imageVolumes: ['/tmp/image', '/a/image'] };
  assert.deepEqual(targetsOf(settings(['v,kind=empty'], ['volume=v,target=/a', 'volume=v,target=/tmp/v'], more)), [
    '/tmp', '/run', '/a', '/var/tmp', '/tmp/image', '/etc/hosts', '/tmp/v',
  ]); // prettier-ignore
});

test('runtimeConfig() puts nothing into a volume that nobody asked for', () => {
  const more = { readOnlyRoot: true, imageVolumes: ['/etc/image'] };
  const mounts = ['volume=v,target=/etc', 'volume=v,target=/var', 'volume=v,target=/run'];
  assert.deepEqual(targetsOf(settings(['v,kind=empty'], mounts, more)), ['/tmp', '/etc', '/var', '/run']);
});

test('runtimeConfig() replaces /dev/shm, and makes room for devices', () => {
  const { mounts, linux } = runtimeConfig(
    settings(['v,kind=empty'], ['volume=v,target=/dev/shm'], { devices: parseDevice('/dev/zero:/dev/x') }),
  );
  assert.deepEqual(mounts.filter(({ destination }) => destination === '/dev/shm').map(({ type }) => type), ['bind']); // prettier-ignore
  assert.ok(mounts.some(({ destination, options }) => destination === '/dev' && options.includes('nr_inodes=68')));
  assert.deepEqual(linux.devices?.map(({ path }) => path), ['/dev/x']); // prettier-ignore
  const twice = settings(['v,kind=empty'], ['volume=v,target=/dev/x'], { devices: parseDevice('/dev/zero:/dev/x') });
  assert.throws(() => runtimeConfig(twice), { status: 64 });
});

test('runtimeConfig() tells other runtimes what the mounts of an app get from the host', () => {
  const of = (...more: readonly string[]) => {
    const volumes = more.map((each, index) => `v${index},kind=host,source=/usr${each}`);
    const mounts = more.map((_, index) => `volume=v${index},target=/v${index}`);
    return runtimeConfig(settings(volumes, mounts)).linux.rootfsPropagation;
  };
  assert.equal(of(''), 'private');
  assert.equal(of('', ',propagation=slave'), 'rslave');
  assert.equal(of(',propagation=slave', ',propagation=shared'), 'rshared');
});
