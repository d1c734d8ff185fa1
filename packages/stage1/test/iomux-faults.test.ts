// SPDX-License-Identifier: Apache-2.0
// What happens to iomux and around it: kills, full disks, many of them, other users.
import assert from 'node:assert/strict';
import { spawnSync, type ChildProcess } from 'node:child_process';
import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
} from 'node:fs';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { App, bytesOf, env, IOMUX, parseCri, skip } from './iomux.ts';
import { endOf, Scratch } from './stage1.ts';

const isRoot = process.getuid?.() === 0;

/** The bytes of a file, a piece at a time. */
function* piecesOf(path: string): Generator<Buffer> {
  const fd = openSync(path, 'r');
  const piece = Buffer.alloc(1 << 20);
  for (let length = 1; length > 0;) {
    length = readSync(fd, piece);
    yield piece.subarray(0, length);
  }
  closeSync(fd);
}

/** Kills iomux again and again at random instants and starts it anew, until it ends by itself; returns how often. */
async function killOften(start: () => ChildProcess, mostMs: number): Promise<number> {
  for (let kills = 0; ; kills++) {
    const child = start();
    const isEnded = await Promise.race([
      endOf(child).then(() => true),
      delay(Math.random() * mostMs).then(() => false),
    ]);
    if (!isEnded) child.kill('SIGKILL');
    const end = await endOf(child);
    if (end === 'SIGKILL') continue;
    assert.equal(end, 0);
    return kills;
  }
}

test('of 100 MB no byte is lost and none is there twice, however often iomux is killed', { skip }, async () => {
  using app = new App();
  const reference = app.scratch.path('reference');
  spawnSync('sh', ['-c', `seq 1 12500000 >${reference}`]);
  assert.ok(statSync(reference).size > 100_000_000);
  const writer = app.write(`cat ${reference}`);
  const kills = await killOften(() => app.start('--format=text', '--max-size=0'), 40);
  assert.equal(await endOf(writer), 0);
  assert.ok(kills > 5, `killed ${kills} times`);
  const expected = piecesOf(reference);
  for (const piece of piecesOf(app.log))
    assert.ok(piece.equals(expected.next().value ?? Buffer.alloc(0)), 'the log is what was written');
  assert.deepEqual(readdirSync(app.directory), []);
});

test('kills cost no record of either stream while logs are rotated and lines are long', { skip }, async () => {
  using app = new App();
  const long = 'head -c 40000 /dev/zero | tr "\\0" y';
  app.write(
    `(for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do seq 1 20000; ${long}; done) & (seq 1 300000 >&2); wait`,
  );
  const kills = await killOften(() => app.start('--max-size=1000000', '--max-files=1000'), 15);
  assert.ok(kills > 5, `killed ${kills} times`);
  const count = readdirSync(app.scratch.directory).filter((name) => name.startsWith('log.')).length;
  const logs = Array.from({ length: count + 1 }, (_, index) =>
    index === count ? app.log : `${app.log}.${count - index}`,
  );
  assert.ok(logs.every((path) => statSync(path).size <= 1_000_000));
  const records = parseCri(Buffer.concat(logs.map((path) => readFileSync(path))));
  const block = spawnSync('seq', ['1', '20000']).stdout.toString() + 'y'.repeat(40000);
  assert.ok(bytesOf(records, 'stdout').toString() === block.repeat(20), 'standard output');
  assert.ok(
    bytesOf(records, 'stderr').equals(spawnSync('seq', ['1', '300000'], { maxBuffer: 1e8 }).stdout),
    'standard error',
  );
});

