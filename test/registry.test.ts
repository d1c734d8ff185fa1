// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { startRegistry, type Registry, type RegistryOptions } from './registry.ts';

const root = join(import.meta.dirname, '..');
const busybox = execFileSync(join(root, 'scripts', 'images'), ['busybox'], { encoding: 'utf8' }).trim();

const inspect = (registry: Registry, name: string, options: readonly string[]) =>
  spawnSync('skopeo', ['inspect', '--raw', ...options, `docker://${registry.host}/${name}`], { encoding: 'utf8' });

const variants: readonly RegistryOptions[] = [
  {},
  { auth: 'basic' },
  { auth: 'token' },
  { tls: true },
  { auth: 'basic', tls: true },
  { auth: 'token', tls: true },
];

for (const options of variants) {
  test(`startRegistry() serves what was pushed: ${JSON.stringify(options)}`, async () => {
    await using registry = await startRegistry(options);
    await registry.push(`oci:${busybox}:latest`, 'private/busybox:latest');
    await registry.push(`oci:${busybox}:zstd`, 'public/busybox:zstd');
    await registry.push(`oci:${busybox}:index`, 'public/busybox:index');
    await registry.push(`oci:${busybox}:latest`, 'public/busybox:docker', { format: 'v2s2' });
    const insecure = ['--tls-verify=false'];
    const known = [...insecure, `--authfile=${registry.authFile}`];
    assert.match(inspect(registry, 'private/busybox:latest', known).stdout, /oci\.image\.layer\.v1\.tar\+gzip/);
    assert.match(inspect(registry, 'public/busybox:zstd', known).stdout, /tar\+zstd/);
    assert.match(inspect(registry, 'public/busybox:index', known).stdout, /oci\.image\.index/);
    assert.match(inspect(registry, 'public/busybox:docker', known).stdout, /distribution\.manifest\.v2/);
    const anonymous = inspect(registry, 'private/busybox:latest', [...insecure, '--no-creds']);
    const open = options.auth === undefined;
    assert.equal(anonymous.status === 0, open, anonymous.stderr);
    if (options.tls) assert.notEqual(inspect(registry, 'private/busybox:latest', []).status, 0);
    assert.ok(registry.requests().some((line) => /^GET \/v2\/private\/busybox\/manifests\/latest 200$/.test(line)));
  });
}

test('startRegistry() with tokens lets everybody pull below public/', async () => {
  await using registry = await startRegistry({ auth: 'token' });
  await registry.push(`oci:${busybox}:latest`, 'public/busybox:latest');
  const anonymous = inspect(registry, 'public/busybox:latest', ['--tls-verify=false', '--no-creds']);
  assert.equal(anonymous.status, 0, anonymous.stderr);
  assert.ok(registry.scopes().includes('repository:public/busybox:pull'));
});

test('stop() leaves no process that listens', async () => {
  const registry = await startRegistry();
  await registry.stop();
  await assert.rejects(fetch(`http://${registry.host}/v2/`));
});
