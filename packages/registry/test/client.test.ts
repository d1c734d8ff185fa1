// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import test from 'node:test';
import { gzipSync } from 'node:zlib';
import { EXIT, Failure } from '@rkt/exit';
import { MEDIA_TYPE } from '@rkt/formats';
import { clientOf, digestOf, readAll, startStub, type Handler } from './stub.ts';

const MANIFEST = '{"schemaVersion":2}';
const BLOB = Buffer.from('0123456789'.repeat(100));
const BLOB_REQUEST = { repository: 'a/b', digest: digestOf(BLOB), size: BLOB.byteLength };

const failsWith =
  (status: number, pattern: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof Failure, String(error));
    assert.equal(error.status, status, error.message);
    assert.match(error.message, pattern);
    return true;
  };

const serves =
  (headers: Record<string, string> = {}, body: string | Buffer = MANIFEST): Handler =>
  (_, response) => {
    response.writeHead(200, { 'content-type': MEDIA_TYPE.manifest, ...headers }).end(body);
  };

test('manifest() asks for the OCI and Docker types, uncompressed, and hashes what it gets', async (t) => {
  const stub = await startStub(t, serves({ 'docker-content-digest': digestOf(MANIFEST) }));
  const found = await clientOf(t, stub.host).manifest('a/b', 'v1');
  assert.equal(found.digest, digestOf(MANIFEST));
  assert.equal(found.mediaType, MEDIA_TYPE.manifest);
  assert.deepEqual(stub.log.slice(-1), ['GET /v2/a/b/manifests/v1']);
  const headers = stub.headers.at(-1);
  assert.equal(headers?.['accept-encoding'], 'identity');
  assert.equal(headers?.['user-agent'], 'rkt/test');
  for (const type of [MEDIA_TYPE.manifest, MEDIA_TYPE.dockerIndex]) assert.ok(headers?.accept?.includes(type));
  assert.ok(!headers?.accept?.includes('manifest.v1+prettyjws'));
});

test('manifest() refuses bytes of another digest than was asked for or claimed', async (t) => {
  const other = digestOf('other');
  const lying = await startStub(t, serves({ 'docker-content-digest': other }));
  await assert.rejects(clientOf(t, lying.host).manifest('a/b', 'v1'), failsWith(EXIT.dataRefused, /has the digest/));
  const wrong = await startStub(t, serves());
  await assert.rejects(clientOf(t, wrong.host).manifest('a/b', other), failsWith(EXIT.dataRefused, /wanted "sha256:/));
});

test('manifest() hashes what was sent, and decodes nothing', async (t) => {
  const encoded = gzipSync(MANIFEST);
  const headers = { 'content-encoding': 'gzip', 'docker-content-digest': digestOf(MANIFEST) };
  const stub = await startStub(t, serves(headers, encoded));
  for (const reference of ['v1', digestOf(MANIFEST)])
    await assert.rejects(clientOf(t, stub.host).manifest('a/b', reference), failsWith(EXIT.dataRefused, /sha256:/));
});

test('manifest() takes a vague content type for none', async (t) => {
  const stub = await startStub(t, serves({ 'content-type': 'application/json; charset=utf-8' }));
  assert.equal((await clientOf(t, stub.host).manifest('a/b', 'v1')).mediaType, undefined);
});

test('manifest() refuses a document that does not end', async (t) => {
  const stub = await startStub(t, (_, response) => {
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536, 32)));
    };
    response.on('drain', more).writeHead(200);
    more();
  });
  await assert.rejects(
    clientOf(t, stub.host).manifest('a/b', 'v1'),
    failsWith(EXIT.dataRefused, /larger than 4194304/),
  );
});

const ERROR = JSON.stringify({ errors: [{ code: 'CODE', message: 'the\nmessage' }] });

