// SPDX-License-Identifier: Apache-2.0
// What an image in appc's format says about how it is run, and how little of that can loosen anything.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { isolatorsOf, parseImageManifest } from '@rkt/appc';
import { parseSeccompProfile, type PodVolume } from '@rkt/formats';
import { parseAppName } from '@rkt/names';
import { aciWarnings, withDefaults } from '../src/aci-defaults.ts';
import { dockerVolumesOf, mountPointsOf } from '../src/aci-volumes.ts';
import { type AciOfImage } from '../src/aci.ts';
import { parseArguments } from '../src/arguments.ts';
import { capabilitiesOf } from '../src/capabilities.ts';
import { restrictProfile } from '../src/seccomp-profile.ts';

function imageOf(app: object, { isFromDocker = false } = {}): AciOfImage {
  const manifest = {
    acKind: 'ImageManifest',
    acVersion: '0.8.11',
    name: 'a',
    app: { exec: ['/a'], user: '1', group: '2', ...app },
  };
  const parsed = parseImageManifest(Buffer.from(JSON.stringify(manifest)), 'x').app;
  assert.ok(parsed);
  return { parts: [], app: parsed, isolators: isolatorsOf(parsed, 'x'), isFromDocker };
}

/** What is settled about an app, of what the user said behind its image. */
function settled(image: AciOfImage, ...words: string[]) {
  const [said] = parseArguments(['a', ...words]).images;
  assert.ok(said);
  return withDefaults(said, image).given;
}

const isolators = (values: Readonly<Record<string, unknown>>) => ({
  isolators: Object.entries(values).map(([name, value]) => ({ name, value })),
});

test('withDefaults() takes from the image what the user does not say', () => {
  const image = imageOf({
    user: 'web', group: 'www', supplementaryGIDs: [5, 6],
    ...isolators({ 'resource/memory': { limit: '64Mi' }, 'resource/cpu': { limit: '500m' }, 'os/linux/cpu-shares': 512, 'os/linux/oom-score-adj': 300 }),
  }); // prettier-ignore
  const own = settled(image);
  assert.deepEqual(
    [own.user, own.group, own['supplementary-gids'], own.memory, own.cpu, own['cpu-shares'], own['oom-score-adj']],
    ['web', 'www', '5,6', String(64 * 2 ** 20), '500m', 512, 300],
  );
  const given = settled(image, '--user=x', '--group=y', '--supplementary-gids=7', '--memory=1G', '--cpu=2', '--cpu-shares=9', '--oom-score-adj=-5');
  assert.deepEqual(
    [given.user, given.group, given['supplementary-gids'], given.memory, given.cpu, given['cpu-shares'], given['oom-score-adj']],
    ['x', 'y', '7', '1G', '2', 9, -5],
  );
  assert.equal(settled(image, '--user=a').group, 'www');
  assert.equal(settled(image, '--user=a:b').group, undefined);
}); // prettier-ignore

test('withDefaults() gives no app more than it would have without isolators', () => {
  const image = imageOf(isolators({ 'os/linux/cpu-shares': 262144, 'os/linux/oom-score-adj': -1000 }));
  const own = settled(image);
  assert.deepEqual([own['cpu-shares'], own['oom-score-adj']], [1024, 0]);
  assert.deepEqual(aciWarnings('a', image), [
    'image "a": its isolator os/linux/cpu-shares is lowered to 1024',
    'image "a": its isolator os/linux/oom-score-adj is raised to 0',
  ]);
});

test('withDefaults() reads every form of quantity, and refuses what is too large', () => {
  const bytes = (limit: string) => settled(imageOf(isolators({ 'resource/memory': { limit } }))).memory;
  const cases = { '5000': '5000', '50M': '50000000', '42Mi': '44040192', '1.5k': '1500', '12e6': '12000000', '1E3': '1000', '8192000m': '8192', '1Pi': '1125899906842624' };
  for (const [quantity, wanted] of Object.entries(cases)) assert.equal(bytes(quantity), wanted, quantity);
  for (const quantity of ['100E', '9e99']) assert.throws(() => bytes(quantity), { status: 65 }, quantity);
}); // prettier-ignore

test('withDefaults() lets a user converted from Docker have the group of its own', () => {
  assert.equal(settled(imageOf({ user: 'web', group: 'web' }, { isFromDocker: true })).group, undefined);
  assert.equal(settled(imageOf({ user: 'web', group: 'www' }, { isFromDocker: true })).group, 'www');
});

test('aciWarnings() says what is not done', () => {
  const image = imageOf({
    eventHandlers: [{ name: 'pre-start', exec: ['/x'] }],
    ...isolators({ 'os/linux/apparmor-profile': 'x', 'os/linux/no-new-privileges': true }),
  });
  assert.deepEqual(aciWarnings('a', image), [
    'image "a": its pre-start event handler is not run',
    'image "a": its isolator os/linux/apparmor-profile is ignored',
  ]);
});

