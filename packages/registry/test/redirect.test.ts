// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import test, { type TestContext } from 'node:test';
import { EXIT, Failure } from '@rkt/exit';
import { isLocalAddress, makeAddressGuard } from '../src/addresses.ts';
import { clientOf, digestOf, portOf, readAll, startStub } from './stub.ts';

const BLOB = Buffer.from('the blob');
const REQUEST = { repository: 'a/b', digest: digestOf(BLOB), size: BLOB.byteLength };

const ENVIRONMENT = (host: string, dir: string) => ({ REGISTRY_AUTH_FILE: `${dir}/${host}` });

test('a redirect to another origin carries no authorization and no cookie', async (t) => {
  const dir = mkdtempSync('/tmp/rkt-registry-');
  t.after(() => rmSync(dir, { recursive: true }));
  const cdn = await startStub(t, (_, response) => void response.end(BLOB));
  const registry = await startStub(t, (request, response) => {
    if (request.headers.authorization === undefined) {
      return void response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    }
    const location = `http://user:pass@${cdn.host}/blob?signature=secret`;
    return void response.writeHead(307, { location, 'set-cookie': 'session=secret' }).end();
  });
  writeFileSync(
    `${dir}/${registry.host}`,
    JSON.stringify({ auths: { [registry.host]: { auth: Buffer.from('me:sesame').toString('base64') } } }),
  );
  const client = clientOf(t, registry.host, { environment: ENVIRONMENT(registry.host, dir) });
  assert.deepEqual(await readAll(client.blob(REQUEST)), BLOB);
  assert.match(registry.log.at(-1) ?? '', /Basic bWU6c2VzYW1l$/);
  assert.deepEqual(cdn.log, ['GET /blob?signature=secret']);
  assert.equal(cdn.headers[0]?.cookie, undefined);
});

test('a redirect within the registry keeps the authorization', async (t) => {
  const registry = await startStub(t, (request, response) => {
    if (request.url?.startsWith('/elsewhere')) return void response.end(BLOB);
    return void response.writeHead(302, { location: '/elsewhere' }).end();
  });
  assert.deepEqual(await readAll(clientOf(t, registry.host).blob(REQUEST)), BLOB);
});

test('redirects without end, without address and to other schemes are refused', async (t) => {
  const answers: [string | undefined, number, RegExp][] = [
    ['/v2/again', EXIT.notPermitted, /more than 5 times/],
    [undefined, EXIT.notPermitted, /redirects to no address/],
    ['file:///etc/passwd', EXIT.notPermitted, /redirects to no address/],
    ['http://[', EXIT.notPermitted, /redirects to no address/],
  ];
  for (const [location, status, pattern] of answers) {
    const registry = await startStub(t, (request, response) => {
      if (request.url === '/v2/') return void response.end();
      return void response.writeHead(302, location === undefined ? {} : { location }).end();
    });
    await assert.rejects(readAll(clientOf(t, registry.host).blob(REQUEST)), (error) => {
      assert.ok(error instanceof Failure);
      assert.equal(error.status, status);
      assert.match(error.message, pattern);
      return true;
    });
    assert.ok(registry.log.length <= 7, registry.log.join());
  }
});

test('a redirect from HTTPS to HTTP is refused', async (t) => {
  const { key, cert } = selfSigned(t);
  const plain = await startStub(t, (_, response) => void response.end(BLOB));
  const server = createServer({ key, cert }, (_, response) => {
    response.writeHead(307, { location: `http://${plain.host}/blob?token=secret` }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  t.after(() => server.closeAllConnections());
  const client = clientOf(t, `127.0.0.1:${portOf(server)}`, { insecure: { http: true, tls: true } });
  await assert.rejects(readAll(client.blob(REQUEST)), (error) => {
    assert.ok(error instanceof Failure);
    assert.equal(error.status, EXIT.notPermitted);
    assert.match(error.message, /redirects to "http:\/\/127\.0\.0\.1:\d+\/blob", which is not encrypted$/);
    return true;
  });
  assert.deepEqual(plain.log, []);
});

function selfSigned(t: TestContext): { key: Buffer; cert: Buffer } {
  const dir = mkdtempSync('/tmp/rkt-registry-');
  t.after(() => rmSync(dir, { recursive: true }));
  const [key, cert] = [`${dir}/key.pem`, `${dir}/cert.pem`];
  const request = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=x'];
  execFileSync('openssl', ['req', ...request, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  return { key: readFileSync(key), cert: readFileSync(cert) };
}

test('isLocalAddress() knows the addresses that are not of the internet', () => {
  for (const address of [
    '127.0.0.1',
    '10.1.2.3',
    '169.254.169.254',
    '172.31.0.1',
    '192.168.1.1',
    '0.0.0.0',
    '100.64.0.1',
  ]) {
    assert.ok(isLocalAddress(address), address);
  }
  for (const address of [
    '::1',
    '::',
    'fe80::1',
    'fd00::1',
    '[fd00:ec2::254]',
    '::ffff:127.0.0.1',
    '::ffff:169.254.169.254',
    '64:ff9b::a9fe:a9fe',
  ]) {
    assert.ok(isLocalAddress(address), address);
  }
  for (const address of ['8.8.8.8', '172.32.0.1', '2606:4700::1111', '::ffff:8.8.8.8', '192.1.0.1']) {
    assert.ok(!isLocalAddress(address), address);
  }
});

test('a registry of the internet cannot send us into a private network, one of that network can', async () => {
  const outside = makeAddressGuard();
  outside.check('8.8.8.8', true);
  assert.throws(() => outside.check('169.254.169.254', false), /cannot follow the registry to "169\.254\.169\.254"/);
  assert.throws(() => outside.check('[::1]', false), /private network/);
  outside.check('1.1.1.1', false);
  // The same for the addresses of a name, which is what stands against rebinding.
  const resolve = (guard: ReturnType<typeof makeAddressGuard>, isRegistry: boolean) =>
    new Promise<unknown>((settle) =>
      guard.lookupFor(isRegistry)('localhost', {}, (error, address) => settle(error ?? address)),
    );
  assert.match(String(await resolve(outside, false)), /private network/);
  const inside = makeAddressGuard();
  assert.match(String(await resolve(inside, true)), /127\.0\.0\.1|::1/);
  assert.match(String(await resolve(inside, false)), /127\.0\.0\.1|::1/);
});