for (const [status, exit, pattern] of [
  [401, EXIT.notPermitted, /^cannot fetch ".*\/a\/b:v1": access denied: the registry says "CODE: the\\u000amessage"/],
  [403, EXIT.notPermitted, /access forbidden/],
  [404, EXIT.notFound, /no such image/],
  [418, EXIT.unavailable, /status 418/],
  [204, EXIT.unavailable, /status 204/],
] as const) {
  test(`manifest() fails at once when the registry answers ${status}`, async (t) => {
    const stub = await startStub(t, (_, response) => void response.writeHead(status).end(status === 204 ? '' : ERROR));
    await assert.rejects(clientOf(t, stub.host).manifest('a/b', 'v1'), failsWith(exit, pattern));
    assert.equal(stub.log.filter((line) => line.includes('manifests')).length, 1);
  });
}

test('manifest() tries again after 500, 429 and a cut, and gives up after the last try', async (t) => {
  let tries = 0;
  const stub = await startStub(t, (request, response) => {
    tries += request.url?.includes('manifests') ? 1 : 0;
    if (tries === 1) return void response.writeHead(503).end('<html>');
    if (tries === 2) return void response.writeHead(429, { 'retry-after': '0' }).end();
    return serves()(request, response);
  });
  assert.equal((await clientOf(t, stub.host).manifest('a/b', 'v1')).digest, digestOf(MANIFEST));
  const cutting = await startStub(t, (request, response) => {
    if (request.url === '/v2/') return void response.end();
    return void request.socket.destroy();
  });
  await assert.rejects(clientOf(t, cutting.host).manifest('a/b', 'v1'), failsWith(EXIT.unavailable, /cut/));
  assert.equal(cutting.log.filter((line) => line.includes('manifests')).length, 3);
});

test('manifest() reports a registry that wants a long wait instead of waiting', async (t) => {
  const stub = await startStub(t, (_, response) => void response.writeHead(429, { 'retry-after': '7200' }).end());
  await assert.rejects(
    clientOf(t, stub.host).manifest('a/b', 'v1'),
    failsWith(EXIT.unavailable, /too many requests: it asks to wait 7200 seconds$/),
  );
});

test('manifest() says that nobody listens, and that no such host is there', async (t) => {
  const stub = await startStub(t, serves());
  await new Promise((resolve) => stub.server.close(resolve));
  await assert.rejects(
    clientOf(t, stub.host).manifest('a/b', 'v1'),
    failsWith(EXIT.unavailable, /^cannot reach "127.*refused$/),
  );
  const options = { insecure: { http: false, tls: false } };
  await assert.rejects(
    clientOf(t, 'no-such-host.invalid', options).manifest('a/b', 'v1'),
    failsWith(EXIT.unavailable, /cannot reach "no-such-host.invalid"/),
  );
});

test('manifest() says what an answer is that is not HTTP', async (t) => {
  const stub = await startStub(t, serves());
  stub.server.removeAllListeners('connection');
  stub.server.on('connection', (socket) => socket.on('error', () => undefined).end('SSH-2.0-x\r\n\r\n'));
  await assert.rejects(clientOf(t, stub.host).manifest('a/b', 'v1'), failsWith(EXIT.unavailable, /cannot reach/));
});

test('manifest() shows warnings once, escaped', async (t) => {
  const stub = await startStub(t, serves({ warning: '299 - "old \\"stuff\\" \u009bx"' }));
  const client = clientOf(t, stub.host);
  await client.manifest('a/b', 'v1');
  await client.manifest('a/b', 'v1');
  const warnings = client.notes.filter((note) => note.includes('warns'));
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? '', /warns: old "stuff" \\u009bx$/);
});

test('a client talks plain HTTP only if that is allowed, and says so', async (t) => {
  const stub = await startStub(t, serves());
  const strict = clientOf(t, stub.host, { insecure: { http: false, tls: true } });
  await assert.rejects(strict.manifest('a/b', 'v1'), failsWith(EXIT.unavailable, /does not speak TLS|was cut/));
  assert.deepEqual(stub.log, []);
  const allowed = clientOf(t, stub.host);
  await allowed.manifest('a/b', 'v1');
  assert.deepEqual(allowed.notes, [`talking to "${stub.host}" without encryption`]);
});

