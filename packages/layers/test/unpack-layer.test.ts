// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { unpackLayer } from '../src/index.ts';
import { collect, linesOf, pieces, TAR } from './collect.ts';
import { hostile } from './hostile.ts';
import { base256, entry, gnuLong, pax, tar } from './tar-writer.ts';

const REFUSED = { name: 'Failure', status: 65, message: /^cannot unpack layer: [ -~]{1,500}$/ };
const TIME = '0 0 1700000000 0';

function sha256(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** A sparse map of version 1.0. */
function numbers(text: string): string {
  return text.padEnd(512, '\0');
}

/** A place of a sparse map of type S. */
function piece(offset: number, length: number): string {
  return [offset, length].map((value) => `${value.toString(8).padStart(11, '0')}\0`).join('');
}

for (const { name, layer, stoppedBy } of hostile) {
  test(`unpackLayer() ${stoppedBy === 'reader' ? 'refuses' : 'reads'} ${name}`, async () => {
    if (stoppedBy === 'reader') await assert.rejects(collect(layer), REFUSED);
    else await collect(layer);
  });
}

test('unpackLayer() tells digest, size, diffID and entries', async () => {
  const layer = tar(entry({ name: 'a', data: 'x' }), entry({ name: 'b', type: '5' }));
  const blob = gzipSync(layer);
  const { result } = await collect(blob, { mediaType: `${TAR}+gzip` });
  assert.deepEqual(result, {
    digest: sha256(blob),
    size: blob.length,
    diffId: sha256(layer),
    entries: 2,
    warnings: [],
  });
});

test('unpackLayer() withholds the last line of a layer that is not as expected', async () => {
  const layer = tar(entry({ name: 'a', data: 'x' }));
  const { result } = await collect(layer);
  await collect(layer, { expected: result });
  for (const key of ['digest', 'diffId'] as const) {
    await assert.rejects(collect(layer, { expected: { [key]: `sha256:${'0'.repeat(64)}` } }), REFUSED);
  }
  await assert.rejects(collect(layer, { expected: { size: 1 } }), REFUSED);
});

test('unpackLayer() prints every type with its attributes', async () => {
  const layer = tar(
    entry({ name: './', type: '5', mode: 0o755 }),
    entry({ name: 'd/', type: '5', mode: 0o1777, uid: 1, gid: 2, mtime: 3 }),
    entry({ name: 'd/f', mode: 0o104755, data: 'some data' }),
    entry({ name: 'd/l', type: '1', linkname: './d/f' }),
    entry({ name: 'd/s', type: '2', linkname: '../a b' }),
    entry({ name: 'd/p', type: '6', mode: 0o600 }),
    entry({ name: 'e', type: '7' }),
    entry({ name: 'old/', type: '\0', magic: '\0'.repeat(8) }),
    entry({ name: 'c', prefix: 'p' }),
  );
  assert.deepEqual(await linesOf(layer), [
    `dir . 0755 ${TIME}`,
    'dir d 1777 1 2 3 0',
    `file d/f 4755 ${TIME} 9`,
    'data 0 9 some data',
    'link d/l d/f',
    `symlink d/s ../a b ${TIME}`,
    `fifo d/p 0600 ${TIME}`,
    `file e 0644 ${TIME} 0`,
    `dir old 0644 ${TIME}`,
    `file p/c 0644 ${TIME} 0`,
  ]);
});

test('unpackLayer() lets extended headers override what the header says', async () => {
  const layer = tar(
    pax([
      ['path', 'a\u00c3\u00a4'],
      ['size', '3'],
      ['uid', '4294967294'],
      ['gid', '00'],
      ['mtime', '1.5'],
      ['comment', 'a\0b'],
      ['atime', ''],
    ]),
    entry({ name: 'x', size: 0, data: 'abc' }),
    pax([
      ['path', ''],
      ['linkpath', 'long'],
    ]),
    entry({ name: 's', type: '2', linkname: 'short' }),
    pax([['mtime', '-1.5']]),
    entry({ name: 't' }),
    pax([['mtime', '1.1234567899']]),
    entry({ name: 'u', mtime: base256(-5n, 12) }),
    entry({ name: 'v', mtime: base256(-5n, 12), uid: base256(4_000_000n, 8) }),
    pax([['comment', 'x']], 'g'),
    gnuLong({ name: `${'n'.repeat(100)}/${'m'.repeat(100)}`, type: '2', linkname: 'l'.repeat(101) }),
  );
  assert.deepEqual(await linesOf(layer), [
    'file a\u00c3\u00a4 0644 4294967294 0 1 500000000 3',
    'data 0 3 abc',
    `symlink s long ${TIME}`,
    'file t 0644 0 0 0 0 0',
    'file u 0644 0 0 1 123456789 0',
    'file v 0644 4000000 0 0 0 0',
    `symlink ${'n'.repeat(100)}/${'m'.repeat(100)} ${'l'.repeat(101)} ${TIME}`,
  ]);
});

test('unpackLayer() expands sparse files of every form', async () => {
  const name = 'GNUSparseFile.0/s';
  const old = Buffer.alloc(512);
  old.write(piece(2000, 1), 0, 'latin1');
  const header = entry({
    name: 's',
    type: 'S',
    magic: 'ustar  \0',
    size: 4,
    patch: [
      [386, piece(10, 1) + piece(20, 1) + piece(30, 1) + piece(40, 0)],
      [482, '\x01'],
      [483, `${(3000).toString(8).padStart(11, '0')}\0`],
    ],
  });
  const data = Buffer.alloc(512);
  data.write('abcd');
  const layers: readonly (readonly [Buffer, string[]])[] = [
    [
      tar(
        pax([
          ['GNU.sparse.size', '9'],
          ['GNU.sparse.numblocks', '2'],
          ['GNU.sparse.offset', '1'],
          ['GNU.sparse.numbytes', '1'],
          ['GNU.sparse.offset', '5'],
          ['GNU.sparse.numbytes', '2'],
        ]),
        entry({ name: 's', data: 'abc' }),
      ),
      [`file s 0644 ${TIME} 9`, 'data 1 1 a', 'data 5 2 bc'],
    ],
    [
      tar(
        pax([
          ['GNU.sparse.size', '9'],
          ['GNU.sparse.numblocks', '2'],
          ['GNU.sparse.map', '1,1,5,2'],
          ['GNU.sparse.name', 's'],
        ]),
        entry({ name, data: 'abc' }),
      ),
      [`file s 0644 ${TIME} 9`, 'data 1 1 a', 'data 5 2 bc'],
    ],
    [
      tar(
        pax([
          ['GNU.sparse.major', '1'],
          ['GNU.sparse.minor', '0'],
          ['GNU.sparse.realsize', '9'],
          ['GNU.sparse.name', 's'],
        ]),
        entry({ name, data: `${numbers('2\n1\n1\n5\n2\n')}abc` }),
      ),
      [`file s 0644 ${TIME} 9`, 'data 1 1 a', 'data 5 2 bc'],
    ],
    [
      tar(header, old, data),
      [`file s 0644 ${TIME} 3000`, 'data 10 1 a', 'data 20 1 b', 'data 30 1 c', 'data 2000 1 d'],
    ],
  ];
  for (const [layer, lines] of layers)
    assert.deepEqual(await linesOf(Buffer.concat([layer.subarray(0, -1024), tar(entry({ name: 'z' }))])), [
      ...lines,
      `file z 0644 ${TIME} 0`,
    ]);
});

test('unpackLayer() turns whiteouts into lines', async () => {
  const layer = tar(
    ...['.wh.a', 'd/.wh.b', 'd/.wh..wh..opq', '.wh..wh..opq', './.wh.c', '.wh....', '.wh..wh'].map((name) =>
      entry({ name }),
    ),
    entry({ name: '.wh.l', type: '1', linkname: '.wh..wh.aufs' }),
    entry({ name: 'a.wh.b' }),
  );
  assert.deepEqual(await linesOf(layer), [
    'remove a',
    'remove d/b',
    'opaque d',
    'opaque .',
    'remove c',
    'remove ...',
    'remove .wh',
    'remove l',
    `file a.wh.b 0644 ${TIME} 0`,
  ]);
});

test('unpackLayer() leaves out devices and reserved names, and says so once', async () => {
  const device = entry({ name: 'a', type: '3', devmajor: 1, devminor: 3 });
  const { result, stream } = await collect(
    tar(device, device, entry({ name: 'b', type: '4', devmajor: 8 }), entry({ name: '.wh..wh.aufs' })),
  );
  assert.equal(stream.toString(), 'tree 1\nend 0\n');
  assert.deepEqual(result.warnings, [
    'left out a character device (2 times)',
    'left out a block device',
    'left out a name that AUFS reserves',
  ]);
});

test('unpackLayer() keeps its warnings few', async () => {
  const parts = Array.from({ length: 200 }, (_, n) => [
    pax([[`SCHILY.xattr.trusted.a${n}`, 'x']]),
    entry({ name: `f${n}` }),
  ]).flat();
  const { result } = await collect(tar(...parts));
  assert.equal(result.warnings.length, 65);
  assert.equal(result.warnings.at(-1), 'left out something else (136 times)');
});

test('unpackLayer() refuses what is beyond its limits', async () => {
  const two = tar(entry({ name: 'a', data: 'x'.repeat(600) }), entry({ name: 'b' }));
  const limits = [
    { entries: 1 },
    { compressedBytes: 1000 },
    { uncompressedBytes: 599 },
    { depth: 0 },
    { componentBytes: 0 },
    { pathBytes: 0 },
  ];
  for (const limit of limits) await assert.rejects(collect(two, { limits: limit }), REFUSED, JSON.stringify(limit));
  await collect(two, { limits: { entries: 2, depth: 1, componentBytes: 1, pathBytes: 1 } });
});

test('unpackLayer() ends when nobody reads its output any more', async () => {
  const broken = new Error('broken');
  const output = new Writable({ write: (_chunk, _encoding, done) => done(broken) });
  const layer = tar(entry({ name: 'a', data: Buffer.alloc(10_000_000, 'x') }));
  await assert.rejects(unpackLayer(pieces(layer, 100_000), output, { mediaType: TAR }), broken);
});