test('capabilitiesOf() lets an image give up capabilities and never gain one', () => {
  const choice = { uid: 0, retain: [], remove: [], unrestricted: false };
  const usual = capabilitiesOf(choice).bounding;
  const of = (mode: 'retain' | 'remove', ...set: string[]) =>
    capabilitiesOf({ ...choice, image: { mode, set } }).bounding;
  assert.deepEqual(of('retain', 'CAP_KILL', 'CAP_SYS_ADMIN'), ['CAP_KILL']);
  assert.deepEqual(of('retain', 'CAP_SYS_ADMIN'), []);
  assert.deepEqual(of('remove', 'CAP_SYS_ADMIN'), usual);
  assert.deepEqual(of('remove', 'CAP_KILL'), usual.filter((name) => name !== 'CAP_KILL')); // prettier-ignore
  const image = { mode: 'retain', set: ['CAP_KILL'] } as const;
  assert.deepEqual(capabilitiesOf({ ...choice, image, retain: ['CAP_SYS_ADMIN'] }).bounding, ['CAP_SYS_ADMIN']);
  assert.equal(capabilitiesOf({ ...choice, image, remove: ['CAP_KILL'] }).bounding.length, usual.length - 1);
});

test('restrictProfile() allows no call that the default does not allow, and those that every program needs', () => {
  const path = join(import.meta.dirname, '../../seccomp-tools/profiles/default.json');
  const fallback = parseSeccompProfile(readFileSync(path, 'utf8'), path);
  const allowed = ({ syscalls = [] }: typeof fallback) =>
    new Set(syscalls.filter(({ action }) => action === 'SCMP_ACT_ALLOW').flatMap(({ names }) => names));
  const usual = allowed(fallback);
  const retain = (...set: string[]) => allowed(restrictProfile(fallback, { mode: 'retain', set }));
  assert.deepEqual(retain('@appc.io/all'), usual);
  assert.deepEqual(retain('@rkt/default-whitelist', 'mount'), usual);
  const few = retain('read', 'mount', '@systemd/clock');
  assert.ok(few.has('read') && few.has('execve') && few.has('exit_group'));
  assert.ok(!few.has('write') && !few.has('mount'));
  const less = restrictProfile(fallback, { mode: 'remove', set: ['read', '@appc.io/empty'], errno: 'ENOSYS' });
  assert.ok(!allowed(less).has('read') && allowed(less).has('write'));
  assert.equal(less.syscalls?.[0]?.errnoRet, 38);
  assert.equal(restrictProfile(fallback, { mode: 'remove', set: ['@appc.io/empty'] }), fallback);
  const names = fc.array(fc.constantFrom('read', 'mount', 'ptrace', 'bpf', '@appc.io/all', '@appc.io/empty', 'clone', 'nothing'), { minLength: 1 });
  fc.assert(
    fc.property(fc.constantFrom('retain', 'remove'), names, (mode, set) => {
      for (const name of allowed(restrictProfile(fallback, { mode, set }))) assert.ok(usual.has(name), name);
    }),
  );
}); // prettier-ignore

const app = parseAppName('app');
const points = (list: object[], docker = false) => imageOf({ mountPoints: list }, { isFromDocker: docker });
const volume = (name: string, readOnly = false): PodVolume => ({
  kind: 'empty',
  name,
  readOnly,
  mode: 0o755,
  uid: 0,
  gid: 0,
});

test('mountPointsOf() finds a volume of the same name, or makes an empty one and says so', () => {
  const aci = points([{ name: 'data', path: '/data/' }, { name: 'logs', path: '/var/log', readOnly: true }, { name: 'conf', path: '/conf' }]);
  const found = mountPointsOf({ name: app, aci, mounts: [{ volume: 'x', target: '/conf', readOnly: true }] }, [volume('data')]);
  assert.deepEqual(found.mounts, [
    { volume: 'x', target: '/conf', readOnly: true },
    { volume: 'data', target: '/data', readOnly: false },
    { volume: 'app-logs', target: '/var/log', readOnly: true },
  ]);
  assert.deepEqual(found.volumes.map(({ name }) => name), ['app-logs']);
  assert.deepEqual(found.warnings, ['no volume specified for mount point "logs" of app "app": an empty one is made']);
  const [mount] = mountPointsOf({ name: app, aci: points([{ name: 'd', path: '/d' }]), mounts: [] }, [volume('d', true)]).mounts;
  assert.equal(mount?.readOnly, true);
}); // prettier-ignore

test('mountPointsOf() lets no image mount on what the protections stand on', () => {
  for (const path of ['/', '/proc', '/proc/self', '/sys/fs', '/dev', '//proc/../proc', '/./sys']) {
    if (path.includes('..')) continue;
    assert.throws(() => mountPointsOf({ name: app, aci: points([{ name: 'a', path }]), mounts: [] }, []), {
      name: 'Failure',
      message: /cannot use mount point "a" of the image/,
    }, path);
  }
}); // prettier-ignore

test('the mount points of an image that was converted from Docker are its volumes', () => {
  const aci = points([{ name: 'volume-data', path: '/data' }], true);
  assert.deepEqual(mountPointsOf({ name: app, aci, mounts: [] }, []), { mounts: [], volumes: [], warnings: [] });
  assert.deepEqual(dockerVolumesOf(aci), ['/data']);
  assert.deepEqual(dockerVolumesOf(points([{ name: 'a', path: '/data' }])), []);
});