test('blob() gives the bytes from an offset on', async (t) => {
  const stub = await startStub(t, (request, response) => {
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? -1);
    if (from < 0) return void response.end(BLOB);
    const range = `bytes ${from}-${BLOB.byteLength - 1}/${BLOB.byteLength}`;
    return void response.writeHead(206, { 'content-range': range }).end(BLOB.subarray(from));
  });
  const client = clientOf(t, stub.host);
  assert.deepEqual(await readAll(client.blob(BLOB_REQUEST)), BLOB);
  assert.deepEqual(await readAll(client.blob({ ...BLOB_REQUEST, offset: 990 })), BLOB.subarray(990));
});

for (const continues of [true, false]) {
  test(`blob() goes on after cuts with a registry that ${continues ? 'continues' : 'starts over'}`, async (t) => {
    let cuts = 0;
    const stub = await startStub(t, (request, response) => {
      if (request.url === '/v2/') return void response.end();
      const asked = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      const from = continues ? asked : 0;
      const head = { 'content-length': String(BLOB.byteLength - from) };
      if (from > 0) response.writeHead(206, { ...head, 'content-range': `bytes ${from}-${BLOB.byteLength - 1}/*` });
      else response.writeHead(200, head);
      cuts += 1;
      if (cuts === 3) return void response.end(BLOB.subarray(from));
      return void response.write(BLOB.subarray(from, asked + 300), () => response.socket?.destroySoon());
    });
    assert.deepEqual(await readAll(clientOf(t, stub.host).blob(BLOB_REQUEST)), BLOB);
    assert.equal(stub.log.filter((line) => line.includes('blobs')).length, 3);
  });
}

test('blob() refuses another size, another range and another encoding', async (t) => {
  const answers: [number, Record<string, string>, RegExp][] = [
    [200, { 'content-length': '5' }, /has 5 bytes: wanted 1000/],
    [200, { 'content-encoding': 'gzip' }, /another encoding/],
    [206, { 'content-range': 'bytes 0-9/10' }, /another place/],
    [206, {}, /another place/],
  ];
  for (const [status, headers, pattern] of answers) {
    const stub = await startStub(t, (_, response) => void response.writeHead(status, headers).end('12345'));
    const pieces = clientOf(t, stub.host).blob({ ...BLOB_REQUEST, offset: status === 206 ? 100 : 0 });
    await assert.rejects(readAll(pieces), failsWith(EXIT.dataRefused, pattern));
  }
});

test('blob() gives up on a peer that dribbles', async (t) => {
  const stub = await startStub(t, (request, response) => {
    if (request.url === '/v2/') return void response.end();
    const timer = setInterval(() => response.write('x'), 5);
    response.on('close', () => clearInterval(timer));
  });
  const client = clientOf(t, stub.host, { timeouts: { rateWindowMs: 50, rateBytes: 100_000 } });
  await assert.rejects(readAll(client.blob(BLOB_REQUEST)), failsWith(EXIT.unavailable, /sends too slowly/));
});

test('blob() gives up on a peer that is silent, before and after its headers', async (t) => {
  for (const speak of [false, true]) {
    const stub = await startStub(t, (request, response) => {
      if (request.url === '/v2/') return void response.end();
      if (speak) response.write('x');
    });
    const client = clientOf(t, stub.host, {
      timeouts: { headersMs: 60, idleMs: 60 },
      retry: { tries: 2, backoffMs: 1 },
    });
    await assert.rejects(
      readAll(client.blob(BLOB_REQUEST)),
      failsWith(EXIT.unavailable, speak ? /stopped sending/ : /no answer in time/),
    );
  }
});

test('blob() ends when its signal aborts', async (t) => {
  const stub = await startStub(t, (request, response) => {
    if (request.url === '/v2/') return void response.end();
    response.write('x');
  });
  const controller = new AbortController();
  const pieces = clientOf(t, stub.host).blob({ ...BLOB_REQUEST, signal: controller.signal });
  await assert.rejects(async () => {
    for await (const piece of pieces) if (piece.byteLength > 0) controller.abort();
  }, /AbortError/);
});
