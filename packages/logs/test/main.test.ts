// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, chmodSync, existsSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { libraryFile } from '@rkt/files';
import { holdLock, makePod, runBin, startBin, TemporaryDirectory, type Running } from '@rkt/pod-fixtures';
import type { Pod } from '@rkt/pods';

const IOMUX = libraryFile('iomux');
const skip = existsSync(IOMUX) ? false : 'iomux is not built';
const isRoot = process.getuid?.() === 0;

interface Written {
  readonly app?: string;
  readonly script: string;
  readonly args?: readonly string[];
}

/** Runs a program whose output iomux writes into the log of the app. */
async function runApp(pod: Pod, { app = 'app', script, args = [] }: Written): Promise<void> {
  const directory = join(pod.path, 'apps', app);
  mkdirSync(join(directory, 'iomux'), { recursive: true });
  const words = [IOMUX, '--stdout=3', '--stderr=4', `--log=${directory}/log`, ...args, 'iomux'];
  const pipes = `mkfifo o e; "$@" 3<o 4<e & (${script}) >o 2>e; wait $!`;
  const child = spawn('sh', ['-c', pipes, '-', ...words], { cwd: directory, stdio: 'inherit' });
  assert.deepEqual(await once(child, 'exit'), [0, null]);
}

/** A log as iomux would have written it at these times: that of an app, or a file in its directory. */
function writeLog(pod: Pod, file: string, lines: readonly string[]): string {
  const path = join(pod.path, 'apps', file.includes('/') ? file : `${file}/log`);
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
  return path;
}

const at = (second: number, text: string, stream = 'stdout F'): string =>
  `2026-01-01T00:00:${String(second).padStart(2, '0')}.000000000Z ${stream} ${text}`;

test('rkt-logs prints each output to its own descriptor', { skip }, async () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'run' });
  await runApp(pod, { script: 'echo out; echo err >&2; echo; printf rest' });
  const result = runBin('rkt-logs', [`--dir=${dir.path}`, pod.uuid]);
  assert.deepEqual(result, { status: 0, stdout: 'out\n\nrest', stderr: 'err\n' });
});

test('rkt-logs prints the bytes that an app wrote, whatever iomux made of them', { skip }, async () => {
  const part = fc.oneof(
    fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
    fc.constant(Buffer.from('\n')),
    fc.integer({ min: 1, max: 70_000 }).map((size) => Buffer.alloc(size, 'xé')),
  );
  const property = fc.asyncProperty(fc.array(part, { maxLength: 20 }), async (parts) => {
    using dir = new TemporaryDirectory();
    const pod = makePod(dir.path, { phase: 'run' });
    writeFileSync(join(pod.path, 'input'), Buffer.concat(parts));
    await runApp(pod, { script: 'cat ../../input', args: ['--max-size=20000', '--max-files=100'] });
    const { stdout, stderr } = await bytesOf(startBin('rkt-logs', [`--dir=${dir.path}`, pod.uuid]));
    assert.deepEqual([stdout, stderr.toString()], [Buffer.concat(parts), '']);
  });
  await fc.assert(property, { numRuns: 8 });
});

async function bytesOf(running: Running): Promise<{ stdout: Buffer; stderr: Buffer }> {
  const pieces: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] };
  for (const name of ['stdout', 'stderr'] as const)
    running.child[name]?.on('data', (piece: Buffer) => pieces[name].push(piece));
  await new Promise((resolve) => running.child.on('close', resolve));
  return { stdout: Buffer.concat(pieces.stdout), stderr: Buffer.concat(pieces.stderr) };
}

