// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Failure } from '@rkt/exit';
import { layerLimits } from '../src/limits.ts';
import { sourceOf } from '../src/source.ts';
import { readTar, type TarEntry } from '../src/tar/reader.ts';
import { pieces } from './collect.ts';
import { entry, gnuLong, pax, tar, withChecksum } from './tar-writer.ts';

const parts = [
  entry({ name: 'dir/', type: '5', mode: 0o755 }),
  entry({ name: 'dir/file', data: 'some data' }),
  entry({ name: 'plain', magic: '\0'.repeat(8), data: 'x'.repeat(600) }),
  entry({ name: 'link', type: '1', linkname: 'dir/file' }),
  entry({ name: 'symlink', type: '2', linkname: 'dir' }),
  entry({ name: 'fifo', type: '6' }),
  entry({ name: 'name', prefix: 'some/prefix', uid: 1000, gid: 1000 }),
  pax([
    ['path', 'other'],
    ['mtime', '1700000001.5'],
  ]),
  entry({ name: 'overridden' }),
  gnuLong({ name: 'n'.repeat(120), data: 'y' }),
  entry({ name: 'device', type: '3', devmajor: 1, devminor: 3 }),
];

/** Where the headers are; data blocks are not among them. */
const headers: readonly number[] = [0, 512, 1536, 3072, 3584, 4096, 4608, 5120, 6144, 6656, 7680, 8704];

type Row = readonly [string, string, number, number, number, number, string, number];

async function list(bytes: Buffer): Promise<Row[] | undefined> {
  const rows: Row[] = [];
  try {
    for await (const each of readTar(sourceOf(pieces(bytes, 4096)), layerLimits)) rows.push(rowOf(each));
    return rows;
  } catch (error) {
    assert.ok(error instanceof Failure, String(error));
    return undefined;
  }
}

const TYPES: Readonly<Record<string, string>> = {
  file: '0',
  link: '1',
  symlink: '2',
  character: '3',
  block: '4',
  directory: '5',
  fifo: '6',
};

function rowOf({ path, type, mode, uid, gid, mtime, linkname, size }: TarEntry): Row {
  return [path, TYPES[type] ?? '', mode, uid, gid, mtime.seconds, linkname, size];
}

/** Python keeps what a name looks like, and has three types of files. */
function normalise([name, type, mode, uid, gid, mtime, linkname, size]: Row): Row {
  const kind = type === '\0' || type === '7' || type === 'S' ? '0' : type;
  const target = kind === '1' ? plain(linkname) : kind === '2' ? linkname : '';
  return [plain(name), kind, mode, uid, gid, Math.max(0, mtime), target, size];
}

function pythonLists(tars: readonly Buffer[]): unknown[] {
  const input = Buffer.concat(tars.flatMap((bytes) => [Buffer.from(String(bytes.length).padStart(8, '0')), bytes]));
  const { stdout, stderr } = spawnSync('python3', [join(import.meta.dirname, 'list-tars.py')], {
    input,
    maxBuffer: 2 ** 30,
    encoding: 'utf8',
  });
  const lists: unknown[] = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  assert.equal(lists.length, tars.length, stderr);
  return lists;
}

function isRows(value: unknown): value is Row[] {
  return Array.isArray(value);
}

/** The names that GNU tar lists, or undefined if it finds fault. */
function gnuLists(bytes: Buffer): string[] | undefined {
  const args = ['--list', '--quoting-style=literal', '--absolute-names', '--file=-'];
  const { status, stdout } = spawnSync('tar', args, { input: bytes, encoding: 'latin1' });
  return status === 0 ? stdout.split('\n').slice(0, -1).map(plain) : undefined;
}

function plain(path: string): string {
  return (
    path
      .split('/')
      .filter((part) => part !== '' && part !== '.')
      .join('/') || '.'
  );
}

test('readTar() lists what Python and GNU tar list, for every tar that it accepts', async () => {
  const base = tar(...parts);
  assert.equal((await list(base))?.length, 10);
  const mutation = fc.tuple(
    fc.constantFrom(...headers),
    fc.nat(511).filter((at) => at < 148 || at >= 156),
    fc.oneof(fc.nat(255), fc.constantFrom(0, 0x20, 0x2f, 0x2e, 0x30, 0x31, 0x35, 0x37, 0x38, 0x80, 0xff)),
  );
  const accepted: { bytes: Buffer; rows: Row[]; what: string }[] = [];
  let refused = 0;
  for (const [header, at, value] of fc.sample(mutation, {
    numRuns: Number(process.env['FC_RUNS'] ?? 4000),
    seed: Number(process.env['FC_SEED'] ?? 1),
  })) {
    const bytes = Buffer.from(base);
    bytes[header + at] = value;
    withChecksum(bytes.subarray(header, header + 512));
    const rows = await list(bytes);
    if (rows === undefined) refused += 1;
    else accepted.push({ bytes, rows, what: `byte ${at} of the header at ${header} is ${value}` });
  }
  assert.ok(refused > 100, `${refused}`);
  for (const [index, theirs] of pythonLists(accepted.map(({ bytes }) => bytes)).entries()) {
    const { rows, what } = accepted[index] ?? {};
    assert.ok(isRows(theirs), `${what}: ${String(theirs)}`);
    assert.deepEqual(rows, theirs.map(normalise), what);
  }
  for (const { bytes, rows, what } of accepted.slice(0, Number(process.env['FC_GNU'] ?? 100))) {
    const expected = rows.map(([name]) => name);
    if (expected.every((name) => !name.includes('\n'))) assert.deepEqual(gnuLists(bytes), expected, what);
  }
});
