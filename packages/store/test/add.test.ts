// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import * as fc from 'fast-check';
import { EXIT, Failure } from '@rkt/exit';
import { lock } from '@rkt/files';
import { hexOf } from '@rkt/names';
import { asOrdinaryUser, descriptorOf, digestOf, sourceOf, temporaryStore } from './fixture.ts';

const BYTES = Buffer.from('the bytes of a blob, some of them');
const DESCRIPTOR = descriptorOf(BYTES);
const HEX = hexOf(DESCRIPTOR.digest);

const refusedAs =
  (status: number, pattern: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof Failure, String(error));
    assert.equal(error.status, status, error.message);
    assert.match(error.message, pattern);
    return true;
  };

test('addBlob() puts a blob in its place, read-only, and leaves nothing else', async (t) => {
  const store = temporaryStore(t);
  assert.equal(await store.addBlob(DESCRIPTOR, sourceOf(BYTES)), 'added');
  const path = join(store.dir, 'blobs', 'sha256', HEX);
  assert.deepEqual(readFileSync(path), BYTES);
  assert.equal(statSync(path).mode & 0o777, 0o444);
  assert.deepEqual(readdirSync(join(store.dir, 'partial')), []);
});

test('addBlob() does not ask for a blob that is there', async (t) => {
  const store = temporaryStore(t);
  await store.addBlob(DESCRIPTOR, sourceOf(BYTES));
  const source = sourceOf(BYTES);
  assert.equal(await store.addBlob(DESCRIPTOR, source), 'present');
  assert.deepEqual(source.offsets, []);
});

test('addBlob() of many callers at once asks for the blob once', async (t) => {
  const store = temporaryStore(t);
  const source = sourceOf(BYTES, 1);
  const results = await Promise.all(Array.from({ length: 6 }, () => store.addBlob(DESCRIPTOR, source)));
  assert.deepEqual(results.toSorted(), ['added', 'present', 'present', 'present', 'present', 'present']);
  assert.deepEqual(source.offsets, [0]);
  assert.deepEqual(readdirSync(join(store.dir, 'partial')), []);
});

test('addBlob() of a waiting caller begins anew when the writer before it failed', async (t) => {
  const store = temporaryStore(t);
  let [calls, active] = [0, 0];
  async function* source(offset: number) {
    calls += 1;
    active += 1;
    assert.equal(active, 1);
    for (let at = offset; at < BYTES.byteLength; at += 1) {
      await new Promise(setImmediate);
      yield calls <= 2 ? Buffer.from('x') : BYTES.subarray(at, at + 1);
    }
    active -= 1;
  }
  const results = await Promise.allSettled(Array.from({ length: 5 }, () => store.addBlob(DESCRIPTOR, source)));
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [String(result.reason)] : []));
  assert.equal(failures.length, 2, failures.join());
  for (const failure of failures) assert.match(failure, /its bytes have the digest/);
  assert.equal(calls, 3);
  assert.equal((await store.verify())[0]?.state, 'ok');
});

test('addBlob() continues what an interrupted writer left', async (t) => {
  const store = temporaryStore(t);
  writeFileSync(join(store.dir, 'partial', HEX), BYTES.subarray(0, 10));
  const source = sourceOf(BYTES);
  await store.addBlob(DESCRIPTOR, source);
  assert.deepEqual(source.offsets, [10]);
  assert.equal((await store.verify())[0]?.state, 'ok');
});

test('addBlob() begins anew what another user left', async (t) => {
  const store = temporaryStore(t);
  const left = join(store.dir, 'partial', HEX);
  writeFileSync(left, BYTES.subarray(0, 10));
  chmodSync(left, 0o444);
  asOrdinaryUser(t, store.dir);
  const source = sourceOf(BYTES);
  assert.equal(await store.addBlob(DESCRIPTOR, source), 'added');
  assert.deepEqual(source.offsets, [0]);
});

test('addBlob() waits while another user writes, and takes what came of it', async (t) => {
  const store = temporaryStore(t);
  const left = join(store.dir, 'partial', HEX);
  writeFileSync(left, BYTES);
  chmodSync(left, 0o444);
  const held = await lock(left);
  asOrdinaryUser(t, store.dir);
  const source = sourceOf(BYTES);
  const added = store.addBlob(DESCRIPTOR, source);
  renameSync(left, join(store.dir, 'blobs', 'sha256', HEX));
  held[Symbol.dispose]();
  assert.equal(await added, 'present');
  assert.deepEqual(source.offsets, []);
});

test('addBlob() says that it may not write, with a partial file of another user or without', async (t) => {
  for (const isThere of [false, true]) {
    const store = temporaryStore(t);
    const partials = join(store.dir, 'partial');
    if (isThere) writeFileSync(join(partials, HEX), BYTES, { mode: 0o444 });
    asOrdinaryUser(t, store.dir);
    chmodSync(partials, 0o555);
    const source = sourceOf(BYTES);
    await assert.rejects(store.addBlob(DESCRIPTOR, source), refusedAs(EXIT.notPermitted, /cannot write ".*": permission denied/)); // prettier-ignore
    assert.deepEqual(source.offsets, []);
    process.seteuid?.(process.getuid?.() ?? 0);
  }
});

test('addBlob() asks for nothing if the writer was interrupted before the rename', async (t) => {
  const store = temporaryStore(t);
  writeFileSync(join(store.dir, 'partial', HEX), BYTES);
  const source = sourceOf(BYTES);
  assert.equal(await store.addBlob(DESCRIPTOR, source), 'added');
  assert.deepEqual(source.offsets, []);
});