for (const [what, log, directory] of [
  ['the log', '$PWD/full/log', '$PWD/state'],
  ['the directory', '$PWD/log', '$PWD/full/state'],
] as const) {
  test(
    `while the disk of ${what} is full the app waits, and then nothing is lost`,
    { skip: skip || (!isRoot && 'needs root') },
    () => {
      using scratch = new Scratch();
      // A reader of the messages tells when the disk is full: then there is room again.
      const script = `
      mkdir full state; mount -t tmpfs -o size=3m none full; mkdir full/state; mkfifo said app
      head -c 3080000 /dev/zero >full/fill
      (seq 1 30000; echo written >written) >app &
      ${IOMUX} --stdout=0 --log=${log} --max-size=0 ${directory} <app 2>said &
      read line <said; echo "$line"
      sleep 0.7; [ -e written ] && echo 'the app did not wait'
      rm full/fill; wait $!; echo $?; cat ${log}`;
      const { stdout, stderr } = spawnSync('unshare', ['-m', 'sh', '-c', script], {
        cwd: scratch.directory,
        maxBuffer: 1e8,
        timeout: 30_000,
        env,
      });
      const [message, status, ...rest] = stdout.toString().split('\n');
      assert.match(
        message ?? '',
        /^iomux: cannot write "[^"]*": no space left on device: waiting until it can be written$/,
        stderr.toString(),
      );
      assert.equal(status, '0');
      const seen = bytesOf(parseCri(Buffer.from(rest.join('\n'))), 'stdout');
      assert.equal(seen.toString(), spawnSync('seq', ['1', '30000']).stdout.toString());
    },
  );
}

test('iomux has no capability, gets none, and may make few calls', { skip }, async () => {
  using app = new App();
  const child = app.start();
  while (!existsSync(`${app.directory}/attach`)) await delay(5);
  await delay(20);
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  for (const line of ['CapPrm', 'CapEff', 'CapAmb', 'CapInh'])
    assert.match(status, new RegExp(`^${line}:\t0{16}$`, 'm'));
  assert.match(status, /^NoNewPrivs:\t1$/m);
  if (process.env['RKT_IOMUX'] === undefined) assert.match(status, /^Seccomp:\t2$/m);
  assert.equal(statSync(`${app.directory}/attach`).mode & 0o777, 0o600);
});

test('iomux works for an ordinary user', { skip: skip || (!isRoot && 'needs root') }, () => {
  using scratch = new Scratch();
  chownSync(scratch.directory, 65534, 65534);
  mkdirSync(scratch.path('d'));
  chownSync(scratch.path('d'), 65534, 65534);
  const { status, stderr } = spawnSync('sh', ['-c', `seq 1 5000 | ${IOMUX} --stdout=0 --log=log --max-size=100000 d`], {
    cwd: scratch.directory,
    uid: 65534,
    gid: 65534,
    encoding: 'utf8',
    env,
  });
  assert.deepEqual([status, stderr], [0, '']);
  const logs = Buffer.concat(['log.2', 'log.1', 'log'].map((name) => readFileSync(scratch.path(name))));
  assert.equal(bytesOf(parseCri(logs), 'stdout').toString(), spawnSync('seq', ['1', '5000']).stdout.toString());
});

test(
  'a hundred of them that have logged have less than 300 KiB of memory each',
  { skip: skip || (process.env['RKT_IOMUX'] !== undefined && 'of a sanitizer') },
  async () => {
    const apps = Array.from({ length: 100 }, () => new App());
    const kilobytes: number[] = [];
    try {
      const children = apps.map((app) => app.start('--format=json'));
      for (const app of apps) app.write('seq 1 3000; head -c 20000 /dev/zero; echo error >&2; exec sleep 60');
      for (const app of apps) while (!existsSync(app.log) || !readFileSync(app.log).includes('error')) await delay(5);
      for (const { pid } of children)
        kilobytes.push(Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]));
    } finally {
      for (const app of apps) app[Symbol.dispose]();
    }
    assert.equal(kilobytes.length, 100);
    assert.ok(Math.max(...kilobytes) < 300, kilobytes.join(' '));
  },
);

test('iomux ends when the last writer has gone, not the first', { skip }, async () => {
  using app = new App();
  const child = app.start();
  app.write('(sleep 0.3; echo late) & echo early');
  assert.equal(await endOf(child), 0);
  assert.equal(bytesOf(parseCri(readFileSync(app.log)), 'stdout').toString(), 'early\nlate\n');
});