test('rkt-logs prints the lines of several apps by their times, each behind its name', () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { apps: ['a', 'b', 'c'] });
  writeLog(pod, 'a', [at(1, 'one'), at(4, 'four', 'stderr F'), at(5, 'fi', 'stdout P'), at(7, 've')]);
  writeLog(pod, 'b', [at(2, 'two'), at(3, 'three'), at(6, 'six')]);
  const all = runBin('rkt-logs', [`--dir=${dir.path}`, pod.uuid]);
  assert.equal(all.stdout, 'a: one\nb: two\nb: three\nb: six\na: five\n');
  assert.equal(all.stderr, `a: four\nrkt-logs: app "c" of pod "${pod.uuid}" has no log\n`);
  assert.equal(runBin('rkt-logs', [`--dir=${dir.path}`, pod.uuid, 'b']).stdout, 'two\nthree\nsix\n');
  assert.equal(runBin('rkt-logs', [`--dir=${dir.path}`, pod.uuid, 'b', 'a']).stdout, all.stdout);
});

test('rkt-logs prints times, and what lies between two of them', () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path);
  writeLog(pod, 'app', [at(1, '1'), at(2, '2'), at(3, '3'), at(4, '4'), at(59, 'rest', 'stdout P')]);
  const logs = (...words: readonly string[]) => runBin('rkt-logs', [`--dir=${dir.path}`, ...words, pod.uuid]).stdout;
  assert.equal(logs('--since=2026-01-01T01:00:02+01:00', '--until=2026-01-01T00:00:03Z'), '2\n3\n');
  assert.equal(logs('--since=2026-01-01T00:00:03.000000001Z'), '4\nrest');
  assert.equal(logs('--since=2026-01-02'), '');
  assert.equal(logs('--until=2026-01-01'), '');
  assert.equal(logs('--since=1h'), '');
  assert.equal(logs('--since=1000000h'), '1\n2\n3\n4\nrest');
  assert.equal(logs('--tail=2'), '3\n4\nrest');
  assert.equal(logs('--tail=0', '--until=2026-01-01T00:00:09Z'), '');
  assert.equal(logs('--tail=1', '--until=2026-01-01T00:00:02Z'), '2\n');
  assert.equal(
    logs('--tail=1', '--timestamps'),
    '2026-01-01T00:00:04.000000000Z 4\n2026-01-01T00:00:59.000000000Z rest',
  );
});

test('rkt-logs reads what was rotated, the oldest first', () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path);
  for (let number = 11; number > 0; number--) writeLog(pod, `app/log.${number}`, [at(20 - number, `${number}`)]);
  writeLog(pod, 'app', [at(30, '0')]);
  for (const name of ['log.01', 'log.x', 'log.1.gz', 'logs']) writeLog(pod, `app/${name}`, [at(1, name)]);
  const { stdout } = runBin('rkt-logs', [`--dir=${dir.path}`, pod.uuid]);
  assert.equal(stdout, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0].map((number) => `${number}\n`).join(''));
});

test('rkt-logs leaves out what is no record, and says so once', () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path);
  const path = writeLog(pod, 'app', [
    at(1, 'good'),
    'bad',
    '',
    at(2, 'x', 'stdin F'),
    'x'.repeat(3_000_000),
    at(3, 'also'),
  ]);
  appendFileSync(path, at(4, 'not yet whole'));
  const { status, stdout, stderr } = runBin('rkt-logs', [`--dir=${dir.path}`, pod.uuid]);
  assert.deepEqual([status, stdout], [0, 'good\nalso\n']);
  assert.equal(stderr, `rkt-logs: cannot read all of "${path}": what is not a record of a log is left out\n`);
});

test('rkt-logs follows no symbolic link and waits for no FIFO', () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { apps: ['link', 'fifo'] });
  symlinkSync('/etc/passwd', join(pod.path, 'apps/link/log'));
  spawnSync('mkfifo', [join(pod.path, 'apps/fifo/log')]);
  for (const app of ['link', 'fifo']) {
    const { status, stdout, stderr } = runBin('rkt-logs', [`--dir=${dir.path}`, pod.uuid, app]);
    assert.deepEqual([status, stdout], [65, '']);
    assert.match(stderr, /^rkt-logs: cannot read ".*\/log": not a regular file\n$/);
  }
  renameSync(join(pod.path, 'apps'), join(pod.path, 'other'));
  symlinkSync('other', join(pod.path, 'apps'));
  assert.match(
    runBin('rkt-logs', [`--dir=${dir.path}`, pod.uuid, 'link']).stderr,
    /^rkt-logs: app "link" of pod ".*" has no log\n$/,
  );
});

