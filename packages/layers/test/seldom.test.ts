// SPDX-License-Identifier: Apache-2.0
// bzip2 and xz, which images in appc's format may be compressed with, against the programs of those names.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { bunzip2 } from '../src/bzip2.ts';
import { decompress, newTally, type Compression } from '../src/decompress.ts';
import { layerLimits, type LayerLimits } from '../src/limits.ts';
import { pieces } from './collect.ts';

const REFUSED = { name: 'Failure', status: 65, message: /^cannot unpack layer: [^\n]+$/ };

/** What comes out of a blob that is given in pieces. */
async function expand(
  blob: Buffer,
  compression: Compression,
  { length = 10_000, limits = {} }: { length?: number; limits?: Partial<LayerLimits> } = {},
): Promise<Buffer> {
  const [compressed, uncompressed] = [newTally(), newTally()];
  const input = { blob: pieces(blob, length), compression, limits: { ...layerLimits, ...limits } };
  const parts: Uint8Array[] = [];
  for await (const part of decompress({ ...input, compressed, uncompressed })) parts.push(part);
  assert.equal(compressed.bytes, blob.length);
  return Buffer.concat(parts);
}

const compress = (program: 'bzip2' | 'xz', input: Buffer, ...options: string[]): Buffer =>
  execFileSync(program, ['-c', ...options], { input, maxBuffer: 2 ** 28 });

const text = Buffer.concat([Buffer.alloc(300_000, 'some text '), randomBytes(50_000), Buffer.alloc(1_000_000)]);

test('decompress() reads what bzip2 writes, of several members, in pieces of any length', async () => {
  for (const level of ['-1', '-9']) {
    const blob = compress('bzip2', text, level);
    for (const length of [1, 7, 1000, 1_000_000]) assert.ok((await expand(blob, 'bzip2', { length })).equals(text));
  }
  const several = Buffer.concat([text, Buffer.alloc(0), text].map((part) => compress('bzip2', part)));
  assert.ok((await expand(several, 'bzip2')).equals(Buffer.concat([text, text])));
  assert.equal((await expand(compress('bzip2', Buffer.alloc(0)), 'bzip2')).length, 0);
});

test('decompress() reads what xz writes, of several streams, in pieces of any length', async () => {
  for (const options of [['-0'], ['-9'], ['--check=crc32'], ['--check=none'], ['--block-size=100000']]) {
    const blob = compress('xz', text, ...options);
    for (const length of [7, 1000, 1_000_000]) assert.ok((await expand(blob, 'xz', { length })).equals(text));
  }
  const several = Buffer.concat([text, Buffer.alloc(0), text].map((part) => compress('xz', part)));
  assert.ok((await expand(several, 'xz')).equals(Buffer.concat([text, text])));
});

test('bzip2 and xz agree with their programs on any content', async () => {
  const run = fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 600 }));
  await fc.assert(
    fc.asyncProperty(fc.array(run, { maxLength: 30 }), async (runs) => {
      const content = Buffer.concat(runs.map(([bytes, count]) => Buffer.alloc(bytes.length * count, bytes)));
      assert.ok((await expand(compress('bzip2', content, '-1'), 'bzip2')).equals(content));
      assert.ok((await expand(compress('xz', content, '-0'), 'xz')).equals(content));
    }),
    { numRuns: 40 },
  );
});

test('decompress() refuses bzip2 and xz that are cut short, damaged or followed by something', async () => {
  for (const program of ['bzip2', 'xz'] as const) {
    const blob = compress(program, text);
    const damaged = (at: number): Buffer => {
      const bytes = Buffer.from(blob);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      return bytes;
    };
    const wrong = [
      ...[1, 3, 9, blob.length - 12].map((length) => blob.subarray(0, -length)),
      ...[12, 40, 1000, blob.length - 30, blob.length - 3].map(damaged),
      ...['x', '\0', 'xxxxxxxxxxxxxxxx', 'BZh9', '\xfd7zXZ\0'].map((tail) =>
        Buffer.concat([blob, Buffer.from(tail, 'latin1')]),
      ),
    ];
    for (const [index, each] of wrong.entries())
      for (const length of [7, 1_000_000])
        await assert.rejects(expand(each, program, { length }), REFUSED, `${program} ${index}`);
  }
});

test('decompress() refuses xz that needs more memory than 64 MiB, or a filter that is not known here', async () => {
  await assert.rejects(expand(compress('xz', text, '--lzma2=dict=128MiB'), 'xz'), /more than 64 MiB of memory/);
  await assert.rejects(expand(compress('xz', text, '--x86', '--lzma2'), 'xz'), /a filter or checksum/);
  await assert.rejects(expand(compress('xz', text, '--check=sha256'), 'xz'), /a filter or checksum/);
});

test('decompress() takes a plain tar for plain whose first file has the name of a magic', async () => {
  for (const name of ['BZh91AY', 'BZh9'])
    assert.ok((await expand(Buffer.from(name.padEnd(512, '\0'), 'latin1'), 'none')).length === 512);
  await assert.rejects(expand(compress('bzip2', text), 'none'), /not what its media type says/);
  await assert.rejects(expand(compress('xz', text), 'none'), /not what its media type says/);
});

test('bunzip2() refuses or agrees with bzip2 on damaged data, and ends', async () => {
  const content = Buffer.concat([Buffer.alloc(2000, 'abcab'), randomBytes(300), Buffer.alloc(500)]);
  const blob = compress('bzip2', content, '-1');
  const change = fc.tuple(fc.nat(blob.length - 1), fc.nat(255));
  let agreed = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 0, maxLength: 3 }), async (changes) => {
      const bytes = Buffer.from(blob);
      for (const [at, value] of changes) bytes[at] = value;
      const { status, stdout } = spawnSync('bzip2', ['-dc'], { input: bytes });
      try {
        const parts: Buffer[] = [];
        for await (const part of bunzip2(pieces(bytes, 100), layerLimits)) parts.push(part);
        assert.equal(status, 0);
        assert.ok(Buffer.concat(parts).equals(stdout));
        agreed += 1;
      } catch (error) {
        assert.equal(error instanceof Error && error.name, 'Failure', String(error));
        assert.notEqual(status, 0, String(error));
      }
    }),
    { numRuns: 150, examples: [[[]]] },
  );
  assert.ok(agreed > 0);
});

test('bunzip2() spends no more than input on blocks that hold nothing, and stops at its limit of blocks', async () => {
  const empty = compress('bzip2', Buffer.alloc(0));
  const tiny = compress('bzip2', Buffer.from('x'));
  assert.equal((await expand(Buffer.concat(Array.from({ length: 5000 }, () => empty)), 'bzip2')).length, 0);
  const three = Buffer.concat([tiny, tiny, tiny]);
  assert.equal((await expand(three, 'bzip2', { limits: { bzip2Blocks: 3 } })).toString(), 'xxx');
  await assert.rejects(expand(three, 'bzip2', { limits: { bzip2Blocks: 2 } }), /more than 2 bzip2 blocks/);
});

test('decompress() stops a bomb of bzip2 or xz early', async () => {
  const zeros = Buffer.alloc(2 ** 24);
  for (const program of ['bzip2', 'xz'] as const) {
    const blob = compress(program, zeros);
    const limits = { ratioFreeBytes: 2 ** 20 };
    await assert.rejects(expand(blob, program, { limits }), /expands to more than 200 times its size/);
    await assert.rejects(
      expand(blob, program, { limits: { uncompressedBytes: 2 ** 20 } }),
      /expands to more than 1048576 bytes/,
    );
  }
});
