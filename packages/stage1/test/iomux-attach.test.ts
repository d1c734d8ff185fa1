// SPDX-License-Identifier: Apache-2.0
// Who is attached to an app: what they see, what they type, and that nobody waits for them.
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chmodSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { App, bytesOf, endAndErrors, env, existing, IOMUX, parseCri, runIomux, skip, until } from './iomux.ts';
import { endOf, linesOf, nextLine } from './stage1.ts';

const isRoot = process.getuid?.() === 0;

/** The socket is there. */
async function attachable(app: App): Promise<void> {
  await existing(`${app.directory}/attach`);
}

interface Attached {
  readonly child: ChildProcess;
  /** Everything it prints, at its end. */
  readonly output: Promise<{ status: number | null; stdout: string; stderr: string }>;
}

/** Attaches, and returns when iomux has taken it on: the first output is that of `marker`, which the caller makes. */
function attach(app: App, option = '--attach'): Attached {
  const child = app.scratch.track(spawn(IOMUX, [option, app.directory], { stdio: ['pipe', 'pipe', 'pipe'] }));
  const pieces: Record<'stdout' | 'stderr', string[]> = { stdout: [], stderr: [] };
  for (const name of ['stdout', 'stderr'] as const)
    child[name]?.setEncoding('utf8').on('data', (text: string) => pieces[name].push(text));
  const output = new Promise<{ status: number | null; stdout: string; stderr: string }>((resolve) => {
    child.on('close', (status) => {
      resolve({ status, stdout: pieces.stdout.join(''), stderr: pieces.stderr.join('') });
    });
  });
  return { child, output };
}

/** How many are connected to the socket. */
function connections(pid: number | undefined): number {
  const { stdout } = spawnSync('ls', ['-l', `/proc/${pid}/fd`], { encoding: 'utf8' });
  return stdout.split('\n').filter((line) => line.includes('socket:')).length;
}

/** Waits until so many are attached to an iomux whose standard streams are no sockets but three. */
async function attached(child: ChildProcess, count: number, before: number): Promise<void> {
  await until(() => connections(child.pid) === before + count);
}

test('who is attached gets each output from its own descriptor, and the end', { skip }, async () => {
  using app = new App();
  const iomux = app.start();
  await attachable(app);
  const before = connections(iomux.pid);
  const clients = [attach(app), attach(app), attach(app, '--attach=stderr')];
  await attached(iomux, 3, before);
  app.write('echo out; echo err >&2; printf rest');
  const results = await Promise.all(clients.map(({ output }) => output));
  assert.deepEqual(results, [
    { status: 0, stdout: 'out\nrest', stderr: 'err\n' },
    { status: 0, stdout: 'out\nrest', stderr: 'err\n' },
    { status: 0, stdout: '', stderr: 'err\n' },
  ]);
  assert.equal(await endOf(iomux), 0);
});

test('a stream that is only logged cannot be attached to, and one that is not is in no log', { skip }, async () => {
  using app = new App();
  const iomux = app.start('--stdout=3:stream', '--stderr=4:log');
  await attachable(app);
  const before = connections(iomux.pid);
  assert.equal(runIomux('--list', app.directory).stdout, 'stdout\n');
  const refused = runIomux('--attach=stderr', app.directory);
  assert.deepEqual([refused.status, refused.stderr], [1, 'iomux: cannot attach to "stderr": no such stream\n']);
  const { output } = attach(app);
  await attached(iomux, 1, before);
  app.write('seq 1 3000; echo err >&2');
  assert.deepEqual(await output, { status: 0, stdout: spawnSync('seq', ['1', '3000']).stdout.toString(), stderr: '' });
  assert.equal(await endOf(iomux), 0);
  assert.deepEqual(parseCri(readFileSync(app.log)), [{ stream: 'stderr', isFull: true, text: Buffer.from('err') }]);
});

test('the input of who attached to it is that of the app, and its end, too', { skip }, async () => {
  using app = new App();
  const cat = app.scratch.track(
    spawn('cat', [], { stdio: [app.pipe('stdin').read, app.pipe('stdout').write, 'ignore'] }),
  );
  app.closeWriter('stdout');
  app.closeWriter('stderr');
  const iomux = app.start('--stdout=3', '--stdin=5');
  app.closeWriter('stdin');
  await attachable(app);
  assert.equal(runIomux('--list', app.directory).stdout, 'stdin\nstdout\n');
  const { child, output } = attach(app, '--attach=stdin,stdout');
  const text = spawnSync('seq', ['1', '50000']).stdout.toString();
  child.stdin?.end(text);
  assert.deepEqual(await output, { status: 0, stdout: text, stderr: '' });
  assert.deepEqual([await endOf(cat), await endOf(iomux)], [0, 0]);
});