test('rkt-logs -f prints every line over all rotations, and ends with the pod', { skip, timeout: 60_000 }, async () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { apps: ['a', 'b'], phase: 'run' });
  await using holder = await holdLock(pod.path);
  await using logs = startBin('rkt-logs', [`--dir=${dir.path}`, '-f', pod.uuid]);
  const output = bytesOf(logs);
  const script = 'i=0; while [ $i -lt 40 ]; do seq $i 40 2000; i=$((i+1)); sleep 0.03; done';
  const args = ['--max-size=20000', '--max-files=50'];
  await Promise.all(['a', 'b'].map((app) => runApp(pod, { app, script, args })));
  holder.child.kill('SIGKILL');
  const { stdout, stderr } = await output;
  assert.equal(stderr.toString(), '');
  const expected = spawnSync('sh', ['-c', script.replace('sleep 0.03', ':')]).stdout.toString();
  const lines = stdout.toString().split('\n').slice(0, -1);
  for (const app of ['a', 'b']) {
    const own = lines.filter((line) => line.startsWith(`${app}: `)).map((line) => `${line.slice(3)}\n`);
    assert.equal(own.join(''), expected);
  }
});

test('rkt-logs -f prints a line when it is written, wherever the pod has moved', { timeout: 60_000 }, async () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path);
  await using logs = startBin('rkt-logs', [`--dir=${dir.path}`, '--follow', '--tail=1', pod.uuid]);
  const output = logs.child.stdout?.setEncoding('utf8')[Symbol.asyncIterator]();
  const path = join(dir.path, 'pods/run', pod.uuid);
  mkdirSync(join(dir.path, 'pods/run'), { recursive: true });
  await using holder = await holdLock(pod.path);
  renameSync(pod.path, path);
  writeFileSync(join(path, 'apps/app/log'), `${at(1, 'first')}\n`);
  assert.equal((await output?.next())?.value, 'first\n');
  appendFileSync(join(path, 'apps/app/log'), at(2, 'second'));
  appendFileSync(join(path, 'apps/app/log'), '\n');
  assert.equal((await output?.next())?.value, 'second\n');
  holder.child.kill('SIGKILL');
  assert.equal(await logs.ended(), 0);
});

test('rkt-logs -f ends when what is written is too new', { timeout: 60_000 }, async () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path);
  writeLog(pod, 'app', [at(1, 'old')]);
  const { status, stdout } = runBin('rkt-logs', [`--dir=${dir.path}`, '-f', '--until=2026-01-01T00:00:05Z', pod.uuid]);
  assert.deepEqual([status, stdout], [0, 'old\n']);
});

test('rkt-logs refuses wrong command lines and what is not there', () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path);
  const refused = (...words: readonly string[]) => {
    const { status, stdout, stderr } = runBin('rkt-logs', [`--dir=${dir.path}`, ...words]);
    assert.equal(stdout, '');
    assert.match(stderr, /^rkt-logs: [^\n]+\n$/);
    return status;
  };
  assert.equal(refused(), 64);
  for (const word of [
    '--since=yesterday',
    '--since=2026-13-01',
    '--until=5x',
    '--tail=-1',
    '--tail=all',
    '--tail=',
    '--no',
  ])
    assert.equal(refused(word, pod.uuid), 64, word);
  assert.equal(refused('00000000'), 66);
  assert.equal(refused(pod.uuid, 'none'), 66);
});

test('rkt-logs refuses an ordinary user the pods of root', { skip: !isRoot && 'needs root' }, () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path);
  chmodSync(dir.path, 0o755);
  const { status, stderr } = runBin('rkt-logs', [`--dir=${dir.path}`, pod.uuid], { user: 65534 });
  assert.deepEqual(
    [status, stderr],
    [77, `rkt-logs: cannot read the logs of pods in "${dir.path}": not root: wanted sudo\n`],
  );
});
