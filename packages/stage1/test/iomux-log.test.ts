// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { App, bytesOf, endAndErrors, IOMUX, MAX_LINE, model, parseCri, runIomux, skip, until } from './iomux.ts';
import { endOf } from './stage1.ts';

const sizeOf = (path: string): number => (existsSync(path) ? statSync(path).size : -1);

/** Bytes as they matter to the formats: line feeds, halves of characters, what JSON escapes, and long lines. */
const output = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }).map((text) => Buffer.from(text)) },
      { weight: 4, arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)) },
      { weight: 3, arbitrary: fc.constant(Buffer.from('\n')) },
      {
        weight: 1,
        arbitrary: fc.integer({ min: MAX_LINE - 4, max: 3 * MAX_LINE }).map((size) => Buffer.alloc(size, 'xé')),
      },
    ),
    { maxLength: 30 },
  )
  .map((parts) => Buffer.concat(parts));

/** Writes the outputs in pieces, in turn, while iomux runs. */
async function logged(
  outputs: readonly [Buffer, Buffer],
  cuts: readonly number[],
  ...args: readonly string[]
): Promise<Buffer> {
  using app = new App();
  const ends = [app.pipe('stdout').write, app.pipe('stderr').write];
  const child = app.start(...args);
  const rests = [...outputs];
  for (let turn = 0; rests.some((rest) => rest.length > 0); turn++) {
    const rest = rests[turn % 2] ?? Buffer.alloc(0);
    const piece = rest.subarray(0, cuts[turn % cuts.length]);
    if (piece.length > 0) writeSync(ends[turn % 2] ?? -1, piece);
    rests[turn % 2] = rest.subarray(piece.length);
  }
  app.closeWriter('stdout');
  app.closeWriter('stderr');
  const { end, errors } = await endAndErrors(child);
  assert.deepEqual([end, errors, readdirSync(app.directory)], [0, '', []]);
  return readFileSync(app.log);
}

const cuts = fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1, maxLength: 8 });

test('every output becomes the records of CRI that the model says', { skip }, async () => {
  const property = fc.asyncProperty(output, output, cuts, async (stdout, stderr, sizes) => {
    const records = parseCri(await logged([stdout, stderr], sizes, '--format=cri'));
    assert.deepEqual(
      records.filter(({ stream }) => stream === 'stdout'),
      model('stdout', stdout),
    );
    assert.deepEqual(
      records.filter(({ stream }) => stream === 'stderr'),
      model('stderr', stderr),
    );
  });
  await fc.assert(property, { numRuns: 60 });
});

test('every output becomes lines of JSON, with U+FFFD for what is no character', { skip }, async () => {
  const property = fc.asyncProperty(output, cuts, async (stdout, sizes) => {
    const log = (await logged([stdout, Buffer.alloc(0)], sizes, '--format=json')).toString();
    const entries = log
      .split('\n')
      .slice(0, -1)
      .map((line): Record<string, unknown> => JSON.parse(line));
    const wanted = model('stdout', stdout).map(({ text, isFull }) => `${decode(text)}${isFull ? '\n' : ''}`);
    assert.deepEqual(
      entries.map((entry) => entry['log']),
      wanted,
    );
    for (const entry of entries) {
      assert.deepEqual(Object.keys(entry), ['time', 'stream', 'log']);
      assert.match(String(entry['time']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
    }
  });
  await fc.assert(property, { numRuns: 40 });
});

/** One U+FFFD for each byte that is no part of a character, where Node has one for several. */
function decode(bytes: Buffer): string {
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const step = [1, 2, 3, 4].find((length) => {
      const piece = bytes.subarray(at, at + length);
      return (
        piece.length === length &&
        Buffer.from(piece.toString()).equals(piece) &&
        piece.toString().length === (length < 4 ? 1 : 2)
      );
    });
    text += step === undefined ? '\ufffd' : bytes.subarray(at, at + step).toString();
    at += step ?? 1;
  }
  return text;
}

test('as text every output of one stream is logged as it is', { skip }, async () => {
  const property = fc.asyncProperty(output, cuts, async (stdout, sizes) => {
    assert.deepEqual(await logged([stdout, Buffer.alloc(0)], sizes, '--format=text'), stdout);
  });
  await fc.assert(property, { numRuns: 20 });
});

test('times are those of the writing, in the order of the log', { skip }, async () => {
  const before = new Date(Date.now() - 1).toISOString();
  const log = (await logged([Buffer.from('a\nb\n'.repeat(1000)), Buffer.from('c\n')], [7])).toString();
  const times = log
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split(' ')[0] ?? '');
  assert.deepEqual(times, times.toSorted());
  assert.ok((times[0] ?? '') > before && (times.at(-1) ?? '') < new Date(Date.now() + 1).toISOString());
});

