// SPDX-License-Identifier: Apache-2.0
// Two registries on loopback, of which one is a mirror, and things that stand in the way.
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { EXIT } from '@rkt/exit';
import { openStore } from '@rkt/store';
import { startRegistry, type Registry } from '../../../test/registry.ts';
import { Layout, runFetch, temporaryDirectory } from './fixture.ts';

let registry: Registry;
let other: Registry;

before(async () => {
  [registry, other] = await Promise.all([startRegistry(), startRegistry()]);
});

after(async () => {
  await Promise.all([registry.stop(), other.stop()]);
});

const LOGICAL = 'images.example.com/team';

/** An image at two registries; `fetch` takes it under a name that only the configuration leads anywhere. */
async function setUp(t: TestContext, mirrors: string, { name }: { name: string }) {
  const dir = temporaryDirectory(t);
  const layout = new Layout(join(dir, 'layout'));
  const { manifest, document } = await layout.image({ layers: 2, layerBytes: 50_000 });
  layout.name(manifest, 'x');
  await registry.push(`oci:${layout.dir}:x`, `primary/${name}:v1`);
  await other.push(`oci:${layout.dir}:x`, `mirrored/${name}:v1`);
  const file = join(dir, 'registries.conf');
  writeFileSync(
    file,
    `[[registry]]\nprefix = "${LOGICAL}"\nlocation = "${registry.host}/primary"\ninsecure = true\n${mirrors}`,
  );
  const env = { CONTAINERS_REGISTRIES_CONF: file };
  return {
    dir,
    manifest,
    document,
    fetch: (image: string, ...args: string[]) =>
      runFetch([`--dir=${join(dir, 'rkt')}`, '--quiet', '--full', ...args, `docker://${image}`], { env }),
    stored: () => openStore(join(dir, 'rkt', 'store')).images()[0],
  };
}

const mirror = (location: string) => `[[registry.mirror]]\nlocation = "${location}"\ninsecure = true\n`;

/** Something on loopback that answers as the handler does, and keeps the headers of what it was asked. */
async function startStub(t: TestContext, handler: (request: IncomingMessage, response: ServerResponse) => void) {
  const headers: IncomingMessage['headers'][] = [];
  const server = createServer((request, response) => {
    headers.push(request.headers);
    handler(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  t.after(() => server.closeAllConnections());
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server listens nowhere');
  return { host: `127.0.0.1:${address.port}`, headers };
}

test('rkt-fetch takes an image from a mirror under the name that it was asked for', async (t) => {
  const { fetch, manifest, stored } = await setUp(t, mirror(`${other.host}/mirrored`), { name: 'first' });
  const { out, err } = await fetch(`${LOGICAL}/first:v1`);
  assert.equal(out, `${manifest.digest}\n`, err);
  assert.equal(err, `rkt-fetch: talking to "${other.host}" without encryption\n`);
  assert.equal(stored()?.name, `${LOGICAL}/first:v1`);
  assert.equal(stored()?.annotations['org.rkt.source'], `docker://${LOGICAL}/first:v1`);
  assert.equal(stored()?.annotations['org.rkt.location'], `docker://${other.host}/mirrored/first:v1`);
  assert.ok(!registry.requests().some((line) => line.includes('primary/first') && line.startsWith('GET')));
});

test('rkt-fetch goes on to the registry itself when a mirror has nothing, or is not there', async (t) => {
  const nobody = await startStub(t, () => undefined);
  const mirrors = `${mirror(`${other.host}/nothing`)}${mirror('127.0.0.1:1/closed')}`;
  const { fetch, manifest, stored } = await setUp(t, mirrors, { name: 'second' });
  const { out, err } = await fetch(`${LOGICAL}/second:v1`);
  assert.equal(out, `${manifest.digest}\n`, err);
  assert.match(
    err,
    /^rkt-fetch: [^\n]*nothing\/second:v1[^\n]*: trying "docker:\/\/127\.0\.0\.1:1\/closed\/second:v1"$/m,
  );
  assert.match(err, /cannot reach "127\.0\.0\.1:1"[^\n]*: trying "docker:\/\/[^"]*\/primary\/second:v1"$/m);
  assert.equal(stored()?.annotations['org.rkt.location'], `docker://${registry.host}/primary/second:v1`);
  assert.equal(nobody.headers.length, 0);
});

for (const kind of ['manifests', 'blobs'] as const) {
  test(`rkt-fetch passes over a mirror that lies about ${kind}`, async (t) => {
    const liar = await startStub(t, (request, response) => {
      const path = `http://${other.host}${(request.url ?? '').replace('/lies/', '/mirrored/')}`;
      void fetch(path, { headers: { accept: request.headers.accept ?? '*/*' } }).then(async (answer) => {
        const bytes = Buffer.from(await answer.arrayBuffer());
        if (path.includes(`/${kind}/sha256:`)) bytes[bytes.byteLength - 3] = (bytes.at(-3) ?? 0) ^ 1;
        const type = answer.headers.get('content-type') ?? '';
        response.writeHead(answer.status, { 'content-type': type, 'content-length': bytes.byteLength }).end(bytes);
      });
    });
    const name = `lies-${kind}`;
    const { fetch: take, manifest, dir } = await setUp(t, mirror(`${liar.host}/lies`), { name });
    const { out, err } = await take(`${LOGICAL}/${name}@${manifest.digest}`);
    assert.equal(out, `${manifest.digest}\n`, err);
    assert.match(err, /ha(?:s|ve) the digest "sha256:[^\n]*: trying "docker:\/\/[^"]*\/primary\//);
    const store = openStore(join(dir, 'rkt', 'store'));
    assert.ok((await store.verify()).every(({ state }) => state === 'ok'));
  });
}

test('rkt-fetch shows the credentials of a registry to no mirror', async (t) => {
  const seen = await startStub(t, (_, response) =>
    response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end(),
  );
  const { fetch, dir, manifest } = await setUp(t, mirror(`${seen.host}/mirror`), { name: 'secret' });
  const auths = Object.fromEntries(
    [registry.host, `${LOGICAL}/secret`, LOGICAL, 'images.example.com'].map((key) => [
      key,
      { auth: Buffer.from('user:canary').toString('base64') },
    ]),
  );
  const auth = join(dir, 'auth.json');
  writeFileSync(auth, JSON.stringify({ auths }));
  const { out, err } = await fetch(`${LOGICAL}/secret:v1`, `--authfile=${auth}`);
  assert.equal(out, `${manifest.digest}\n`, err);
  assert.ok(seen.headers.length > 0);
  assert.ok(seen.headers.every(({ authorization }) => authorization === undefined));
});

test('rkt-fetch asks nobody for what is blocked, and fails when no place has the image', async (t) => {
  const { fetch } = await setUp(t, '[[registry]]\nlocation = "images.example.com/bad"\nblocked = true\n', {
    name: 'third',
  });
  const blocked = await fetch('images.example.com/bad/x:v1');
  assert.equal(blocked.status, EXIT.notPermitted);
  assert.match(blocked.err, /^rkt-fetch: cannot fetch "docker:[^\n]* blocks "images\.example\.com\/bad"\n$/);
  const missing = await fetch(`${LOGICAL}/nothing:v1`);
  assert.equal(missing.status, EXIT.notFound, missing.err);
  const env = { CONTAINERS_REGISTRIES_CONF: '/nonexistent.conf' };
  const wrong = await runFetch(['docker://images.example.com/x'], { env });
  assert.equal(wrong.status, EXIT.configuration);
  assert.match(wrong.err, /^rkt-fetch: cannot read "\/nonexistent\.conf": [^\n]+\n$/);
});
