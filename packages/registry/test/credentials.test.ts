// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { EXIT, Failure } from '@rkt/exit';
import { findCredentials, type CredentialHelper } from '../src/index.ts';

const auth = (text: string) => ({ auth: Buffer.from(text).toString('base64') });
const isPassword = (username: string, password: string) => ({ kind: 'password', username, password });

interface Found {
  readonly write: (path: string, content: unknown) => string;
  readonly find: (
    name: string,
    options?: { authFile?: string; authText?: Buffer; helper?: CredentialHelper; more?: Record<string, string> },
  ) => ReturnType<typeof findCredentials>;
}

function makeHome(t: TestContext): Found {
  const home = mkdtempSync('/tmp/rkt-credentials-');
  t.after(() => rmSync(home, { recursive: true }));
  return {
    write: (path, content) => {
      const file = join(home, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
      return file;
    },
    find: (name, { authFile, authText, helper = () => Promise.resolve(undefined), more = {} } = {}) => {
      const [host = '', ...parts] = name.split('/');
      const environment = { HOME: home, XDG_RUNTIME_DIR: join(home, 'run'), ...more };
      return findCredentials(
        { host, repository: parts.join('/') },
        { environment, helper, uid: 1000, authText, ...(authFile === undefined ? {} : { authFile }) },
      );
    },
  };
}

test('findCredentials() asks rkt\u2019s own configuration first, unless the user names a file', async (t) => {
  const home = makeHome(t);
  home.write('.docker/config.json', { auths: { 'r.example': auth('docker:x') } });
  const file = home.write('named.json', { auths: { 'r.example': auth('named:x') } });
  const sources = { environment: { HOME: home.write('x', '').replace(/\/x$/, '') }, uid: 1000, helper: () => Promise.resolve(undefined) };
  const configured = (host: string) =>
    host === 'r.example' ? ({ kind: 'password', username: 'own', password: 'x' } as const) : undefined;
  const wanted = { host: 'r.example', repository: 'a' };
  assert.deepEqual(await findCredentials(wanted, { ...sources, configured }), isPassword('own', 'x'));
  assert.deepEqual(await findCredentials(wanted, { ...sources, configured: () => undefined }), isPassword('docker', 'x'));
  assert.deepEqual(await findCredentials(wanted, { ...sources, configured, authFile: file }), isPassword('named', 'x'));
  const authText = Buffer.from(JSON.stringify({ auths: { 'r.example': auth('handed:x') } }));
  assert.deepEqual(await findCredentials(wanted, { ...sources, configured, authText }), isPassword('own', 'x'));
  const handed = { ...sources, configured, authText, authFile: '-' };
  assert.deepEqual(await findCredentials(wanted, handed), isPassword('handed', 'x'));
}); // prettier-ignore

function isConfigurationFailure(pattern: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof Failure, String(error));
    assert.equal(error.status, EXIT.configuration, error.message);
    assert.match(error.message, pattern);
    return true;
  };
}

test('findCredentials() looks into the files in their order', async (t) => {
  const { write, find } = makeHome(t);
  assert.equal(await find('h.example/a'), undefined);
  for (const [path, user] of [
    ['.dockercfg', 'five'],
    ['.docker/config.json', 'four'],
    ['.config/containers/auth.json', 'three'],
    ['run/containers/auth.json', 'two'],
  ] as const) {
    write(
      path,
      path === '.dockercfg' ? { 'h.example': auth(`${user}:x`) } : { auths: { 'h.example': auth(`${user}:x`) } },
    );
    assert.deepEqual(await find('h.example/a'), isPassword(user, 'x'));
  }
  const named = write('named.json', { auths: { 'h.example': auth('one:x') } });
  assert.deepEqual(await find('h.example/a', { more: { REGISTRY_AUTH_FILE: named } }), isPassword('one', 'x'));
  assert.equal(await find('other.example/a', { authFile: named }), undefined);
  assert.deepEqual(await find('h.example/a', { authFile: named }), isPassword('one', 'x'));
  const authText = Buffer.from(JSON.stringify({ auths: { 'h.example': auth('zero:x') } }));
  assert.deepEqual(await find('h.example/a', { authText }), isPassword('zero', 'x'));
  assert.deepEqual(await find('h.example/a', { authText, authFile: '-' }), isPassword('zero', 'x'));
  // What was handed over is all there is.
  assert.equal(await find('h.example/a', { authText: Buffer.from('{}') }), undefined);
});

