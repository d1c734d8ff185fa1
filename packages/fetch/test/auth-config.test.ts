// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { EXIT } from '@rkt/exit';
import { readAuthConfig } from '../src/aci/auth-config.ts';
import { temporaryDirectory } from './fixture.ts';

const head = { rktVersion: 'v1' };
const basic = (password: string, ...domains: string[]) => ({ ...head, rktKind: 'auth', domains, type: 'basic', credentials: { user: 'me', password } }); // prettier-ignore
const docker = (password: string, ...registries: string[]) => ({ ...head, rktKind: 'dockerAuth', registries, credentials: { user: 'me', password } }); // prettier-ignore

/** Directories with files in their `auth.d`. */
function directoriesOf(t: TestContext, ...directories: Readonly<Record<string, object>>[]): string[] {
  const root = temporaryDirectory(t);
  return directories.map((files, index) => {
    const path = join(root, String(index));
    mkdirSync(join(path, 'auth.d'), { recursive: true });
    for (const [name, content] of Object.entries(files))
      writeFileSync(join(path, 'auth.d', name), JSON.stringify(content));
    return path;
  });
}

const header = (password: string) => `Basic ${Buffer.from(`me:${password}`).toString('base64')}`;

test('readAuthConfig() knows servers by their exact host and port, the last directory first', async (t) => {
  const directories = directoriesOf(
    t,
    { 'a.json': basic('one', 'example.com', 'other.example:8443', 'named.example:443') },
    { 'a.json': { ...head, rktKind: 'auth', domains: ['example.com'], type: 'oauth', credentials: { token: 'two' } } },
  );
  const { authorizationFor } = readAuthConfig([...directories, '/nonexistent']);
  const of = async (url: string) => (await authorizationFor(new URL(url)))['authorization'];
  assert.equal(await of('https://example.com/x'), 'Bearer two');
  assert.equal(await of('https://other.example:8443/x'), header('one'));
  assert.equal(await of('https://named.example/x'), header('one'));
  for (const url of [
    'https://other.example/',
    'https://example.com:8443/',
    'https://sub.example.com/',
    'https://example.com.evil/',
  ])
    assert.equal(await of(url), undefined, url);
});

test('readAuthConfig() knows registries, the first of them by all its names', async (t) => {
  const [directory = ''] = directoriesOf(t, { 'a.json': docker('one', 'registry.example.com', 'index.docker.io') });
  const { credentialsFor, authorizationFor } = readAuthConfig([directory]);
  assert.deepEqual(credentialsFor('registry.example.com'), { kind: 'password', username: 'me', password: 'one' });
  assert.deepEqual(credentialsFor('docker.io'), { kind: 'password', username: 'me', password: 'one' });
  assert.equal(credentialsFor('other.example'), undefined);
  assert.deepEqual(await authorizationFor(new URL('https://registry.example.com/')), {});
});

test('readAuthConfig() refuses two files of one directory for one host, of the same kind', (t) => {
  const [same = '', kinds = ''] = directoriesOf(
    t,
    { 'a.json': docker('one', 'h.example'), 'b.json': docker('two', 'h.example') },
    { 'a.json': docker('one', 'h.example'), 'b.json': basic('two', 'h.example') },
  );
  assert.throws(() => readAuthConfig([same]), { status: EXIT.configuration, message: /"h\.example" are in/ });
  assert.ok(readAuthConfig([kinds]).credentialsFor('h.example'));
});
