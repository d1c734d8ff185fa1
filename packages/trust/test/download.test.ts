// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttp, type RequestListener, type Server } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { EXIT } from '@rkt/exit';
import { Keyring, type Result } from '@rkt/pod-fixtures';
import { makeAuthority, makeServer } from '../../../test/certificates.ts';
import { assertRefused, makePlace, type Place } from './fixture.ts';

const ring = new Keyring();
after(() => ring[Symbol.dispose]());
const ALICE = 'Alice <alice@example.com>';
const alice = ring.make(ALICE, { at: '20240102T000000' });

async function serve(t: TestContext, server: Server): Promise<string> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  // The cast is what node:net documents for a server that listens on a port.
  const address: AddressInfo | string | null = server.address();
  return `127.0.0.1:${typeof address === 'object' ? String(address?.port) : ''}`;
}

/** Runs rkt-trust without blocking the servers of the test. */
async function trust(place: Place, words: readonly string[], authority?: string): Promise<Result> {
  const bin = join(import.meta.dirname, '..', 'bin', 'rkt-trust.ts');
  const args = [
    '--conditions=source',
    bin,
    `--local-config=${place.local}`,
    '--root',
    '--skip-fingerprint-review',
    ...words,
  ];
  const env = { ...process.env, ...(authority === undefined ? {} : { NODE_EXTRA_CA_CERTS: authority }) };
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err]: Buffer[][] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => out?.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err?.push(chunk));
  const [status] = await once(child, 'close');
  return { status, stdout: Buffer.concat(out ?? []).toString(), stderr: Buffer.concat(err ?? []).toString() };
}

const answer: RequestListener = ({ url = '' }, response) => {
  if (url === '/key') return void response.end(ring.publicKey(ALICE));
  if (url === '/large') return void response.end('x'.repeat(300 * 1024));
  if (url === '/loop') return void response.writeHead(302, { location: '/loop' }).end();
  if (url.startsWith('/to?')) return void response.writeHead(302, { location: url.slice('/to?'.length) }).end();
  response.writeHead(404).end();
};

test('rkt-trust gets a key by https, from a server whose certificate it can check', async (t) => {
  const place = makePlace(t);
  const authority = makeAuthority(place.path);
  // The process that gets the key is nobody.
  const certificate = place.write('authority.crt', readFileSync(authority.certificate));
  const identity = makeServer(place.path, authority);
  const files = { key: readFileSync(identity.key), cert: readFileSync(identity.certificate) };
  const host = await serve(t, createHttps(files, answer));
  const unknown = await trust(place, [`https://${host}/key`]);
  assertRefused(unknown, EXIT.unavailable, /cannot get key "https:.*": .*certificate/);
  const known = await trust(place, [`https://${host}/key`], certificate);
  assert.equal(known.status, EXIT.ok, known.stderr);
  assert.deepEqual(Object.keys(place.files()), [`root.d/${alice}`]);
  const plain = await serve(t, createHttp(answer));
  for (const more of [[], ['--insecure-allow-http']]) {
    const sent = await trust(place, [...more, `https://${host}/to?http://${plain}/key`], certificate);
    assertRefused(sent, EXIT.dataRefused, /cannot get key "http:.*": wanted https/);
  }
});

test('rkt-trust gets a key by http only if it is told to, within limits', async (t) => {
  const place = makePlace(t);
  const host = await serve(t, createHttp(answer));
  const http = (path: string) => trust(place, ['--insecure-allow-http', `http://${host}/${path}`]);
  assertRefused(await trust(place, [`http://${host}/key`]), EXIT.usage, /wanted https, or --insecure-allow-http/);
  assertRefused(await http('none'), EXIT.unavailable, /bad HTTP status code: 404/);
  assertRefused(await http('loop'), EXIT.unavailable, /more than 5 redirects/);
  assertRefused(await http('large'), EXIT.dataRefused, /larger than 262144 bytes/);
  assertRefused(await http('to?file:///etc/passwd'), EXIT.dataRefused, /wanted https/);
  assert.deepEqual(place.files(), {});
  assert.equal((await http('to?/key')).status, EXIT.ok);
});
