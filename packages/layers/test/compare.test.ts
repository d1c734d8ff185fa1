// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { collect, TAR } from './collect.ts';
import { describeDisk, listTrees, scratch, skip, unpack } from './disk.ts';
import { entry, tar } from './tar-writer.ts';

/** A tree with everything that an archive can hold and an image may have. */
const TREE = `
  set -e
  umask 022
  mkdir -p a/b/c empty "with space" "$(printf 'bytes \\377\\n')" ${'long-directory-name/'.repeat(12)}
  echo some text > a/b/file
  head -c 100000 /dev/zero | tr '\\0' x > a/b/c/large
  : > a/none
  ln a/b/file a/b/c/hard; ln a/b/file zz-hard
  ln -s b/file a/relative; ln -s /nowhere "with space/absolute"; ln -s ${'x'.repeat(300)} a/long-link
  mkfifo -m 640 a/pipe
  echo > ${'long-directory-name/'.repeat(12)}${'f'.repeat(200)}
  truncate -s 3M a/sparse; echo data | dd of=a/sparse bs=1 seek=1500000 conv=notrunc status=none
  truncate -s 1M a/holes
  for n in $(seq 60); do echo y | dd of=a/many bs=1 seek=$((n * 65536)) conv=notrunc status=none; done
  chown 12345:54321 a/none a/pipe; chown -h 7:8 a/relative; chown 2000000:2097151 a/b/c
  chmod 4711 a/b/c/large; chmod 2755 a/b; chmod 1777 empty; chmod 0 a/none
  setfattr -n user.name -v value a/b/file a/b
  setfattr -n security.capability -v 0x0100000200200000000000000000000000000000 a/b/c/large
  find . -exec touch -h -d 2001-02-03T04:05:06.123456789Z {} +
  touch -d 1970-01-01T00:00:00Z empty`;

const python = (format: string): string[] => [
  'python3',
  '-c',
  `import sys, tarfile; t = tarfile.open(sys.argv[1], 'w', format=tarfile.${format}); t.add('.'); t.close()`,
];

/** Programs that write an archive of the working directory to the last argument. */
const WRITERS: Readonly<Record<string, readonly string[]>> = {
  'GNU tar, gnu': ['tar', '--format=gnu', '-cf'],
  'GNU tar, oldgnu': ['tar', '--format=oldgnu', '-cf'],
  'GNU tar, pax': ['tar', '--format=pax', '--xattrs', '--xattrs-include=*', '-cf'],
  'GNU tar, gnu sparse': ['tar', '--format=gnu', '-S', '-cf'],
  'GNU tar, pax sparse 0.0': ['tar', '--format=pax', '-S', '--sparse-version=0.0', '-cf'],
  'GNU tar, pax sparse 0.1': ['tar', '--format=pax', '-S', '--sparse-version=0.1', '-cf'],
  'GNU tar, pax sparse 1.0': ['tar', '--format=pax', '-S', '--sparse-version=1.0', '-cf'],
  'GNU tar, absolute names': ['tar', '-P', '--format=pax', '--transform', 's,^\\.,/,', '-cf'],
  'Python, pax': python('PAX_FORMAT'),
  'Python, gnu': python('GNU_FORMAT'),
};

const DOT = ['.'];

test('unpack makes of an archive what GNU tar makes of it, whoever wrote it', { skip }, async () => {
  using directory = scratch();
  const original = join(directory.path, 'original');
  mkdirSync(original);
  execFileSync('sh', ['-c', TREE], { cwd: original });
  for (const [writer, [program = '', ...args]] of Object.entries(WRITERS)) {
    const place = join(directory.path, writer);
    const [ours, theirs, archive] = [join(place, 'ours'), join(place, 'theirs'), join(place, 'archive.tar')];
    mkdirSync(ours, { recursive: true });
    mkdirSync(theirs);
    execFileSync(program, [...args, archive, ...(program === 'tar' ? DOT : [])], {
      cwd: original,
      stdio: ['ignore', 'ignore', 'ignore'],
    });
    const { stream, result } = await collect(readFileSync(archive));
    assert.deepEqual(result.warnings, []);
    assert.deepEqual(unpack(ours, stream), { status: 0, stderr: '' }, writer);
    execFileSync('tar', ['--xattrs', '--xattrs-include=*', '--numeric-owner', '-xpf', archive], {
      cwd: theirs,
      stdio: ['ignore', 'ignore', 'ignore'],
    });
    const [mine = [], his = [], first = []] = listTrees([ours, theirs, original]);
    assert.deepEqual(describeDisk(mine), describeDisk(his), writer);
    assert.equal(mine.length, first.length);
    if (!writer.includes('sparse')) continue;
    const blocks = (nodes: typeof mine): number | undefined => nodes.find(({ path }) => path === 'a/sparse')?.blocks;
    assert.equal(blocks(mine), blocks(first), `${writer} keeps holes`);
  }
});

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function dir(name: string, mode = 0o755): Buffer {
  return entry({ name: `${name}/`, type: '5', mode });
}