test('the end of the input of who attached to everything is not that of the app', { skip }, async () => {
  using app = new App();
  app.scratch.track(spawn('cat', [], { stdio: [app.pipe('stdin').read, app.pipe('stdout').write, 'ignore'] }));
  app.closeWriter('stdout');
  const iomux = app.start('--stdout=3', '--stdin=5');
  app.closeWriter('stdin');
  await attachable(app);
  const before = connections(iomux.pid);
  const first = attach(app);
  await attached(iomux, 1, before);
  first.child.stdin?.end('first\n');
  await until(() => readFileSync(app.log, 'utf8').includes('first'));
  attach(app, '--attach=stdin').child.stdin?.end('second\n');
  assert.deepEqual(await first.output, { status: 0, stdout: 'first\nsecond\n', stderr: '' });
});

test('what is typed reaches an app that reads it later, also when nobody is attached any more', { skip }, async () => {
  using app = new App();
  const script = 'while ! [ -e go ]; do sleep 0.02; done; exec cat';
  const stdio = [app.pipe('stdin').read, app.pipe('stdout').write, 'ignore'] as const;
  app.scratch.track(spawn('sh', ['-c', script], { cwd: app.scratch.directory, stdio: [...stdio] }));
  app.closeWriter('stdout');
  const iomux = app.start('--stdout=3', '--stdin=5', '--format=text');
  app.closeWriter('stdin');
  await attachable(app);
  const text = spawnSync('seq', ['1', '15000']).stdout.toString();
  const { child, output } = attach(app, '--attach=stdin');
  child.stdin?.end(text);
  assert.deepEqual(await output, { status: 0, stdout: '', stderr: '' });
  app.scratch.write('go', '');
  assert.equal(await endOf(iomux), 0);
  assert.equal(readFileSync(app.log, 'utf8'), text);
});

test('requests have an answer', { skip }, async () => {
  using app = new App();
  app.start('--stdout=3');
  await attachable(app);
  writeSync(app.pipe('stdout').write, 'one\n');
  await until(() => statSync(app.log).size > 0);
  assert.deepEqual([runIomux('--rotate', app.directory).status, statSync(app.log).size], [0, 0]);
  assert.equal(bytesOf(parseCri(readFileSync(`${app.log}.1`)), 'stdout').toString(), 'one\n');
  renameSync(app.log, `${app.log}.moved`);
  assert.deepEqual([runIomux('--reopen', app.directory).status, statSync(app.log).size], [0, 0]);
  assert.equal(runIomux('--attach', app.scratch.path('none')).status, 66);
  const other = new App();
  const { status, stderr } = runIomux('--list', other.directory);
  assert.equal(status, 69);
  assert.match(stderr, /^iomux: cannot attach to ".*": nobody keeps the output of the app\n$/);
  other[Symbol.dispose]();
});

test('who is attached and does not read slows nobody down, and is told what is missing', { skip }, async () => {
  using app = new App();
  const iomux = app.start('--max-size=0', '--format=text');
  await attachable(app);
  const before = connections(iomux.pid);
  const [slow, quick] = [attach(app), attach(app)];
  await attached(iomux, 2, before);
  slow.child.kill('SIGSTOP');
  const begun = performance.now();
  app.write('seq 1 2000000');
  assert.equal(await endOf(iomux), 0);
  assert.ok(performance.now() - begun < 10_000);
  slow.child.kill('SIGCONT');
  const expected = spawnSync('seq', ['1', '2000000'], { maxBuffer: 1e8 }).stdout.toString();
  assert.ok(readFileSync(app.log, 'utf8') === expected);
  const { status, stdout, stderr } = await slow.output;
  assert.equal(status, 0);
  const missing = [...stderr.matchAll(/^iomux: (\d+) bytes of output are missing here$/gm)].map(([, count]) =>
    Number(count),
  );
  // What is missed last is told only if there is room for that.
  assert.ok(stdout.length < expected.length / 2);
  assert.ok(expected.startsWith(stdout) || missing.length > 0);
  await quick.output;
});

test('fifty see the same', { skip }, async () => {
  using app = new App();
  const iomux = app.start();
  await attachable(app);
  const before = connections(iomux.pid);
  const clients = Array.from({ length: 50 }, () => attach(app));
  await attached(iomux, 50, before);
  app.write('for i in 1 2 3 4 5; do seq 1 1000; sleep 0.1; done');
  const expected = spawnSync('seq', ['1', '1000']).stdout.toString().repeat(5);
  for (const { output } of clients) assert.ok((await output).stdout === expected);
});

test('the sixty-fifth is told that there are too many', { skip }, async () => {
  using app = new App();
  const iomux = app.start();
  await attachable(app);
  const before = connections(iomux.pid);
  const clients = Array.from({ length: 64 }, () => attach(app));
  await attached(iomux, 64, before);
  const { status, stderr } = runIomux('--attach=stdout', app.directory);
  assert.deepEqual([status, stderr], [1, 'iomux: cannot attach to "stdout": too many are attached\n']);
  clients[0]?.child.kill('SIGTERM');
  assert.equal((await clients[0]?.output)?.status, 143);
  await attached(iomux, 63, before);
  assert.equal(runIomux('--list', app.directory).stdout, 'stdout\nstderr\n');
});

