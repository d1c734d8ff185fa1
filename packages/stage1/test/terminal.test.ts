// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { test } from 'node:test';
import { endOf, linesOf, nextLine, Scratch, shell, skip, STAGE1 } from './stage1.ts';

/** What is started in a terminal: `script` makes one, and passes on what is typed. */
function inTerminal(scratch: Scratch, command: string): ChildProcess {
  const args = ['-q', '-e', '-f', '-c', command, '/dev/null'];
  return scratch.track(spawn('script', args, { stdio: ['pipe', 'pipe', 'inherit'] }));
}

/** The lines of a terminal, which end in carriage return and line feed. */
async function typed(lines: AsyncGenerator<string, undefined>): Promise<string | undefined> {
  return (await nextLine(lines))?.replace(/\r$/, '');
}

const TERMINAL = ['socketpair 20 21', 'terminal 20', 'clone CLONE_NEWPID - - - -', 'openpty /dev/ptmx 21'] as const;

test('openpty gives the program a terminal of its own, of the size of the other', { skip }, async () => {
  using scratch = new Scratch();
  const script =
    'tty; stty size; for i in 0 1 2; do readlink /proc/self/fd/$i; done; exec 3<>/dev/tty && echo controlling';
  const plan = scratch.plan([...TERMINAL, shell(script)]);
  const child = inTerminal(scratch, `stty rows 33 cols 44; tty; ${STAGE1} ${plan}`);
  const lines = linesOf(child);
  const outer = await typed(lines);
  const inner = await typed(lines);
  assert.match(inner ?? '', /^\/dev\/pts\/\d+$/);
  assert.notEqual(inner, outer);
  assert.equal(await typed(lines), '33 44');
  for (let i = 0; i < 3; i++) assert.equal(await typed(lines), inner);
  assert.equal(await typed(lines), 'controlling');
  assert.equal(await endOf(child), 0);
});

test('what is typed reaches the program, which alone echoes it', { skip }, async () => {
  using scratch = new Scratch();
  const plan = scratch.plan([
    ...TERMINAL,
    shell('echo ready; read x; echo "got $x"; stty -echo; echo quiet; read x; echo "got $x"'),
  ]);
  const child = inTerminal(scratch, `${STAGE1} ${plan}`);
  const lines = linesOf(child);
  assert.equal(await typed(lines), 'ready');
  child.stdin?.write('hello\n');
  assert.equal(await typed(lines), 'hello');
  assert.equal(await typed(lines), 'got hello');
  assert.equal(await typed(lines), 'quiet');
  child.stdin?.write('secret\n');
  assert.equal(await typed(lines), 'got secret');
  assert.equal(await endOf(child), 0);
});

test('keys that are signals act in the pod and not on stage1', { skip }, async () => {
  using scratch = new Scratch();
  const plan = scratch.plan([
    ...TERMINAL,
    shell('trap "echo int" INT; trap "echo quit; exit 4" QUIT; echo ready; while :; do sleep 60 & wait; done'),
  ]);
  const child = inTerminal(scratch, `${STAGE1} ${plan}`);
  const lines = linesOf(child);
  assert.equal(await typed(lines), 'ready');
  child.stdin?.write('\u0003');
  assert.equal(await typed(lines), '^Cint');
  child.stdin?.write('\u001c');
  assert.equal(await typed(lines), '^\\quit');
  assert.equal(await endOf(child), 4);
});

test('the end of the input is an end of file for the program', { skip }, async () => {
  using scratch = new Scratch();
  const plan = scratch.plan([...TERMINAL, shell('stty -echo; echo ready; cat; echo end')]);
  const child = inTerminal(scratch, `${STAGE1} ${plan}`);
  const lines = linesOf(child);
  assert.equal(await typed(lines), 'ready');
  child.stdin?.end('last words\n');
  assert.equal(await typed(lines), 'last words');
  assert.equal(await typed(lines), 'end');
  assert.equal(await endOf(child), 0);
});

