// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { pathToFileURL } from 'node:url';
import { EXIT, Failure } from '@rkt/exit';
import { LOOKASIDE_MAX, readLookaside } from '../src/index.ts';
import { digestOf, startStub, temporaryDirectory } from './stub.ts';

const DIGEST = digestOf('image');
const PLACE = `a/b@sha256=${DIGEST.slice('sha256:'.length)}`;
const READING = {
  repository: 'a/b',
  digest: DIGEST,
  environment: {},
  userAgent: 'rkt/test',
  retry: { tries: 2, backoffMs: 1 },
};

const failsWith = (status: number, pattern: RegExp) => (error: unknown) =>
  error instanceof Failure && error.status === status && pattern.test(error.message);

function put(base: string, name: string, content: string): string {
  const path = join(base, PLACE, name);
  mkdirSync(join(base, PLACE), { recursive: true });
  writeFileSync(path, content);
  return path;
}

test('readLookaside() reads a directory up to the first signature that is missing', async (t) => {
  const place = temporaryDirectory(t);
  const base = pathToFileURL(place).href;
  assert.deepEqual(await readLookaside({ ...READING, base }), []);
  for (const number of [1, 2, 4]) put(place, `signature-${number}`, String(number));
  assert.deepEqual((await readLookaside({ ...READING, base: `${base}/` })).map(String), ['1', '2']);
});

test('readLookaside() reads no more than 128 signatures and none of more than 4 MiB', async (t) => {
  const place = temporaryDirectory(t);
  const base = pathToFileURL(place).href;
  for (let number = 1; number <= LOOKASIDE_MAX + 1; number += 1) put(place, `signature-${number}`, 'x');
  assert.equal((await readLookaside({ ...READING, base })).length, LOOKASIDE_MAX);
  truncateSync(put(place, 'signature-3', ''), 4 * 1024 * 1024 + 1);
  await assert.rejects(readLookaside({ ...READING, base }), failsWith(EXIT.dataRefused, /larger than/));
});

test('readLookaside() reads a server, and follows it nowhere', async (t) => {
  const answers = new Map([
    [`/sigs/${PLACE}/signature-1`, 200],
    [`/moved/${PLACE}/signature-1`, 302],
    [`/broken/${PLACE}/signature-1`, 503],
  ]);
  const stub = await startStub(t, ({ url = '' }, response) => {
    const status = answers.get(url) ?? 404;
    response.writeHead(status, status === 302 ? { location: `/sigs/${PLACE}/signature-1` } : {}).end('signed');
  });
  const read = (path: string) => readLookaside({ ...READING, base: `http://${stub.host}${path}` });
  assert.deepEqual((await read('/sigs')).map(String), ['signed']);
  assert.deepEqual(await read('/none'), []);
  await assert.rejects(read('/moved'), failsWith(EXIT.unavailable, /status 302/));
  await assert.rejects(read('/broken'), failsWith(EXIT.unavailable, /status 503/));
  assert.equal(stub.log.filter((line) => line.includes('/broken/')).length, 2);
});

test('readLookaside() refuses what is no URL of http, https or file', async () => {
  for (const base of ['ftp://x/', 'nonsense', 'file://host/x']) {
    await assert.rejects(readLookaside({ ...READING, base }), Failure, base);
  }
});