test('addBlob() starts over if what was left is of other bytes or too long', async (t) => {
  for (const left of [Buffer.alloc(12), Buffer.alloc(1000)]) {
    const store = temporaryStore(t);
    writeFileSync(join(store.dir, 'partial', HEX), left);
    const source = sourceOf(BYTES);
    await store.addBlob(DESCRIPTOR, source);
    assert.equal(source.offsets.at(-1), 0);
    assert.equal((await store.verify())[0]?.state, 'ok');
  }
});

test('addBlob() keeps what came before the source failed, and continues it', async (t) => {
  const store = temporaryStore(t);
  async function* cut() {
    yield BYTES.subarray(0, 20);
    await Promise.resolve();
    throw new Failure(EXIT.unavailable, 'cut');
  }
  await assert.rejects(store.addBlob(DESCRIPTOR, cut), refusedAs(EXIT.unavailable, /cut/));
  const source = sourceOf(BYTES);
  await store.addBlob(DESCRIPTOR, source);
  assert.deepEqual(source.offsets, [20]);
});

test('addBlob() refuses other bytes, more bytes and fewer bytes, and keeps none of them', async (t) => {
  const other = Buffer.from(BYTES);
  other[0] = 0;
  for (const [bytes, pattern] of [
    [other, /its bytes have the digest "sha256:/],
    [Buffer.concat([BYTES, BYTES]), /more than 33 bytes/],
    [BYTES.subarray(1), /ends after 32 of 33 bytes/],
  ] as const) {
    const store = temporaryStore(t);
    await assert.rejects(store.addBlob(DESCRIPTOR, sourceOf(bytes)), refusedAs(EXIT.dataRefused, pattern));
    assert.deepEqual(readdirSync(join(store.dir, 'partial')), []);
    assert.deepEqual(readdirSync(join(store.dir, 'blobs', 'sha256')), []);
  }
});

test('addBlob() replaces a blob of the wrong size', async (t) => {
  const store = temporaryStore(t);
  writeFileSync(join(store.dir, 'blobs', 'sha256', HEX), 'short');
  assert.equal(await store.addBlob(DESCRIPTOR, sourceOf(BYTES)), 'added');
  assert.equal((await store.verify())[0]?.state, 'ok');
});

test('addBlob() says before the download that there is no space', async (t) => {
  const store = temporaryStore(t);
  const source = sourceOf(BYTES);
  const huge = { ...DESCRIPTOR, size: 2 ** 60 };
  await assert.rejects(store.addBlob(huge, source), refusedAs(EXIT.system, /cannot write ".*": no space left/));
  assert.deepEqual(source.offsets, []);
  assert.deepEqual(readdirSync(join(store.dir, 'partial')), []);
});

test('addBlob() names the path when the place of a blob is taken by a directory', async (t) => {
  const store = temporaryStore(t);
  mkdirSync(join(store.dir, 'blobs', 'sha256', HEX, 'x'), { recursive: true });
  await assert.rejects(store.addBlob(DESCRIPTOR, sourceOf(BYTES)), refusedAs(EXIT.system, new RegExp(HEX)));
});

test('hasBlob() counts as a use', async (t) => {
  const store = temporaryStore(t);
  await store.addBlob(DESCRIPTOR, sourceOf(BYTES));
  const path = join(store.dir, 'blobs', 'sha256', HEX);
  utimesSync(path, 1000, 1000);
  assert.ok(store.hasBlob(DESCRIPTOR));
  assert.ok(Date.now() - statSync(path).mtimeMs < 60_000);
  assert.ok(!store.hasBlob({ ...DESCRIPTOR, size: 1 }));
});

test('addBlob() stores any bytes in any pieces from any kept part', async (t) => {
  const store = temporaryStore(t);
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 200 }),
      fc.nat(200),
      fc.integer({ min: 1, max: 50 }),
      async (raw, keep, piece) => {
        const bytes = Buffer.from(raw);
        const digest = digestOf(bytes);
        const partial = join(store.dir, 'partial', hexOf(digest));
        if (!existsSync(join(store.dir, 'blobs', 'sha256', hexOf(digest))))
          writeFileSync(partial, bytes.subarray(0, keep));
        await store.addBlob({ digest, size: bytes.byteLength }, sourceOf(bytes, piece));
        assert.deepEqual(readFileSync(join(store.dir, 'blobs', 'sha256', hexOf(digest))), bytes);
      },
    ),
    { numRuns: 40 },
  );
});

test('addDocument() puts a document in its place, read-only, once, and refuses bytes of another digest', (t) => {
  const store = temporaryStore(t);
  store.addDocument(DESCRIPTOR.digest, BYTES);
  const path = join(store.dir, 'blobs', 'sha256', HEX);
  assert.deepEqual(readFileSync(path), BYTES);
  assert.equal(statSync(path).mode & 0o777, 0o444);
  const { ino } = statSync(path);
  store.addDocument(DESCRIPTOR.digest, BYTES);
  assert.equal(statSync(path).ino, ino);
  const other = digestOf(Buffer.from('other'));
  assert.throws(() => store.addDocument(other, BYTES), refusedAs(EXIT.dataRefused, /its bytes have the digest/));
  assert.deepEqual(readdirSync(join(store.dir, 'blobs', 'sha256')), [HEX]);
  assert.deepEqual(readdirSync(join(store.dir, 'partial')), []);
});
