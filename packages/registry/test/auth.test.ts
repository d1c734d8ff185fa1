// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { EXIT, Failure } from '@rkt/exit';
import { isOfSameDomain, parseRealm } from '../src/realm.ts';
import { clientOf, digestOf, readAll, startStub, type Handler, type Stub, type TestClient } from './stub.ts';

const MANIFEST = '{"schemaVersion":2}';
const SECRET = 'canary-secret';

/** A file of credentials that holds the entry for the host. */
function credentialFile(t: TestContext, host: string, entry: object): string {
  const dir = mkdtempSync('/tmp/rkt-registry-');
  t.after(() => rmSync(dir, { recursive: true }));
  const path = join(dir, 'auth.json');
  writeFileSync(path, JSON.stringify({ auths: { [host]: entry } }));
  return path;
}

function clientWith(t: TestContext, host: string, entry: object): TestClient {
  return clientOf(t, host, { authFile: credentialFile(t, host, entry) });
}

const password = { auth: Buffer.from(`me:${SECRET}`).toString('base64') };

/** A registry that takes the given bearer tokens and sends everybody else to the token server. */
async function startRegistry(
  t: TestContext,
  tokens: Stub,
  { takes, challenge = '' }: { takes: string[]; challenge?: string },
): Promise<Stub> {
  return startStub(t, (request, response) => {
    const token = request.headers.authorization?.replace('Bearer ', '') ?? '';
    if (takes.includes(token)) return void response.end(MANIFEST);
    const header = `Bearer realm="http://${tokens.host}/token?x=1",service="reg"${challenge}`;
    return void response
      .writeHead(401, { 'www-authenticate': header })
      .end(`{"errors":[{"code":"DENIED","message":"${token}"}]}`);
  });
}

const tokenServer =
  (...tokens: string[]): Handler =>
  (_, response) => {
    const token = tokens.length > 1 ? tokens.shift() : tokens[0];
    response.end(JSON.stringify({ token }));
  };

function failsWith(status: number, pattern: RegExp, client?: TestClient) {
  return (error: unknown) => {
    assert.ok(error instanceof Failure, String(error));
    assert.equal(error.status, status, error.message);
    assert.match(error.message, pattern);
    assert.ok(!`${error.message} ${client?.notes.join(' ')}`.includes(SECRET), error.message);
    return true;
  };
}

const manifestsOf = (stub: Stub) => stub.log.filter((line) => line.includes('/manifests/'));

test('an anonymous token is asked for with service and scope, once for many requests', async (t) => {
  const tokens = await startStub(t, tokenServer('good'));
  const registry = await startRegistry(t, tokens, { takes: ['good'] });
  const client = clientOf(t, registry.host);
  await client.manifest('a/b', 'v1');
  await Promise.all(['v2', 'v3', 'v4'].map((tag) => client.manifest('a/b', tag)));
  assert.deepEqual(tokens.log, ['GET /token?x=1&service=reg&scope=repository%3Aa%2Fb%3Apull']);
  assert.equal(manifestsOf(registry)[0], 'GET /v2/a/b/manifests/v1');
  assert.equal(manifestsOf(registry).length, 5);
  await client.manifest('a/other', 'v1');
  assert.equal(tokens.log.length, 2);
});

test('a token is asked for with the password of the registry, and with its identity token', async (t) => {
  const tokens = await startStub(t, tokenServer('good'));
  const registry = await startRegistry(t, tokens, { takes: ['good'] });
  await clientWith(t, registry.host, password).manifest('a/b', 'v1');
  assert.match(tokens.log[0] ?? '', /^GET \/token\?.*account=me Basic /);
  const bodies: string[] = [];
  tokens.server.prependListener('request', (request) => request.on('data', (chunk) => bodies.push(String(chunk))));
  await clientWith(t, registry.host, { identitytoken: 'refresh' }).manifest('a/b', 'v1');
  assert.equal(tokens.log[1], 'POST /token?x=1');
  assert.match(bodies.join(''), /grant_type=refresh_token.*refresh_token=refresh/);
});

