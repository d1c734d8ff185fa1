// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import test, { after, before, type TestContext } from 'node:test';
import { EXIT, Failure } from '@rkt/exit';
import { makeAuthority, makeServer, type Identity } from '../../../test/certificates.ts';
import { isRefusedCertificate, networkFailure } from '../src/errors.ts';
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

/** A registry that wants to see a certificate of the authority, and the directory in which a user has one. */
async function startMutual(t: TestContext) {
  const own = temporaryDirectory(t);
  const authority = makeAuthority(own);
  const { key, certificate } = makeServer(own, authority);
  const [keyText, certificateText] = [readFileSync(key), readFileSync(certificate)];
  const ca = readFileSync(authority.certificate);
  const seen: (string | undefined)[] = [];
  const server = createServer(
    { key: keyText, cert: certificateText, ca, requestCert: true, rejectUnauthorized: true },
    (request, response) => {
      const { socket } = request;
      seen.push(socket instanceof TLSSocket ? String(socket.getPeerCertificate().subject.CN) : undefined);
      response.end(MANIFEST);
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  t.after(() => server.closeAllConnections());
  const host = `127.0.0.1:${portOf(server)}`;
  const directoryOf = (base: string) => {
    const certificates = join(own, base, 'certs.d', host);
    mkdirSync(certificates, { recursive: true });
    copyFileSync(authority.certificate, join(certificates, 'ca.crt'));
    return certificates;
  };
  return { own, host, key, certificate, seen, directoryOf };
}

test('a client shows the certificate of certs.d to the registry that it is for', async (t) => {
  const { own, host, key, certificate, seen, directoryOf } = await startMutual(t);
  const certificates = directoryOf('.config/containers');
  const ask = () => clientOf(t, host, { ...strict, environment: { HOME: own } }).manifest('a/b', 'v1');
  // Node's server just closes the connection.
  await assert.rejects(ask(), Failure);
  assert.deepEqual(seen, []);
  copyFileSync(certificate, join(certificates, 'client.cert'));
  copyFileSync(key, join(certificates, 'client.key'));
  assert.equal((await ask()).digest, digestOf(MANIFEST));
  assert.deepEqual(seen, ['127.0.0.1']);
  // The first directory that is there has the say, whatever is in the others.
  const empty = join(own, 'other', 'containers', 'certs.d', host);
  mkdirSync(empty, { recursive: true });
  const environment = { HOME: own, XDG_CONFIG_HOME: join(own, 'other') };
  await assert.rejects(clientOf(t, host, { ...strict, environment }).manifest('a/b', 'v1'), isRefused);
});

test('a client tells a registry that wants to see a certificate from one whose certificate is refused', () => {
  for (const code of ['ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED']) {
    const error = Object.assign(new Error('alert'), { code });
    assert.ok(!isRefusedCertificate(error), code);
    const failure = networkFailure(error, 'h.example');
    assert.ok(failure instanceof Failure);
    assert.match(failure.message, /^cannot reach "h\.example": it refuses us: it may want a certificate/);
  }
});

test('a client says which file of certs.d it cannot use', async (t) => {
  const { own, host, certificate, directoryOf } = await startMutual(t);
  const certificates = directoryOf('containers');
  const at = (name: string) => join(certificates, name);
  for (const [prepare, pattern] of [
    [() => copyFileSync(certificate, at('x.cert')), /x\.cert": it has no "x\.key" beside it/],
    [() => renameSync(at('x.cert'), at('y.cert')), /y\.cert": it has no "y\.key" beside it/],
    [() => writeFileSync(at('y.key'), 'no key'), /y\.key": /],
    [() => rmSync(at('y.cert')), /y\.key": it has no "y\.cert" beside it/],
    [() => rmSync(at('y.key')), undefined],
    [() => writeFileSync(at('z.crt'), 'nothing'), /z\.crt": /],
    [() => writeFileSync(at('z.crt'), '-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n'), /z\.crt": /],
    [() => (rmSync(at('z.crt')), mkdirSync(at('z.crt'))), /z\.crt": /],
  ] as const) {
    prepare();
    if (pattern === undefined) continue;
    const client = clientOf(t, host, { ...strict, environment: { XDG_CONFIG_HOME: own } });
    await assert.rejects(client.manifest('a/b', 'v1'), (error) => {
      assert.ok(error instanceof Failure, String(error));
      assert.equal(error.status, EXIT.configuration, error.message);
      assert.match(error.message, /^cannot use certificate "[^\n]+$/);
      assert.match(error.message, pattern);
      return true;
    });
  }
});

function isRefused(error: unknown): boolean {
  assert.ok(error instanceof Failure);
  assert.equal(error.status, EXIT.unavailable);
  assert.match(error.message, /its certificate is refused: .*: wanted one of a known authority$/);
  return true;
}
