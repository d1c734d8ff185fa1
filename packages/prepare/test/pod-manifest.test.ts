// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseArguments } from '../src/arguments.ts';
import { parseEnvironment } from '../src/environment-files.ts';
import { withPodManifest } from '../src/pod-manifest.ts';

const APP = { exec: ['/bin/x', '-v'], user: '1', group: '2' };

function settle(app: object, { argv = [], more = {} }: { argv?: readonly string[]; more?: object } = {}) {
  const apps = [{ name: 'web', image: { id: 'sha512-abcd' }, ...app }];
  const text = JSON.stringify({ acKind: 'PodManifest', acVersion: '0.8.11', apps, ...more });
  return withPodManifest(parseArguments(argv), Buffer.from(text), '"pod"');
}

test('withPodManifest() makes of an app the options that say the same', () => {
  const isolators = [
    { name: 'resource/memory', value: { limit: '64Mi' } },
    { name: 'resource/cpu', value: { limit: '0.5' } },
    { name: 'os/linux/cpu-shares', value: 4096 },
    { name: 'os/linux/oom-score-adj', value: -5 },
    { name: 'os/linux/capabilities-retain-set', value: { set: ['CAP_SYS_ADMIN', 'CAP_KILL'] } },
    { name: 'os/linux/seccomp-remove-set', value: { set: ['chmod', 'chown'], errno: 'ENOSYS' } },
  ];
  const app = {
    ...APP,
    isolators,
    supplementaryGIDs: [3, 4],
    workingDirectory: '/w',
    environment: [{ name: 'A', value: '=' }],
  };
  const { given, warnings } = settle({ app, readOnlyRootFS: true });
  const [image] = given.images;
  assert.deepEqual([image?.image, image?.args, warnings], ['sha512-abcd', ['-v'], []]);
  const { name, exec, user, group, memory, cpu, seccomp, environment, ...rest } = image?.given ?? assert.fail();
  assert.deepEqual([name, exec, user, group], ['web', '/bin/x', '1', '2']);
  assert.deepEqual([memory, cpu, seccomp], ['67108864', '500m', 'mode=remove,errno=ENOSYS,chmod,chown']);
  assert.deepEqual(environment, ['A==']);
  assert.deepEqual([rest['supplementary-gids'], rest['working-dir'], rest['readonly-rootfs']], ['3,4', '/w', 'true']);
  assert.deepEqual(
    [rest['cpu-shares'], rest['oom-score-adj'], rest['caps-retain']],
    [4096, -5, ['CAP_SYS_ADMIN,CAP_KILL']],
  );
});

test('withPodManifest() makes of volumes and mounts the options that say the same', () => {
  const host = { name: 'h', kind: 'host', source: '/srv', readOnly: true, recursive: false };
  const own = { name: 'own', kind: 'empty', mode: '0700', uid: 5 };
  const { given } = settle(
    {
      mounts: [
        { volume: 'h', path: '/h' },
        { volume: 'own', path: '/own', appVolume: own },
      ],
    },
    { more: { volumes: [host] } },
  );
  assert.deepEqual(given.pod.volume, [
    'h,kind=host,source=/srv,readOnly=true,recursive=false',
    'own,kind=empty,mode=0700,uid=5',
  ]);
  assert.deepEqual(given.images[0]?.given.mount, ['volume=h,target=/h', 'volume=own,target=/own']);
});

test('withPodManifest() lets no path become more than one parameter', () => {
  const volumes = [{ name: 'h', kind: 'host', source: '/srv,readOnly=false' }];
  assert.throws(() => settle({}, { more: { volumes } }), { name: 'Failure', status: 65, message: /without a comma/ });
});

test('withPodManifest() finds an image by its name and labels where the manifest has no id', () => {
  const labels = [
    { name: 'version', value: '1' },
    { name: 'arch', value: 'amd64' },
  ];
  const { given } = settle({ image: { name: 'example.com/web', labels } });
  assert.equal(given.images[0]?.image, 'example.com/web:1,arch=amd64');
});

test('withPodManifest() joins what both note of the pod, and the command line wins', () => {
  const more = { userLabels: { a: 'manifest', b: 'manifest' }, annotations: [{ name: 'x/y', value: 'z' }] };
  const { given } = settle({}, { argv: ['--user-label=a=option', '--user-annotation=c=option'], more });
  assert.deepEqual(given.notes, {
    annotations: { 'x/y': 'z' },
    userAnnotations: { c: 'option' },
    userLabels: { a: 'option', b: 'manifest' },
  });
});

test('withPodManifest() says what it does not do', () => {
  const app = {
    ...APP,
    eventHandlers: [{ name: 'pre-start', exec: ['/p'] }],
    isolators: [{ name: 'os/unix/sysctl', value: {} }],
  };
  const more = { isolators: [{ name: 'resource/cpu', value: {} }], ports: [{ name: 'http', hostPort: 80 }] };
  assert.deepEqual(settle({ app }, { more }).warnings, [
    '"pod": app "web": its pre-start event handler is not run',
    '"pod": app "web": its isolator os/unix/sysctl is ignored',
    '"pod": its isolator resource/cpu is ignored',
    '"pod": its port "http" is not forwarded',
  ]);
});

test('withPodManifest() refuses options that say what the manifest says, and those of fetching', () => {
  for (const argv of [
    ['docker://a/b'], ['--volume=a,kind=empty'], ['--mount=volume=a,target=/a'], ['--inherit-env'], ['--set-env=A=B'],
    ['--set-env-file=f'], ['--pull-policy=never'], ['--pull-policy=update'], ['--store-only'], ['--no-store'],
  ]) {
    const message = 'conflicting flags set with --pod-manifest (see --help)';
    assert.throws(() => settle({}, { argv }), { name: 'Failure', status: 64, message }, argv.join(' '));
  } // prettier-ignore
});

test('parseEnvironment() skips comments and empty lines, and names the line that is neither', () => {
  assert.deepEqual(parseEnvironment('A=1\n\n# B=2\n;C=3\nD=a=b \r\n', 'f'), ['A=1', 'D=a=b ']);
  assert.throws(() => parseEnvironment('A=1\nB\n', 'f'), { status: 65, message: /"f": line 2: wanted NAME=VALUE/ });
});

test('parseArguments() knows notes of the pod and of apps apart', () => {
  const { notes, images } = parseArguments([
    '--user-label=a=pod', '--annotation', 'x/y=1', 'docker://a/b', '--user-label=a=app', '--user-annotation=n=v=w',
  ]); // prettier-ignore
  assert.deepEqual(notes, { annotations: { 'x/y': '1' }, userAnnotations: {}, userLabels: { a: 'pod' } });
  assert.deepEqual(images[0]?.notes, { annotations: {}, userAnnotations: { n: 'v=w' }, userLabels: { a: 'app' } });
  for (const word of [
    '--annotation=Upper=1',
    '--annotation=a',
    '--user-label==x',
    '--user-label=a=1',
    '--user-annotation=x',
  ]) {
    assert.throws(() => parseArguments(['docker://a/b', '--user-label=a=0', word]), { status: 64 }, word);
  }
});

test('parseArguments() takes rkt’s former names, and not both kinds of store', () => {
  const { images } = parseArguments(['docker://a/b', '--cap-retain=CAP_KILL', '--', '--cap-remove=x']);
  assert.deepEqual([images[0]?.given['caps-retain'], images[0]?.args], [['CAP_KILL'], ['--cap-remove=x']]);
  assert.throws(() => parseArguments(['--store-only', '--no-store', 'docker://a/b']), { status: 64 });
});
