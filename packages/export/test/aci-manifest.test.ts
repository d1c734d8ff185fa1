// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseImageManifest } from '@rkt/appc';
import type { PodApp } from '@rkt/formats';
import { digest } from '@rkt/pod-fixtures';
import { parseAppName } from '@rkt/names';
import { aciManifest } from '../src/aci-manifest.ts';

function manifestOf(image: string, env: readonly string[] = []) {
  const app: PodApp = {
    name: parseAppName('web'),
    image: { id: digest('1'), name: image, layers: [], labels: {}, ports: [] },
    stopSignal: 'SIGTERM',
    interactive: false,
    restart: { policy: 'no', limit: 0 },
    processes: 'pod',
    mounts: [{ volume: 'data', target: '/data', readOnly: true }],
    userLabels: { a: 'b' },
  };
  const user = { uid: 5, gid: 6, umask: 0o022, additionalGids: [7] };
  const process = { args: ['/x', '-v'], env, cwd: '/srv', user };
  return parseImageManifest(Buffer.from(aciManifest({ app, process, createdMs: 0 })), '"manifest"');
}

test('aciManifest() says how the app was run', () => {
  const { app, annotations } = manifestOf('example.com/web:1', ['A=b=c', 'AC_APP_NAME=web', 'BAD NAME=1']);
  assert.deepEqual([app?.exec, app?.user, app?.group, app?.supplementaryGIDs], [['/x', '-v'], '5', '6', [7]]);
  assert.deepEqual(app?.environment, [{ name: 'A', value: 'b=c' }]);
  assert.deepEqual(app?.mountPoints, [{ name: 'data', path: '/data', readOnly: true }]);
  assert.deepEqual([app?.workingDirectory, app?.userLabels], ['/srv', { a: 'b' }]);
  assert.deepEqual(annotations, [{ name: 'created', value: '1970-01-01T00:00:00.000Z' }]);
});

test('aciManifest() makes a name of appc of every name of an image', () => {
  for (const [image, name, version] of [
    ['example.com/web:1', 'example.com/web', '1'],
    ['docker://127.0.0.1:5000/a/b:v1.2', '127.0.0.1-5000/a/b', 'v1.2'],
    ['docker://host/x@sha256:abc', 'host/x', undefined],
    ['oci:/srv/Layout_1:tag', 'srv/layout_1', 'tag'],
    ['/tmp/My  App.aci', 'tmp/my-app.aci', undefined],
    ['///', 'exported', undefined],
    ['', 'exported', undefined],
  ] as const) {
    const manifest = manifestOf(image);
    assert.equal(manifest.name, name, image);
    assert.equal(manifest.labels.find((label) => label.name === 'version')?.value, version, image);
  }
});