test('a refused token is asked for anew with the scope that the registry offers', async (t) => {
  const tokens = await startStub(t, tokenServer('weak', 'strong'));
  const challenge = ',error="insufficient_scope",scope="repository:a/b:pull,extra"';
  const registry = await startRegistry(t, tokens, { takes: ['strong'], challenge });
  await clientOf(t, registry.host).manifest('a/b', 'v1');
  assert.match(tokens.log[1] ?? '', /scope=repository%3Aa%2Fb%3Apull%2Cextra$/);
});

test('a refused fresh token ends the login, and the registry cannot print it through us', async (t) => {
  const tokens = await startStub(t, tokenServer(`token-${SECRET}`));
  const registry = await startRegistry(t, tokens, { takes: [] });
  const client = clientWith(t, registry.host, password);
  await assert.rejects(
    client.manifest('a/b', 'v1'),
    failsWith(EXIT.notPermitted, /access denied.*DENIED: \*\*\*/, client),
  );
  assert.equal(tokens.log.length, 1);
});

test('odd answers of a token server are refused', async (t) => {
  const answers: [Handler, number, RegExp][] = [
    [(_, response) => void response.writeHead(401).end(), EXIT.notPermitted, /^cannot log in to .*denied/],
    [
      (_, response) => void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
      EXIT.unavailable,
      /redirects/,
    ],
    [(_, response) => void response.end('{}'), EXIT.dataRefused, /sends no token/],
    [(_, response) => void response.end('[]'), EXIT.dataRefused, /sends no token/],
    [(_, response) => void response.end('<html>'), EXIT.dataRefused, /not JSON/],
    [(_, response) => void response.end('{"token":"a\\nb: c"}'), EXIT.dataRefused, /sends no token/],
    [(_, response) => void response.end('{"token":"a","token":"b"}'), EXIT.dataRefused, /twice/],
    [(_, response) => void response.end(Buffer.alloc(1024 * 1024 + 1, 32)), EXIT.dataRefused, /larger than/],
    [(_, response) => void response.writeHead(500).end(), EXIT.unavailable, /status 500/],
  ];
  for (const [handler, status, pattern] of answers) {
    const tokens = await startStub(t, handler);
    const registry = await startRegistry(t, tokens, { takes: [] });
    const client = clientWith(t, registry.host, password);
    await assert.rejects(client.manifest('a/b', 'v1'), failsWith(status, pattern, client));
  }
});

test('credentials are not sent to a token server of another domain unless it is named', async (t) => {
  const tokens = await startStub(t, tokenServer('good'));
  const registry = await startStub(t, (request, response) => {
    if (request.headers.authorization === 'Bearer good') return void response.end(MANIFEST);
    const realm = `http://${tokens.host.replace('127.0.0.1', 'localhost')}/token`;
    return void response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}"` }).end();
  });
  const client = clientWith(t, registry.host, password);
  await assert.rejects(
    client.manifest('a/b', 'v1'),
    failsWith(EXIT.notPermitted, /of another domain: --token-host=localhost:\d+ /, client),
  );
  assert.deepEqual(tokens.log, []);
  const tokenHosts = [tokens.host.replace('127.0.0.1', 'localhost')];
  const authFile = credentialFile(t, registry.host, password);
  await clientOf(t, registry.host, { authFile, tokenHosts }).manifest('a/b', 'v1');
  assert.equal(tokens.log.length, 1);
});

test('parseRealm() refuses what is not encrypted, unless the registry is not, and users in addresses', () => {
  const [secure, plain] = [new URL('https://r.example/'), new URL('http://r.example/')];
  assert.equal(parseRealm('https://a.example/t?x=1', secure).href, 'https://a.example/t?x=1');
  assert.equal(parseRealm('http://a.example/t', plain).href, 'http://a.example/t');
  for (const realm of ['http://a.example/t', 'file:///etc/passwd', 'https://me:pw@a.example/', 'nonsense', '']) {
    assert.throws(() => parseRealm(realm, secure), /^Failure: cannot log in to "r\.example"/, realm);
  }
});