function file(name: string, data = name, mode = 0o644): Buffer {
  return entry({ name, data, mode, uid: 5, gid: 6 });
}

function wh(name: string): Buffer {
  return entry({ name });
}

/** Writes an image of one platform, and returns its directory. */
function writeImage(path: string, layers: readonly Buffer[]): string {
  mkdirSync(join(path, 'blobs/sha256'), { recursive: true });
  const blob = (mediaType: string, bytes: Buffer): object => {
    writeFileSync(join(path, 'blobs/sha256', digest(bytes)), bytes);
    return {
      mediaType: `application/vnd.oci.image.${mediaType}`,
      digest: `sha256:${digest(bytes)}`,
      size: bytes.length,
    };
  };
  const config = blob(
    'config.v1+json',
    json({
      architecture: 'amd64',
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => `sha256:${digest(layer)}`) },
    }),
  );
  const manifest = blob(
    'manifest.v1+json',
    json({
      schemaVersion: 2,
      config,
      layers: layers.map((layer) => blob('layer.v1.tar+gzip', gzipSync(layer))),
    }),
  );
  writeFileSync(join(path, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(
    join(path, 'index.json'),
    json({
      schemaVersion: 2,
      manifests: [{ ...manifest, annotations: { 'org.opencontainers.image.ref.name': 'latest' } }],
    }),
  );
  return path;
}

const umociMissing = spawnSync('umoci', ['--version']).error === undefined ? false : 'umoci is not installed';

test('unpack makes of layers what umoci makes of them', { skip: skip || umociMissing }, async () => {
  using directory = scratch();
  const layers = [
    tar(
      dir('.'),
      dir('a'),
      file('a/1'),
      file('a/2'),
      dir('a/d'),
      file('a/d/3'),
      dir('b'),
      file('b/1'),
      dir('c'),
      file('c/1'),
      dir('c/d'),
      file('c/d/1'),
      entry({ name: 'l', type: '2', linkname: 'a' }),
      entry({ name: 'h', type: '1', linkname: 'a/1' }),
      file('f'),
      dir('g'),
      file('g/1'),
    ),
    tar(
      dir('.'),
      wh('a/.wh.1'),
      wh('.wh.b'),
      dir('c'),
      file('c/2'),
      wh('c/.wh..wh..opq'),
      dir('f'),
      file('f/1'),
      file('g'),
      entry({ name: 'p', type: '6' }),
      file('a/2', 'new', 0o4755),
      wh('.wh.nothing'),
      entry({ name: 'l', type: '2', linkname: 'b' }),
    ),
    tar(dir('.'), dir('b', 0o700), file('b/new'), wh('.wh.g'), dir('c', 0o711), wh('.wh.f'), file('f', 'again')),
  ];
  const image = writeImage(join(directory.path, 'image'), layers);
  const bundle = join(directory.path, 'bundle');
  execFileSync('umoci', ['unpack', '--image', `${image}:latest`, bundle], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ours = join(directory.path, 'ours');
  mkdirSync(ours);
  for (const layer of layers) {
    const { stream } = await collect(gzipSync(layer), { mediaType: `${TAR}+gzip` });
    assert.deepEqual(unpack(ours, stream), { status: 0, stderr: '' });
  }
  const [mine = [], his = []] = listTrees([ours, join(bundle, 'rootfs')]);
  assert.deepEqual(describeDisk(mine), describeDisk(his));
});