test('a line without an end is held back until it has one, whatever other streams write', { skip }, async () => {
  using app = new App();
  app.start();
  writeSync(app.pipe('stdout').write, 'be');
  writeSync(app.pipe('stderr').write, 'other\n');
  await until(() => sizeOf(app.log) > 0);
  writeSync(app.pipe('stdout').write, 'gin\n');
  await until(() => parseCri(readFileSync(app.log)).length === 2);
  assert.deepEqual(
    parseCri(readFileSync(app.log)).map(({ text }) => text.toString()),
    ['other', 'begin'],
  );
});

test('megabytes without a line feed are cut, and nothing of them is lost', { skip }, async () => {
  using app = new App();
  app.write('head -c 3000000 /dev/zero | tr "\\0" x & yes error | head -c 3000000 >&2; wait');
  assert.equal(await endOf(app.start('--max-size=0')), 0);
  const records = parseCri(readFileSync(app.log));
  assert.ok(records.every(({ text }) => text.length <= MAX_LINE));
  assert.ok(bytesOf(records, 'stdout').equals(Buffer.alloc(3_000_000, 'x')));
  assert.ok(bytesOf(records, 'stderr').equals(Buffer.alloc(3_000_000, 'error\n')));
});

test('a log is rotated before it would be larger than it may', { skip }, async () => {
  using app = new App();
  app.write('seq 1 5000');
  assert.equal(await endOf(app.start('--max-size=8192', '--max-files=1000')), 0);
  const names = readdirSync(app.scratch.directory).filter((name) => name.startsWith('log'));
  assert.ok(names.length > 20);
  const numbers = names.map((name) => Number(name.slice(4) || 0)).toSorted((a, b) => b - a);
  assert.deepEqual(numbers, [...numbers.keys()].toReversed());
  const logs = numbers.map((number) => readFileSync(number === 0 ? app.log : `${app.log}.${number}`));
  assert.ok(logs.every((log) => log.length <= 8192));
  assert.ok(logs.slice(0, -1).every((log) => log.length > 8192 - 50));
  assert.equal(
    bytesOf(parseCri(Buffer.concat(logs)), 'stdout').toString(),
    spawnSync('seq', ['1', '5000']).stdout.toString(),
  );
});

for (const files of [1, 2, 3]) {
  test(`of a log that is rotated ${files} files are kept, the newest`, { skip }, async () => {
    using app = new App();
    app.write('seq 1 5000');
    assert.equal(await endOf(app.start('--max-size=4096', `--max-files=${files}`)), 0);
    const names = readdirSync(app.scratch.directory).filter((name) => name.startsWith('log'));
    assert.deepEqual(names.toSorted(), ['log', 'log.1', 'log.2'].slice(0, files));
    const lines = bytesOf(
      parseCri(
        Buffer.concat(
          names
            .toSorted()
            .toReversed()
            .map((name) => readFileSync(app.scratch.path(name))),
        ),
      ),
      'stdout',
    ).toString();
    assert.ok(spawnSync('seq', ['1', '5000']).stdout.toString().endsWith(lines));
    assert.match(lines, /\n5000\n$/);
  });
}

test('what was rotated when iomux was killed in the middle of it stays', { skip }, async () => {
  using app = new App();
  // As if NAME.1 had become NAME.2 already, and NAME were next.
  writeFileSync(`${app.log}.2`, 'second');
  writeFileSync(`${app.log}.3`, 'third');
  writeFileSync(app.log, 'x'.repeat(4090));
  app.write('echo new');
  assert.equal(await endOf(app.start('--max-size=4096', '--max-files=4')), 0);
  assert.equal(readFileSync(`${app.log}.1`, 'utf8'), 'x'.repeat(4090));
  assert.equal(readFileSync(`${app.log}.2`, 'utf8'), 'second');
  assert.equal(readFileSync(`${app.log}.3`, 'utf8'), 'third');
});

for (const [signal, how] of [
  ['SIGHUP', 'reopens'],
  ['SIGUSR1', 'reopens'],
  ['SIGUSR2', 'rotates'],
] as const) {
  test(`${signal} ${how} the log, and no line is lost`, { skip }, async () => {
    using app = new App();
    const child = app.start();
    const old = `${app.log}.1`;
    writeSync(app.pipe('stdout').write, 'before\n');
    await until(() => sizeOf(app.log) > 0);
    if (how === 'reopens') renameSync(app.log, old);
    child.kill(signal);
    await until(() => sizeOf(app.log) === 0);
    writeSync(app.pipe('stdout').write, 'after\n');
    await until(() => sizeOf(app.log) > 0);
    assert.deepEqual(
      [old, app.log].map((path) => bytesOf(parseCri(readFileSync(path)), 'stdout').toString()),
      ['before\n', 'after\n'],
    );
    assert.equal(statSync(app.log).mode & 0o777, 0o640);
  });
}

