// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test, type TestContext } from 'node:test';
import { EXIT } from '@rkt/exit';
import { makeWeb, webFailure, type WebOptions } from '../src/index.ts';
import { startStub, type Stub } from './stub.ts';

const cannot = 'cannot fetch "x"';

/** A way to a stub that is allowed plain HTTP, with short pauses. */
function webOf(t: TestContext, { host }: Pick<Stub, 'host'>, options: Partial<WebOptions> = {}) {
  const notes: string[] = [];
  const web = makeWeb({
    host,
    insecure: { http: true, tls: false },
    environment: {},
    authorize: () => Promise.resolve({}),
    userAgent: 'rkt/test',
    note: (message) => void notes.push(message),
    retry: { tries: 3, backoffMs: 1 },
    ...options,
  });
  t.after(() => web.close());
  return { ...web, notes };
}

const redirect = (response: ServerResponse, location: string) => response.writeHead(302, { location }).end();

test('page() follows redirects and gives the beginning of a page', async (t) => {
  const stub = await startStub(t, (request, response) => {
    if (request.url === '/a?ac-discovery=1') redirect(response, '/b');
    else response.end(`<title>\u00e9</title>${'x'.repeat(5000)}`);
  });
  const web = webOf(t, stub);
  const page = await web.page(new URL(`http://${stub.host}/a?ac-discovery=1`), { cannot, bytesMax: 1000 });
  assert.equal(page?.slice(0, 16), '<title>\u00e9</title>');
  assert.ok((page?.length ?? 0) <= 1000);
  assert.equal(stub.headers[0]?.['user-agent'], 'rkt/test');
});

test('page() takes a status of 4xx for no page, tries others again, and says what they were', async (t) => {
  let status = 404;
  const stub = await startStub(t, (_request, response) => response.writeHead(status).end('<meta name=x>'));
  const get = () => webOf(t, stub).page(new URL(`http://${stub.host}/`), { cannot, bytesMax: 1000 });
  for (status of [400, 401, 404, 410, 451]) assert.equal(await get(), undefined, String(status));
  stub.log.length = 0;
  status = 503;
  await assert.rejects(get(), { status: EXIT.unavailable, message: `${cannot}: bad HTTP status code: 503` });
  assert.equal(stub.log.length, 3);
  status = 204;
  await assert.rejects(get(), { status: EXIT.unavailable, message: /bad HTTP status code: 204/ });
});

test('page() goes on without encryption only if that is allowed, and says so', async (t) => {
  const stub = await startStub(t, (_request, response) => response.end('hello'));
  const url = new URL(`https://${stub.host}/`);
  const web = webOf(t, stub);
  assert.equal(await web.page(url, { cannot, bytesMax: 1000 }), 'hello');
  assert.deepEqual(web.notes, [`talking to "${stub.host}" without encryption`]);
  const strict = webOf(t, stub, { insecure: { http: false, tls: false } });
  await assert.rejects(strict.page(url, { cannot, bytesMax: 1000 }), { message: /it does not speak TLS/ });
  await assert.rejects(strict.get({ url: new URL(`http://${stub.host}/`), headers: {}, cannot }), {
    status: EXIT.notPermitted,
    message: /is not encrypted: wanted https, or --insecure-options=http$/,
  });
});

test('get() sends no credentials without TLS', async (t) => {
  const stub = await startStub(t, (_request, response) => response.end());
  await webOf(t, stub, { authorize: () => Promise.resolve({ authorization: 'Basic c2VjcmV0' }) }).get({
    url: new URL(`http://${stub.host}/`),
    headers: {},
    cannot,
  });
  assert.deepEqual(stub.log, ['GET /']);
});

test('get() leads from a host in the internet to no address of a private network, by whatever name', async (t) => {
  const stub = await startStub(t, (_request, response) => response.end());
  const web = webOf(t, { host: 'example.com' });
  for (const host of [stub.host, stub.host.replace('127.0.0.1', 'localhost')])
    await assert.rejects(web.get({ url: new URL(`http://${host}/`), headers: {}, cannot }), {
      status: EXIT.notPermitted,
      message: /that is an address of a private network/,
    });
  assert.deepEqual(stub.log, []);
});

test('get() refuses more than ten redirects, and those that lead nowhere or out of the network', async (t) => {
  let target = '/next';
  const stub = await startStub(t, (request, response) =>
    redirect(response, target === '/next' ? `${request.url}x` : target),
  );
  const get = (options: Partial<WebOptions> = {}) =>
    webOf(t, stub, options).get({ url: new URL(`http://${stub.host}/`), headers: {}, cannot });
  const refused = { status: EXIT.notPermitted };
  await assert.rejects(get(), { ...refused, message: /redirects more than 10 times/ });
  assert.equal(stub.log.length, 11);
  for (target of ['', 'file:///etc/passwd', 'http://', 'http://u:p@127.0.0.1/'])
    await assert.rejects(get(), { ...refused, message: /redirects to no address/ }, target);
});

test('webFailure() tells what a status means, without what the server says', async (t) => {
  let status = 200;
  const stub = await startStub(t, (_request, response) => response.writeHead(status).end('\u001b[31mhello'));
  const web = webOf(t, stub);
  const cases: [number, number, RegExp][] = [
    [401, EXIT.notPermitted, /access denied: wanted credentials for its host in auth\.d/],
    [403, EXIT.notPermitted, /access denied/],
    [404, EXIT.notFound, /no such file/],
    [429, EXIT.unavailable, /bad HTTP status code: 429/],
    [500, EXIT.unavailable, /bad HTTP status code: 500/],
    [418, EXIT.unavailable, /bad HTTP status code: 418/],
  ];
  for (const [code, exit, pattern] of cases) {
    status = code;
    const failure = await webFailure(
      await web.get({ url: new URL(`http://${stub.host}/`), headers: {}, cannot }),
      cannot,
    );
    assert.equal(failure.status, exit);
    assert.match(failure.message, pattern);
    assert.doesNotMatch(failure.message, /hello/);
  }
});