test('a change of the size is passed on', { skip }, async () => {
  using scratch = new Scratch();
  const fifo = scratch.path('fifo');
  spawnSync('mkfifo', [fifo]);
  const plan = scratch.plan([
    ...TERMINAL,
    shell('trap "stty size; exit 0" WINCH; echo ready; while :; do sleep 60 & wait; done'),
  ]);
  const child = inTerminal(scratch, `t=$(tty); (read x < ${fifo}; stty -F $t rows 50 cols 60) & ${STAGE1} ${plan}`);
  const lines = linesOf(child);
  assert.equal(await typed(lines), 'ready');
  scratch.run([`open 3 ${fifo} O_WRONLY 0000`]);
  assert.equal(await typed(lines), '50 60');
  assert.equal(await endOf(child), 0);
});

for (const [how, script] of Object.entries({ 'the program ends': 'exit 3', 'the program is killed': 'kill -9 $$' })) {
  test(`the terminal is as it was before when ${how}`, { skip }, async () => {
    using scratch = new Scratch();
    const plan = scratch.plan([
      'socketpair 20 21',
      'terminal 20',
      'clone 0 - - - -',
      'openpty /dev/ptmx 21',
      shell(`stty raw; ${script}`),
    ]);
    const child = inTerminal(scratch, `stty -g; ${STAGE1} ${plan}; echo $?; stty -g`);
    const lines = linesOf(child);
    const before = await typed(lines);
    assert.match((await typed(lines)) ?? '', /^(3|137)$/);
    assert.equal(await typed(lines), before);
    assert.equal(await endOf(child), 0);
  });
}

test('the terminal is as it was before when stage1 is told to end', { skip }, async () => {
  using scratch = new Scratch();
  const plan = scratch.plan([...TERMINAL, shell('trap "exit 5" TERM; echo ready; while :; do sleep 60 & wait; done')]);
  const child = inTerminal(scratch, `stty -g; sh -c 'echo $$; exec ${STAGE1} ${plan}'; echo $?; stty -g`);
  const lines = linesOf(child);
  const before = await typed(lines);
  const pid = Number(await typed(lines));
  assert.equal(await typed(lines), 'ready');
  process.kill(pid, 'SIGTERM');
  assert.equal(await typed(lines), '5');
  assert.equal(await typed(lines), before);
  assert.equal(await endOf(child), 0);
});

test('all output of a terminal arrives, also what is written last', { skip }, async () => {
  using scratch = new Scratch();
  const plan = scratch.plan([...TERMINAL, shell('i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done')]);
  const child = inTerminal(scratch, `${STAGE1} ${plan}`);
  let count = 0;
  for await (const line of linesOf(child)) assert.equal(line, `line ${count++}\r`);
  assert.equal(count, 20000);
  assert.equal(await endOf(child), 0);
});

test('terminal and openpty do nothing when standard input is no terminal', { skip }, () => {
  using scratch = new Scratch();
  const { stdout, status } = scratch.run([...TERMINAL, shell('[ -t 0 ] || cat')], { input: 'piped' });
  assert.equal(stdout, 'piped');
  assert.equal(status, 0);
});

test('openpty fails where there is no multiplexer', { skip }, async () => {
  using scratch = new Scratch();
  const plan = scratch.plan([...TERMINAL.slice(0, -1), 'openpty /dev/null 21', shell('exit 0')]);
  const child = inTerminal(scratch, `${STAGE1} ${plan}`);
  assert.match(
    (await typed(linesOf(child))) ?? '',
    /:4: openpty: cannot open pseudoterminal "\/dev\/null 21": inappropriate ioctl for device$/,
  );
  assert.equal(await endOf(child), 125);
});

