// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { signaturePlaces } from '../src/index.ts';
import { docker, misconfigured, strictDirectory, write } from './fixture.ts';

test('signaturePlaces() takes each field from the narrowest section that has it', async (t) => {
  const dir = strictDirectory(t);
  write(join(dir, 'default.yaml'), 'default-docker:\n  sigstore: https://example.com/default\n');
  write(
    join(dir, 'a.yaml'),
    'docker:\n  example.com:\n    use-sigstore-attachments: true\n    lookaside-staging: file:///x\n',
  );
  write(join(dir, 'b.yaml'), 'docker:\n  example.com/foo:\n    lookaside: file:///srv/signatures\n');
  write(join(dir, 'notes.txt'), 'no YAML: {');
  const expected = (lookaside: string, useAttachments: boolean) => ({ lookaside, useAttachments });
  assert.deepEqual(
    await signaturePlaces(dir, docker('example.com/foo/bar:1')),
    expected('file:///srv/signatures', true),
  );
  assert.deepEqual(
    await signaturePlaces(dir, docker('example.com/foobar:1')),
    expected('https://example.com/default', true),
  );
  assert.deepEqual(
    await signaturePlaces(dir, docker('example.org/foo')),
    expected('https://example.com/default', false),
  );
  assert.deepEqual(await signaturePlaces(join(dir, 'none'), docker('a.b/c')), {
    lookaside: undefined,
    useAttachments: false,
  });
});

test('signaturePlaces() refuses a scope in two files, what is no URL, no YAML, and aliases', async (t) => {
  const section = (url: string) => `docker:\n  example.com:\n    lookaside: ${url}\n`;
  for (const [files, message] of [
    [[section('file:///a'), section('file:///b')], /"example\.com" stands in ".*0\.yaml" too/],
    [
      ['default-docker:\n  lookaside: file:///a\n', 'default-docker:\n  lookaside: file:///b\n'],
      /"default-docker" stands/,
    ],
    [[section('ftp://a')], /wanted a URL of http, https or file/],
    [['docker: [1, 2']],
    [['a: &a {}\ndocker:\n  x: *a\n']],
    [['docker:\n  a:\n    lookaside: file:///a\n  a:\n    lookaside: file:///b\n']],
    [['other: 1\n'], /other/],
  ] as const) {
    const dir = strictDirectory(t);
    for (const [index, text] of files.entries()) write(join(dir, `${index}.yaml`), text);
    await assert.rejects(signaturePlaces(dir, docker('example.com/a')), misconfigured(message ?? /it is not YAML/));
  }
});

test('signaturePlaces() takes an empty file for one that says nothing', async (t) => {
  const dir = strictDirectory(t);
  write(join(dir, 'empty.yaml'), '# nothing\n');
  assert.deepEqual(await signaturePlaces(dir, docker('a.b/c')), { lookaside: undefined, useAttachments: false });
});