test('findCredentials() prefers the longest name and knows the spellings of a host', async (t) => {
  const { write, find } = makeHome(t);
  write('.docker/config.json', {
    auths: {
      'https://index.docker.io/v1/': auth('hub:x'),
      'https://old.example/v2/': auth('old:x'),
      'h.example': auth('host:x'),
      'h.example/ns': auth('ns:x'),
      'h.example/ns/repo': auth('repo:with:colons'),
    },
  });
  assert.deepEqual(await find('h.example/ns/repo'), isPassword('repo', 'with:colons'));
  assert.deepEqual(await find('h.example/ns/other/deep'), isPassword('ns', 'x'));
  assert.deepEqual(await find('h.example/nsx'), isPassword('host', 'x'));
  assert.deepEqual(await find('docker.io/library/x'), isPassword('hub', 'x'));
  assert.deepEqual(await find('old.example/x'), isPassword('old', 'x'));
  assert.equal(await find('h.example:5000/x'), undefined);
  assert.equal(await find('example/x'), undefined);
});

test('findCredentials() asks helpers, by host before by default', async (t) => {
  const { write, find } = makeHome(t);
  const asked: string[] = [];
  const helper: CredentialHelper = (name, server) => {
    asked.push(`${name} ${server}`);
    if (name === 'nothing') return Promise.resolve(undefined);
    return Promise.resolve(
      Buffer.from(JSON.stringify({ ServerURL: server, Username: name === 'id' ? '<token>' : 'u', Secret: 's' })),
    );
  };
  write('.docker/config.json', {
    credsStore: 'default',
    credHelpers: { 'h.example': 'own', 'id.example': 'id', 'none.example': 'nothing' },
    auths: { 'plain.example': auth('a:b'), 'empty.example': {} },
  });
  assert.deepEqual(await find('h.example/a', { helper }), isPassword('u', 's'));
  assert.deepEqual(await find('id.example/a', { helper }), { kind: 'identity', token: 's' });
  assert.deepEqual(await find('plain.example/a', { helper }), isPassword('a', 'b'));
  assert.deepEqual(await find('empty.example/a', { helper }), isPassword('u', 's'));
  assert.deepEqual(await find('docker.io/a', { helper }), isPassword('u', 's'));
  assert.equal(await find('none.example/a', { helper }), undefined);
  assert.deepEqual(asked, [
    'own h.example',
    'id id.example',
    'default empty.example',
    'default https://index.docker.io/v1/',
    'nothing none.example',
  ]);
});

test('findCredentials() runs no helper whose name is a path', async (t) => {
  const { write, find } = makeHome(t);
  const helper = () => assert.fail('a helper was run');
  for (const name of ['../x', '/bin/sh', 'a b', 'A', 'x'.repeat(65)]) {
    write('.docker/config.json', { credHelpers: { 'h.example': name } });
    await assert.rejects(find('h.example/a', { helper }), isConfigurationFailure(/wanted a name, not a path/));
  }
});

test('findCredentials() takes identity tokens, follows links, and refuses damaged files', async (t) => {
  const { write, find } = makeHome(t);
  const file = write('dotfiles/config.json', { auths: { 'h.example': { ...auth('a:b'), identitytoken: 'id' } } });
  mkdirSync(join(dirname(file), '..', '.docker'));
  symlinkSync(file, join(dirname(file), '..', '.docker', 'config.json'));
  assert.deepEqual(await find('h.example/a'), { kind: 'identity', token: 'id' });
  for (const content of [
    '{',
    '{"auths":{"h.example":{"auth":"bm9jb2xvbg=="}}}',
    '{"auths":{},"auths":{}}',
    `"${'x'.repeat(2 ** 20)}"`,
  ]) {
    write('dotfiles/config.json', content);
    await assert.rejects(find('h.example/a'), isConfigurationFailure(/cannot read/));
  }
  rmSync(file);
  execFileSync('mkfifo', [file]);
  await assert.rejects(find('h.example/a'), isConfigurationFailure(/not a file/));
});

test('findCredentials() wants a file that the user named to be there', async (t) => {
  const { find } = makeHome(t);
  await assert.rejects(find('h.example/a', { authFile: '/nonexistent' }), /cannot read credentials "\/nonexistent"/);
});
