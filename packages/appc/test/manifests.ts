// SPDX-License-Identifier: Apache-2.0
// Image manifests for tests.
import { parseImageManifest, type ImageManifest } from '../src/index.ts';

/** A manifest as an object, which has everything that the specification's schema has. */
export function fullManifest(): Record<string, unknown> & { app: Record<string, unknown> } {
  return {
    acKind: 'ImageManifest',
    acVersion: '0.8.11',
    name: 'example.com/reduce-worker',
    labels: [
      { name: 'version', value: '1.0.0' },
      { name: 'arch', value: 'amd64' },
      { name: 'os', value: 'linux' },
    ],
    app: {
      exec: ['/usr/bin/reduce-worker', '--quiet'],
      user: '100',
      group: '300',
      supplementaryGIDs: [400, 500],
      eventHandlers: [
        { name: 'pre-start', exec: ['/usr/bin/data-downloader'] },
        { name: 'post-stop', exec: ['/usr/bin/deregister-worker', '--verbose'] },
      ],
      workingDirectory: '/opt/work',
      environment: [{ name: 'REDUCE_WORKER_DEBUG', value: 'true' }],
      isolators: [
        { name: 'resource/cpu', value: { request: '250m', limit: '500m' } },
        { name: 'resource/memory', value: { request: '1G', limit: '2G' } },
        { name: 'os/linux/capabilities-retain-set', value: { set: ['CAP_NET_BIND_SERVICE'] } },
      ],
      mountPoints: [{ name: 'work', path: '/var/lib/work', readOnly: true }],
      ports: [
        { name: 'health', port: 4000, protocol: 'tcp', socketActivated: true },
        { name: 'ftp-data', port: 20000, count: 1000, protocol: 'tcp' },
      ],
      userAnnotations: { a: 'b' },
      userLabels: { c: 'd' },
    },
    dependencies: [
      {
        imageName: 'example.com/reduce-worker-base',
        imageID: `sha512-${'ab'.repeat(64)}`,
        labels: [{ name: 'env', value: 'canary' }],
        size: 22017258,
      },
    ],
    pathWhitelist: ['/etc/ca/example.com/crt', '/etc/systemd/system/'],
    annotations: [
      { name: 'authors', value: 'Carly Container' },
      { name: 'created', value: '2014-10-27T19:32:27.67021798Z' },
      { name: 'documentation', value: 'https://example.com/docs' },
      { name: 'homepage', value: 'https://example.com' },
    ],
  };
}

/** The smallest manifest, with further keys. */
export function smallManifest(keys: object = {}): object {
  return { acKind: 'ImageManifest', acVersion: '0.8.11', name: 'example.com/small', ...keys };
}

/** Parses an object as if it had been read. */
export function parse(manifest: object): ImageManifest {
  return parseImageManifest(Buffer.from(JSON.stringify(manifest)), 'manifest "x"');
}