test('isOfSameDomain() tells by the names', () => {
  for (const [a, b] of [
    ['registry-1.docker.io', 'auth.docker.io'],
    ['registry.gitlab.example.com', 'gitlab.example.com'],
    ['example.com', 'auth.example.com'],
    ['127.0.0.1', '127.0.0.1'],
    ['a.shop.co.uk', 'b.shop.co.uk'],
    ['localhost', 'LOCALHOST'],
  ] as const) {
    assert.ok(isOfSameDomain(a, b), `${a} ${b}`);
  }
  for (const [a, b] of [
    ['registry.example.com', 'evil.com'],
    ['a.co.uk', 'b.co.uk'],
    ['127.0.0.1', '10.0.0.1'],
    ['1.0.0.1', '2.0.0.1'],
    ['example.com', 'notexample.com'],
    ['localhost', 'host'],
  ] as const) {
    assert.ok(!isOfSameDomain(a, b), `${a} ${b}`);
  }
});

test('basic authorization is sent after a challenge, and its refusal is final', async (t) => {
  const registry = await startStub(t, (request, response) => {
    if (request.headers.authorization === `Basic ${password.auth}`) return void response.end(MANIFEST);
    return void response
      .writeHead(401, { 'www-authenticate': 'Basic realm="reg"' })
      .end(`{"errors":[{"code":"X","message":"${String(request.headers.authorization)}"}]}`);
  });
  const client = clientWith(t, registry.host, password);
  await client.manifest('a/b', 'v1');
  assert.deepEqual(manifestsOf(registry), [
    'GET /v2/a/b/manifests/v1',
    `GET /v2/a/b/manifests/v1 Basic ${password.auth}`,
  ]);
  assert.equal(client.notes.filter((note) => note.startsWith('sending a password')).length, 1);
  const wrong = clientWith(t, registry.host, { username: 'you', password: SECRET });
  await assert.rejects(wrong.manifest('a/b', 'v1'), failsWith(EXIT.notPermitted, /access denied/, wrong));
  await assert.rejects(
    clientOf(t, registry.host).manifest('a/b', 'v1'),
    failsWith(EXIT.notPermitted, /wants a name and password/),
  );
});

test('no error of any kind shows a secret', async (t) => {
  for (const status of [400, 401, 403, 404, 429, 500]) {
    const registry = await startStub(t, (request, response) => {
      if (request.headers.authorization === undefined)
        return void response.writeHead(401, { 'www-authenticate': 'Basic realm=x' }).end();
      const echoes = [
        SECRET,
        request.headers.authorization,
        Buffer.from(SECRET).toString('base64'),
        `https://me:${SECRET}@h/p?sig=${SECRET}`,
      ];
      const warning = `299 - "${echoes[0]} ${echoes[1]}"`;
      return void response
        .writeHead(status, { warning, 'retry-after': '99999' })
        .end(JSON.stringify({ errors: [{ code: 'E', message: echoes.join(' ') }] }));
    });
    const client = clientWith(t, registry.host, password);
    await assert.rejects(client.manifest('a/b', 'v1'), (error) => {
      const said = `${String(error)} ${client.notes.join(' ')}`;
      for (const secret of [SECRET, password.auth, Buffer.from(SECRET).toString('base64')])
        assert.ok(!said.includes(secret), said);
      return true;
    });
  }
});

test('a challenge by a host to which the registry redirects is not answered', async (t) => {
  const blob = Buffer.from('blob');
  const tokens = await startStub(t, tokenServer('good'));
  const elsewhere = await startStub(t, (_, response) => {
    response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${tokens.host}/token"` }).end();
  });
  const registry = await startStub(t, (request, response) => {
    if (request.url === '/v2/') return void response.end();
    return void response.writeHead(307, { location: `http://${elsewhere.host}/x` }).end();
  });
  const client = clientWith(t, registry.host, password);
  const request = { repository: 'a/b', digest: digestOf(blob), size: blob.byteLength };
  await assert.rejects(readAll(client.blob(request)), failsWith(EXIT.notPermitted, /denied/, client));
  assert.deepEqual(tokens.log, []);
});
