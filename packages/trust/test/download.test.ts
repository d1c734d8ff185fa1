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
import { page, startAciServer } from '../../../test/aci-server.ts';
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
async function trust(
  place: Place,
  words: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<Result> {
  const bin = join(import.meta.dirname, '..', 'bin', 'rkt-trust.ts');
  const args = ['--conditions=source', bin, `--local-config=${place.local}`, ...words];
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, err]: Buffer[][] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => out?.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err?.push(chunk));
  const [status] = await once(child, 'close');
  return { status, stdout: Buffer.concat(out ?? []).toString(), stderr: Buffer.concat(err ?? []).toString() };
}

const ROOT = ['--root', '--skip-fingerprint-review'];

const answer: RequestListener = ({ url = '' }, response) => {
  if (url === '/key') return void response.end(ring.publicKey(ALICE));
  if (url === '/secret') return void response.writeHead(401).end();
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
  const unknown = await trust(place, [...ROOT, `https://${host}/key`]);
  assertRefused(unknown, EXIT.unavailable, /cannot reach "127.*": its certificate is refused/);
  const known = await trust(place, [...ROOT, `https://${host}/key`], { NODE_EXTRA_CA_CERTS: certificate });
  assert.equal(known.status, EXIT.ok, known.stderr);
  assert.deepEqual(Object.keys(place.files()), [`root.d/${alice}`]);
  const plain = await serve(t, createHttp(answer));
  for (const more of [[], ['--insecure-allow-http']]) {
    const words = [...ROOT, ...more, `https://${host}/to?http://${plain}/key`];
    const sent = await trust(place, words, { NODE_EXTRA_CA_CERTS: certificate });
    assertRefused(
      sent,
      EXIT.notPermitted,
      /cannot get key "https:.*": the server redirects to "http:.*", which is not encrypted/,
    );
  }
});

test('rkt-trust gets a key by http only if it is told to, within limits', async (t) => {
  const place = makePlace(t);
  const host = await serve(t, createHttp(answer));
  const http = (path: string) => trust(place, [...ROOT, '--insecure-allow-http', `http://${host}/${path}`]);
  assertRefused(
    await trust(place, [...ROOT, `http://${host}/key`]),
    EXIT.usage,
    /wanted https, or --insecure-allow-http/,
  );
  assertRefused(await http('none'), EXIT.notFound, /cannot get key "http:.*none": the server has no such file/);
  assertRefused(await http('secret'), EXIT.notPermitted, /access denied: wanted a key that everybody may have/);
  assertRefused(await http('loop'), EXIT.notPermitted, /redirects more than 10 times/);
  assertRefused(await http('large'), EXIT.dataRefused, /larger than 262144 bytes/);
  assertRefused(await http('to?file:///etc/passwd'), EXIT.notPermitted, /redirects to no address/);
  assert.deepEqual(place.files(), {});
  assert.equal((await http('to?/key')).status, EXIT.ok);
});

/** A web server for example.com and others, and what it takes to reach it as nobody. */
async function startSite(t: TestContext, place: Place) {
  const { files, log, environment } = await startAciServer(t);
  const certificate = place.write('site.crt', readFileSync(environment['NODE_EXTRA_CA_CERTS'] ?? ''));
  const variables = { ...environment, NODE_EXTRA_CA_CERTS: certificate };
  const discover = (prefix: string, ...words: readonly string[]) => trust(place, [`--prefix=${prefix}`, ...words], variables);
  return { files, log, discover };
} // prettier-ignore

const tag = (content: string) => page(['ac-discovery-pubkeys', content]);

test('rkt-trust finds the keys of a prefix where its pages say, and shows them before it trusts them', async (t) => {
  const place = makePlace(t);
  const { files, log, discover } = await startSite(t, place);
  files.set('storage.example.com/keys.asc', { body: ring.publicKey(ALICE), isPlain: true });
  files.set('example.com/?ac-discovery=1', tag('example.com https://storage.example.com/keys.asc'));
  const asked = await discover('example.com/team/app');
  assert.equal(asked.status, EXIT.usage, asked.stderr);
  assert.match(asked.stderr, /cannot review key "https:\/\/storage\.example\.com\/keys\.asc": unable to ask user .* wanted a terminal/);
  assert.deepEqual(place.files(), {});
  assert.deepEqual(log.splice(0), [
    'example.com/team/app?ac-discovery=1 404',
    'example.com/team?ac-discovery=1 404',
    'example.com/?ac-discovery=1 200',
    'storage.example.com/keys.asc 200',
  ]);
  for (const option of ['--skip-fingerprint-review', '--trust-keys-from-https']) {
    const { status, stdout, stderr } = await discover('example.com/team/app', option);
    assert.equal(status, EXIT.ok, stderr);
    assert.match(stderr, /key: "https:\/\/storage.*\ngpg key fingerprint is: [0-9A-F ]+\n[^]*Alice <alice@example\.com>[^]*without fingerprint review/);
    assert.match(stdout, /^Added key for prefix "example\.com\/team\/app" at /);
    assert.deepEqual(Object.keys(place.files()), [`prefix.d/example.com/team/app/${alice}`]);
  }
  // The page may have come by http, and so may be anybody's.
  const loose = await discover('example.com/team/app', '--trust-keys-from-https', '--insecure-allow-http');
  assert.match(loose.stderr, /cannot review key/);
}); // prettier-ignore

test('rkt-trust says in one line why no keys are discovered, and trusts none of them', async (t) => {
  const place = makePlace(t);
  const { files, discover } = await startSite(t, place);
  const refused = async (content: string, status: number, pattern: RegExp) => {
    files.set('example.com/?ac-discovery=1', tag(content));
    assertRefused(await discover('example.com/app', '--skip-fingerprint-review'), status, pattern);
    assert.deepEqual(place.files(), {});
  };
  assertRefused(await discover('example.com'), EXIT.notFound, /cannot discover keys of "example\.com": no page of it or above it has a meta tag "ac-discovery-pubkeys" for it/);
  assertRefused(await discover('example.com:8080/app'), EXIT.dataRefused, /it is no name of appc: wanted PUBKEY/);
  await refused('example.com/ap https://storage.example.com/key', EXIT.notFound, /no page of it/);
  await refused('example.com http://storage.example.com/key', EXIT.dataRefused, /wanted https, or --insecure-allow-http/);
  await refused('example.com file:///etc/passwd', EXIT.dataRefused, /wanted https/);
  await refused('example.com https://storage.example.com/none', EXIT.notFound, /cannot get key ".*none": the server has no such file/);
  files.set('storage.example.com/page', { body: '<html>', isPlain: true });
  await refused('example.com https://storage.example.com/page', EXIT.dataRefused, /it is neither ASCII armor nor OpenPGP/);
  const many = Array.from({ length: 33 }, (_, n) => ['ac-discovery-pubkeys', `example.com https://storage.example.com/${n}`] as const);
  files.set('example.com/app?ac-discovery=1', page(...many));
  assertRefused(await discover('example.com/app'), EXIT.dataRefused, /names 33 of them: wanted at most 32/);
}); // prettier-ignore