test(
  'another user is refused, whatever the mode of the socket',
  { skip: skip || (!isRoot && 'needs root') },
  async () => {
    using app = new App();
    app.start();
    await attachable(app);
    for (const path of [app.scratch.directory, app.directory]) chmodSync(path, 0o755);
    const list = () => spawnSync(IOMUX, ['--list', app.directory], { uid: 65534, gid: 65534, encoding: 'utf8', env });
    assert.match(list().stderr, /^iomux: cannot attach to ".*": permission denied\n$/);
    chmodSync(`${app.directory}/attach`, 0o666);
    const { status, stderr } = list();
    assert.equal(status, 1);
    assert.match(stderr, /^iomux: cannot list the streams of ".*": not the owner of the pod\n$/);
  },
);

/** An app in a terminal, with the iomux that has the other side. */
function inTerminal(app: App, script: string): ChildProcess {
  const pty = app.scratch.path('pty');
  assert.equal(spawnSync('cc', ['-o', pty, `${import.meta.dirname}/pty.c`]).status, 0);
  return app.scratch.track(
    spawn(pty, [script, IOMUX, '--tty=3', `--log=${app.log}`, app.directory], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env,
    }),
  );
}

/** Somebody at a terminal of that size who attaches, and then looks at the settings of the terminal. */
function atTerminal(app: App, keys = ''): ChildProcess {
  const command = `stty rows 33 cols 44; stty -g; ${IOMUX} --attach ${keys} ${app.directory}; echo "ended $?"; stty -g`;
  return app.scratch.track(
    spawn('script', ['-q', '-e', '-f', '-c', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] }),
  );
}

async function seen(lines: AsyncGenerator<string, undefined>): Promise<string | undefined> {
  return (await nextLine(lines))?.replace(/\r$/, '');
}

test('a terminal has the size of who attaches, its keys, and an end that leaves no trace', { skip }, async () => {
  using app = new App();
  const iomux = inTerminal(
    app,
    'stty -echo; trap "stty size" WINCH; trap "echo interrupted" INT; while :; do read x && echo "got $x"; [ "$x" = bye ] && exit; done',
  );
  await attachable(app);
  const person = atTerminal(app);
  const lines = linesOf(person);
  const settings = await seen(lines);
  assert.equal(await seen(lines), '33 44');
  person.stdin?.write('hello\n');
  assert.equal(await seen(lines), 'got hello');
  person.stdin?.write('\u0003');
  assert.match((await seen(lines)) ?? '', /interrupted$/);
  person.stdin?.write('bye\n');
  let line = await seen(lines);
  while (line !== undefined && !line.startsWith('ended')) line = await seen(lines);
  assert.equal(line, 'ended 0');
  assert.equal(await seen(lines), settings);
  assert.equal(await endOf(iomux), 0);
  const logged = parseCri(readFileSync(app.log));
  assert.ok(logged.every(({ stream, text }) => stream === 'stdout' && !text.includes('\r')));
  assert.ok(logged.some(({ text }) => text.toString() === 'got hello'));
});

test('the detach keys end the connection and not the app', { skip }, async () => {
  using app = new App();
  const iomux = inTerminal(app, 'stty -echo; trap "echo ready" WINCH; while :; do read x && echo "got $x"; done');
  await attachable(app);
  const person = atTerminal(app, '--detach-keys=ctrl-p,ctrl-q');
  const lines = linesOf(person);
  const settings = await seen(lines);
  // The size is told when the terminal is as it is to be.
  assert.equal(await seen(lines), 'ready');
  person.stdin?.write('a\u0010b\n');
  assert.equal(await seen(lines), 'got a\u0010b');
  person.stdin?.write('\u0010\u0011');
  assert.equal(await seen(lines), 'ended 0');
  assert.equal(await seen(lines), settings);
  assert.equal(iomux.exitCode, null);
  iomux.kill('SIGKILL');
});

test('the terminal is as it was before when iomux is killed', { skip }, async () => {
  using app = new App();
  const iomux = inTerminal(app, 'echo ready; exec sleep 60');
  await attachable(app);
  const before = connections(iomux.pid);
  const person = atTerminal(app);
  const lines = linesOf(person);
  const settings = await seen(lines);
  await attached(iomux, 1, before);
  iomux.kill('SIGKILL');
  let line = await seen(lines);
  while (line === 'ready') line = await seen(lines);
  assert.equal(line, 'ended 0');
  assert.equal(await seen(lines), settings);
});

test('a packet that is none ends the connection of who sent it, and nothing else', { skip }, async () => {
  using app = new App();
  const iomux = app.start();
  await attachable(app);
  const { status, stderr } = runIomux(`--attach=${'x'.repeat(4096)}`, app.directory);
  assert.equal(status, 1);
  assert.match(stderr, /: no such stream\n$/);
  app.write('echo x');
  assert.deepEqual(await endAndErrors(iomux), { end: 0, errors: '' });
});
