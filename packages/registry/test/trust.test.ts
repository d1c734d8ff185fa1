// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before, type TestContext } from 'node:test';
import { EXIT, Failure } from '@rkt/exit';
import { makeAuthority, makeServer, type Identity } from '../../../test/certificates.ts';
import { clientOf, digestOf, portOf, temporaryDirectory } from './stub.ts';

const MANIFEST = '{"schemaVersion":2}';
const strict = { insecure: { http: false, tls: false } };

/** A registry that shows a certificate of an authority, and counts the connections that were made to it. */
async function startSecure(
  t: TestContext,
  { directory, authority, address = '127.0.0.1' }: { directory: string; authority: Identity; address?: string },
) {
  const { key, certificate } = makeServer(directory, authority);
  const server = createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, (_, response) => {
    response.end(MANIFEST);
  });
  let connections = 0;
  server.on('connection', () => (connections += 1));
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  t.after(() => server.close());
  t.after(() => server.closeAllConnections());
  return { host: `${address}:${portOf(server)}`, connections: () => connections };
}

// Node reads the authorities of the system once in a process, so all tests of this file have the same ones.
const directory = mkdtempSync(join(tmpdir(), 'rkt-registry-'));
let ofSystem: Identity;
before(() => {
  ofSystem = makeAuthority(directory);
  process.env['SSL_CERT_FILE'] = ofSystem.certificate;
});
after(() => rmSync(directory, { recursive: true }));

test('a client trusts an authority of the system that Node does not know, also when it asks for much at once', async (t) => {
  const registry = await startSecure(t, { directory, authority: ofSystem });
  const client = clientOf(t, registry.host, strict);
  const found = await Promise.all(['v1', 'v2', 'v3'].map((tag) => client.manifest('a/b', tag)));
  for (const { digest } of found) assert.equal(digest, digestOf(MANIFEST));
  const soFar = registry.connections();
  assert.ok(soFar <= 6, String(soFar));
  // From then on nobody asks Node's list first.
  await client.manifest('a/b', 'v4');
  assert.ok(registry.connections() <= soFar + 1);
});

test('a client trusts what the user put into certs.d, for this host alone', async (t) => {
  const own = temporaryDirectory(t);
  const authority = makeAuthority(own);
  const registry = await startSecure(t, { directory: own, authority });
  const certificates = join(own, 'containers', 'certs.d', registry.host);
  mkdirSync(certificates, { recursive: true });
  copyFileSync(authority.certificate, join(certificates, 'ca.crt'));
  const environment = { XDG_CONFIG_HOME: own };
  assert.equal(
    (await clientOf(t, registry.host, { ...strict, environment }).manifest('a/b', 'v1')).digest,
    digestOf(MANIFEST),
  );
  assert.equal(registry.connections(), 1);
  const other = await startSecure(t, { directory: own, authority });
  await assert.rejects(clientOf(t, other.host, { ...strict, environment }).manifest('a/b', 'v1'), isRefused);
});

test('a client refuses a certificate of an authority that nobody knows, and one of another name', async (t) => {
  const own = temporaryDirectory(t);
  const stranger = await startSecure(t, { directory: own, authority: makeAuthority(own) });
  await assert.rejects(clientOf(t, stranger.host, strict).manifest('a/b', 'v1'), isRefused);
  // It is asked again with the authorities of the system; one of another name would be no better for them.
  assert.equal(stranger.connections(), 2);
  const misnamed = await startSecure(t, { directory, authority: ofSystem, address: '127.0.0.2' });
  await assert.rejects(clientOf(t, misnamed.host, strict).manifest('a/b', 'v1'), isRefused);
});

function isRefused(error: unknown): boolean {
  assert.ok(error instanceof Failure);
  assert.equal(error.status, EXIT.unavailable);
  assert.match(error.message, /its certificate is refused: .*: wanted one of a known authority$/);
  return true;
}
