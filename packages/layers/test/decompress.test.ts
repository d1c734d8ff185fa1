// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { collect, pieces, TAR } from './collect.ts';
import { entry, tar } from './tar-writer.ts';

const REFUSED = { name: 'Failure', status: 65, message: /^cannot unpack layer: / };
const GZIP = { mediaType: `${TAR}+gzip` };
const ZSTD = { mediaType: `${TAR}+zstd` };

const layer = tar(entry({ name: 'a', data: Buffer.alloc(300_000, 'some text ') }), entry({ name: 'b', data: 'y' }));
const halves = [layer.subarray(0, 200_000), layer.subarray(200_000)];
const skippable = Buffer.concat([Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0]), Buffer.from('abc')]);

test('unpackLayer() reads gzip and zstd of several members, in pieces of any length', async () => {
  const { stream } = await collect(layer);
  const gzip = Buffer.concat([...halves, Buffer.alloc(0)].map((half) => gzipSync(half)));
  const zstd = Buffer.concat([
    skippable,
    ...[...halves, Buffer.alloc(0)].map((half) => zstdCompressSync(half)),
    skippable,
  ]);
  const checked = zstdCompressSync(layer, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
  for (const length of [1, 7, 1000, 1_000_000]) {
    assert.deepEqual((await collect(pieces(gzip, length), GZIP)).stream, stream);
    assert.deepEqual((await collect(pieces(zstd, length), ZSTD)).stream, stream);
    assert.deepEqual((await collect(pieces(checked, length), ZSTD)).stream, stream);
  }
});

test('unpackLayer() refuses compressed data that is cut short, damaged or followed by something', async () => {
  const gzip = gzipSync(layer);
  const zstd = zstdCompressSync(layer, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
  for (const [blob, options] of [
    [gzip, GZIP],
    [zstd, ZSTD],
  ] as const) {
    const damaged = Buffer.from(blob);
    damaged[blob.length - 6] = (damaged[blob.length - 6] ?? 0) ^ 1;
    const wrong = [
      blob.subarray(0, -1),
      blob.subarray(0, -9),
      blob.subarray(0, 5),
      blob.subarray(0, 3),
      blob.subarray(0, 0),
      damaged,
      ...['\0', '\0'.repeat(1000), 'x', 'xxxxxxxxxxxx', '\x1f\x8b', '\x28\xb5\x2f\xfd'].map((tail) =>
        Buffer.concat([blob, Buffer.from(tail, 'latin1')]),
      ),
    ];
    for (const [index, each] of wrong.entries()) {
      for (const length of [7, 1_000_000])
        await assert.rejects(collect(pieces(each, length), options), REFUSED, `${options.mediaType} ${index}`);
    }
  }
});

test('unpackLayer() refuses a layer that is not what its media type says', async () => {
  await assert.rejects(collect(layer, GZIP), REFUSED);
  await assert.rejects(collect(layer, ZSTD), REFUSED);
  await assert.rejects(collect(gzipSync(layer)), REFUSED);
  await assert.rejects(collect(gzipSync(layer), ZSTD), REFUSED);
  await assert.rejects(collect(zstdCompressSync(layer), GZIP), REFUSED);
  await assert.rejects(collect(layer, { mediaType: 'application/vnd.oci.image.config.v1+json' }), REFUSED);
  await assert.rejects(collect(layer, { mediaType: 'constructor' }), REFUSED);
});

test('unpackLayer() takes the media types of OCI and Docker', async () => {
  const blobs = { '': layer, '+gzip': gzipSync(layer), '+zstd': zstdCompressSync(layer) };
  for (const [suffix, blob] of Object.entries(blobs)) {
    for (const base of ['oci.image.layer.v1.tar', 'oci.image.layer.nondistributable.v1.tar'])
      await collect(blob, { mediaType: `application/vnd.${base}${suffix}` });
    for (const base of ['diff', 'foreign.diff'])
      await collect(blob, { mediaType: `application/vnd.docker.image.rootfs.${base}.tar${suffix.replace('+', '.')}` });
  }
});

test('unpackLayer() refuses a zstd frame that asks for more than 128 MiB', async () => {
  const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00]);
  await assert.rejects(collect(Buffer.concat([head, Buffer.from([(18 << 3) | 0, 1, 0, 0])]), ZSTD), {
    message: /2\^27/,
  });
  await assert.rejects(collect(Buffer.concat([head, Buffer.from([17 << 3, 1, 0, 0])]), ZSTD), {
    message: /without two blocks/,
  });
});

test('unpackLayer() refuses more zstd frames or blocks than its limits', async () => {
  const blob = Buffer.concat([...halves.map((half) => zstdCompressSync(half)), skippable]);
  await collect(blob, { ...ZSTD, limits: { zstdFrames: 3, zstdBlocks: 4 } });
  await assert.rejects(collect(blob, { ...ZSTD, limits: { zstdFrames: 2 } }), REFUSED);
  await assert.rejects(collect(blob, { ...ZSTD, limits: { zstdBlocks: 2 } }), REFUSED);
});

test('unpackLayer() stops a bomb early, in little memory', () => {
  const script = `
    import { Writable, Readable } from 'node:stream';
    import { gzipSync, zstdCompressSync } from 'node:zlib';
    import { unpackLayer } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)};
    const compress = process.argv[1] === 'gzip' ? gzipSync : zstdCompressSync;
    const header = Buffer.from(process.argv[2] ?? '', 'base64');
    const member = compress(Buffer.alloc(2 ** 26));
    async function* bomb() { yield compress(header); for (let n = 0; n < 160; n += 1) yield member; }
    const output = new Writable({ write: (chunk, encoding, done) => done() });
    const mediaType = 'application/vnd.oci.image.layer.v1.tar+' + process.argv[1];
    await unpackLayer(bomb(), output, { mediaType }).catch((error) => console.log(error.message));
    console.log(process.resourceUsage().maxRSS);`;
  const header = entry({ name: 'a', size: 160 * 2 ** 26 }).toString('base64');
  for (const kind of ['gzip', 'zstd']) {
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['--conditions=source', '--input-type=module', '-e', script, kind, header],
      { encoding: 'utf8' },
    );
    const [message = '', rss] = stdout.split('\n');
    assert.match(message, /expands to more than 200 times its size/, stderr);
    // The 64 MiB that the script itself compresses are part of it.
    assert.ok(Number(rss) < (150 + 64) * 1024, `${rss} KiB`);
  }
});