test('an outside rotation under load loses no line', { skip }, async () => {
  using app = new App();
  const writer = app.write('seq 1 1000000');
  const child = app.start('--max-size=0');
  let moved = 0;
  while (child.exitCode === null) {
    await Promise.race([delay(5), once(child, 'exit')]);
    if (child.exitCode !== null) break;
    await until(() => existsSync(app.log) || child.exitCode !== null);
    renameSync(app.log, `${app.log}.${++moved}`);
    child.kill('SIGHUP');
    await until(() => existsSync(app.log) || child.exitCode !== null);
  }
  assert.equal(await endOf(writer), 0);
  assert.ok(moved > 1);
  const logs = Array.from({ length: moved }, (_, index) => `${app.log}.${index + 1}`);
  const all = Buffer.concat([...logs, app.log].filter((path) => existsSync(path)).map((path) => readFileSync(path)));
  assert.ok(bytesOf(parseCri(all), 'stdout').equals(spawnSync('seq', ['1', '1000000'], { maxBuffer: 1e8 }).stdout));
});

test('signals that end programs do not end iomux', { skip }, async () => {
  using app = new App();
  const child = app.start();
  await until(() => existsSync(`${app.directory}/attach`));
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGPIPE', 'SIGALRM'] as const) child.kill(signal);
  app.write('echo last words');
  assert.equal(await endOf(child), 0);
  assert.equal(bytesOf(parseCri(readFileSync(app.log)), 'stdout').toString(), 'last words\n');
});

test('a second iomux does not get the directory', { skip }, async () => {
  using app = new App();
  app.start();
  await until(() => existsSync(`${app.directory}/attach`));
  const { end, errors } = await endAndErrors(app.start());
  assert.deepEqual([end, errors], [75, 'iomux: cannot lock "state": resource temporarily unavailable\n']);
});

test('nothing but a file is written to as a log', { skip }, () => {
  using app = new App();
  const target = app.scratch.path('target');
  const run = (path: string) => {
    const words = ['-c', 'echo x | "$@"', '-', IOMUX, '--stdout=0', `--log=${path}`, app.directory];
    const { status, stderr } = spawnSync('sh', words, { encoding: 'utf8' });
    assert.equal(status, 71, stderr);
    return stderr;
  };
  symlinkSync(target, app.scratch.path('link'));
  assert.match(run(app.scratch.path('link')), /^iomux: cannot open ".*link": too many levels of symbolic links\n$/);
  assert.ok(!existsSync(target));
  spawnSync('mkfifo', [app.scratch.path('fifo')]);
  assert.match(run(app.scratch.path('fifo')), /^iomux: cannot open ".*fifo": no such device or address\n$/);
  mkdirSync(app.scratch.path('folder'));
  assert.match(run(app.scratch.path('folder')), /^iomux: cannot open ".*folder": is a directory\n$/);
  assert.match(run(app.scratch.path('none/log')), /^iomux: cannot open ".*none\/": no such file or directory\n$/);
  assert.match(run('/dev/null'), /^iomux: cannot open "\/dev\/null": invalid argument\n$/);
});

test('wrong command lines are refused with 64 and one line', { skip }, () => {
  for (const words of [
    [],
    ['/tmp'],
    ['--stdout=0'],
    ['--stdout=99', '/tmp'],
    ['--stdout=x', '/tmp'],
    ['--stdout=', '/tmp'],
    ['--stdout=0:all', '/tmp'],
    ['--stdout=0:log', '/tmp'],
    ['--stdout=0', '--format=xml', '/tmp'],
    ['--tty=0', '/tmp'],
    ['--stdout=0', '--max-size=1', '/tmp'],
    ['--stdout=0', '--max-files=0', '/tmp'],
    ['--stdout=0', '--log=', '/tmp'],
    ['--stdout=0', '--log=/tmp/', '/tmp'],
    ['--no', '/tmp'],
    ['--stdout=0', '/tmp', '/tmp'],
    ['--stdout=-1', '/tmp'],
    ['--stdout=0', '--max-size=1e9', '/tmp'],
  ]) {
    const { status, stdout, stderr } = runIomux(...words);
    assert.deepEqual([status, stdout], [64, ''], words.join(' '));
    assert.match(stderr, /^iomux: cannot use "[^\n]*": [^\n]+\n$/);
  }
});
