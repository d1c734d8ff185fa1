// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeLayout } from '../../test/images/layout.ts';

/** Runs a bundle with these arguments and returns what it printed, whatever its status. */
type Play = (bundle: string, ...args: readonly string[]) => Promise<string>;

/**
 * Uses each bundle of the directory as people do, so that the code of what they use is kept beside it.
 *
 * What cannot be done here, such as preparing a pod without root, is left out: that part is compiled when it is used.
 */
export async function rehearse(directory: string, bundles: readonly string[]): Promise<void> {
  const place = mkdtempSync(join(tmpdir(), 'rkt-rehearsal-'));
  const play: Play = (bundle, ...args) => runOnce([join(directory, `${bundle}.js`), ...args]);
  try {
    for (const bundle of bundles) await play(bundle, '--help');
    const id = await playImages(play, place);
    await playPod(play, place, id);
    await play('seccomp-disassemble', join(directory, 'seccomp.bpf'));
    await play('seccomp-compile', '--text', join(directory, 'seccomp.json'));
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

function runOnce(words: readonly string[]): Promise<string> {
  const program = join(import.meta.dirname, 'rehearse.ts');
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', program, ...words],
      (_, output) => resolve(output.trim()),
    );
    child.stdin?.end(EMPTY_LAYER);
  });
}

/** Two empty blocks are a tar archive with nothing in it. */
const EMPTY_LAYER = Buffer.alloc(1024);

/** Fetches an image from each kind of source, and looks at it; returns its id. */
async function playImages(play: Play, place: string): Promise<string> {
  const layout = join(place, 'layout');
  mkdirSync(layout);
  writeLayout(layout, [{ tag: '1', layers: [EMPTY_LAYER], config: { Cmd: ['/true'] } }]);
  const dir = `--dir=${join(place, 'rkt')}`;
  const registry = await startRegistry(layout);
  await play('rkt-fetch', dir, '--insecure-options=http', `docker://${hostOf(registry)}/image:1`);
  registry.close();
  const id = await play('rkt-fetch', dir, '--quiet', '--full', `oci:${layout}:1`);
  await play('rkt-fetch', dir, '--quiet', '--pull-policy=never', id);
  await play('rkt-image', 'list', dir);
  await play('rkt-image', 'cat-manifest', dir, id);
  await play('rkt-image', 'attestations', dir, id);
  return id;
}

/** A registry with one image, the only one of the layout, whatever name it is asked for. */
async function startRegistry(layout: string): Promise<Server> {
  const { manifests }: { manifests: { digest: string }[] } = JSON.parse(
    readFileSync(join(layout, 'index.json'), 'utf8'),
  );
  const server = createServer(({ url = '' }, response) => {
    // Nothing is attached to the image.
    if (/\/referrers\/|\/manifests\/sha256-/.test(url)) return void response.writeHead(404).end();
    const [, digest = manifests[0]?.digest ?? ''] = /\/blobs\/(.*)$/.exec(url) ?? [];
    response.end(readFileSync(join(layout, 'blobs', ...digest.split(':'))));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server;
}

function hostOf(server: Server): string {
  const address: AddressInfo | string | null = server.address();
  return typeof address === 'object' ? `127.0.0.1:${String(address?.port)}` : '';
}

/** Prepares a pod and looks at it in every way; the last one removes it. */
async function playPod(play: Play, place: string, id: string): Promise<void> {
  const dir = `--dir=${join(place, 'rkt')}`;
  const prepare = [dir, '--quiet', '--insecure-options=image', id, '--', '/true'];
  await play('rkt-prepare', ...prepare);
  const pod = await play('rkt-prepare', ...prepare);
  await play('read-layer', 'application/vnd.oci.image.layer.v1.tar', digestOf(EMPTY_LAYER));
  await play('rkt-list', dir);
  await play('rkt-top', dir);
  await play('rkt-export', dir, pod, join(place, 'exported.tar'));
  await play('rkt-app-control', 'list', dir, pod);
  for (const command of [
    'status',
    'cat-manifest',
    'cat-plan',
    'enter',
    'stop',
    'pause',
    'resume',
    'update',
    'logs',
    'rm',
  ])
    await play(`rkt-${command}`, dir, pod);
  await play('rkt-gc', dir);
  await play('rkt-version');
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
