// SPDX-License-Identifier: Apache-2.0
// An image in a layout or a registry of our own, with what is attached to it.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { MEDIA_TYPE } from '@rkt/formats';
import { isDigest, type Digest } from '@rkt/names';
import { openStore } from '@rkt/store';
import { digestOf, referrersIndex, type Artifact } from '../../../test/attach.ts';
import { Layout, runFetch, temporaryDirectory, type Descriptor } from './fixture.ts';

/** A text as a digest. */
function asDigest(text: string): Digest {
  assert.ok(isDigest(text));
  return text;
}

/** A layout with one image, a data directory, and what was kept there for the image. */
export async function setUp(t: TestContext) {
  const dir = temporaryDirectory(t);
  const layout = new Layout(join(dir, 'layout'));
  const { manifest } = await layout.image();
  layout.name(manifest, 'x');
  const home = join(dir, 'home');
  mkdirSync(home);
  const fetch = async (...words: readonly string[]) => {
    const options = [`--dir=${join(dir, 'rkt')}`, '--quiet', '--full', '--insecure-options=http'];
    const outcome = await runFetch([...options, ...words], { env: { HOME: home }, unprivileged: true });
    return { ...outcome, err: outcome.err.replace(/^rkt-fetch: talking to \S+ without encryption\n/, '') };
  };
  const kept = (digest: string = manifest.digest) => openStore(join(dir, 'rkt', 'store')).artifacts(asDigest(digest));
  const digests = (digest?: string) =>
    kept(digest)
      .artifacts.map((artifact) => String(artifact.digest))
      .toSorted();
  const ok = async (...words: readonly string[]) => {
    const { status, out, err } = await fetch(...words);
    assert.deepEqual([status, err], [0, ''], err);
    return out;
  };
  return { dir, home, layout, manifest, fetch, ok, kept, digests };
}

/** What a stub serves under each path. */
type Served = Map<string, { readonly type: string; readonly body: Uint8Array }>;

/** A registry that has the image of a layout and lists referrers. */
export async function startStub(t: TestContext, layout: Layout, manifest: Descriptor) {
  const log: string[] = [];
  const served: Served = new Map();
  const server = createServer(({ url = '' }, response) => {
    log.push(url);
    const [, kind = '', name = ''] = /^\/v2\/app\/(\w+)\/(.*)$/.exec(url) ?? [];
    const reference = kind === 'manifests' && name === 'v1' ? manifest.digest : name;
    const file = join(layout.dir, 'blobs', reference.replace(':', '/'));
    const known = served.get(`${kind}/${reference}`);
    if (known !== undefined) return void response.writeHead(200, { 'content-type': known.type }).end(known.body);
    if (kind === 'referrers' || !reference.startsWith('sha256:') || !existsSync(file))
      return void response.writeHead(404).end();
    const type = kind === 'manifests' ? { 'content-type': MEDIA_TYPE.manifest } : {};
    response.writeHead(200, type).end(readFileSync(file));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address: AddressInfo | string | null = server.address();
  const host = typeof address === 'object' ? `127.0.0.1:${String(address?.port)}` : '';
  const add = (artifacts: readonly Artifact[], listed = referrersIndex(artifacts)) => {
    served.set(`referrers/${manifest.digest}`, { type: MEDIA_TYPE.index, body: listed });
    for (const { manifest: bytes, blobs } of artifacts) {
      served.set(`manifests/${digestOf(bytes)}`, { type: MEDIA_TYPE.manifest, body: bytes });
      for (const blob of blobs) served.set(`blobs/${digestOf(blob)}`, { type: 'application/octet-stream', body: blob });
    }
  };
  return { image: `docker://${host}/app:v1`, log, served, add };
}