test('pipes keeps the terminal of the caller out of the child', { skip }, async () => {
  using scratch = new Scratch();
  const script = '[ -t 1 ] || echo out; [ -t 2 ] || echo err >&2; for i in 1 2; do readlink /proc/self/fd/$i; done';
  const plan = scratch.plan([
    'open 0 /dev/null O_RDONLY 0000',
    'pipes',
    'clone 0 - - - -',
    'setsid',
    shell(`${script}; exec sleep 1000`),
  ]);
  const child = inTerminal(scratch, `sh -c 'echo $$; exec ${STAGE1} ${plan}'`);
  const lines = linesOf(child);
  const pid = Number(await typed(lines));
  const seen = [await typed(lines), await typed(lines), await typed(lines), await typed(lines)];
  const links = seen.filter((line) => line?.startsWith('pipe:['));
  assert.deepEqual(new Set(seen), new Set(['out', 'err', ...links]));
  assert.equal(new Set(links).size, 1, 'what was one terminal is one pipe');
  process.kill(pid, 'SIGTERM');
  assert.equal(await endOf(child), 143);
});

for (const fd of [1, 2]) {
  test(`pipes copies all output of descriptor ${fd}, also what is written last`, { skip }, async () => {
    using scratch = new Scratch();
    const script = `exec 1>&${fd}; i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done`;
    const plan = scratch.plan(['pipes', 'clone CLONE_NEWPID - - - -', shell(script)]);
    const child = inTerminal(scratch, `${STAGE1} ${plan}`);
    let count = 0;
    for await (const line of linesOf(child)) assert.equal(line, `line ${count++}\r`);
    assert.equal(count, 20000);
    assert.equal(await endOf(child), 0);
  });
}

test('messages reach the terminal that pipes stands in for', { skip }, async () => {
  using scratch = new Scratch();
  const failing = async (lines: readonly string[]): Promise<string | undefined> =>
    typed(linesOf(inTerminal(scratch, `${STAGE1} ${scratch.plan(lines)}`)));
  assert.match(
    (await failing(['pipes', 'unlink /none', 'clone 0 - - - -'])) ?? '',
    /:2: unlink: cannot remove "\/none"/,
  );
  assert.match(
    (await failing(['pipes', 'clone 0 - - - -', 'unlink /none'])) ?? '',
    /:3: unlink: cannot remove "\/none"/,
  );
});

const AS_NOBODY = ['pipes', 'clone 0 - - - -', 'setresuid 65534 65534 65534'];
const REOPEN = shell('echo out >/dev/stdout; echo err >/dev/stderr');

test('pipes lets every user open a pipe of the caller again', { skip }, () => {
  using scratch = new Scratch();
  const plan = scratch.plan([...AS_NOBODY, REOPEN]);
  const { stdout } = spawnSync('sh', ['-c', `${STAGE1} ${plan} 2>&1 | cat`], { encoding: 'utf8' });
  assert.equal(stdout, 'out\nerr\n');
});

test('pipes stands in for files and sockets, in the order of what is written', { skip }, () => {
  using scratch = new Scratch();
  const plan = scratch.plan([...AS_NOBODY, REOPEN]);
  spawnSync('sh', ['-c', `${STAGE1} ${plan} >${scratch.path('both')} 2>&1`]);
  assert.equal(scratch.read('both'), 'out\nerr\n');
  // Node hands sockets to its children.
  const { stdout, stderr } = scratch.run([...AS_NOBODY, REOPEN]);
  assert.deepEqual([stdout, stderr], ['out\n', 'err\n']);
});

test('pipes leaves devices as they are', { skip }, () => {
  using scratch = new Scratch();
  const plan = scratch.plan(['pipes', 'clone 0 - - - -', shell(`readlink /proc/self/fd/2 >${scratch.path('link')}`)]);
  spawnSync('sh', ['-c', `${STAGE1} ${plan} >/dev/null 2>/dev/null`]);
  assert.equal(scratch.read('link'), '/dev/null\n');
});
