// SPDX-License-Identifier: Apache-2.0
// Pods on a terminal: the app has one of its own, and that of the caller stays what it was.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { bin, images, makeRkt, skipPods, startPod, type Rkt } from './rkt.ts';

type Step = readonly ['wait' | 'type', string] | readonly ['size', number, number] | readonly ['end'];

/** What became of a command on a terminal. */
interface Session {
  readonly shown: string;
  readonly status: number;
  readonly restored: boolean;
  /** Bytes that wait to be read from the terminal by whoever comes next. */
  readonly typed: number;
  readonly name: string;
}

function onTerminal(rkt: Rkt, { command, steps }: { command: readonly string[]; steps: readonly Step[] }): Session {
  const [verb = '', ...words] = command;
  const program = join(import.meta.dirname, 'terminal.py');
  const { status, stdout, stderr } = spawnSync(
    'python3',
    [program, JSON.stringify(steps), join(bin, `rkt-${verb}`), `--dir=${rkt.dir}`, ...words],
    { encoding: 'utf8', timeout: 120_000 },
  );
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

function interactive(image: string, ...args: readonly string[]): string[] {
  return ['run', '--insecure-options=image', '--interactive', image, '--', ...args];
}

suite('a pod on a terminal', { skip: skipPods }, () => {
  test('the terminal is of the pod, has the size of the caller’s and follows it', (t) => {
    const rkt = makeRkt(t);
    const script =
      'tty; ls /dev/pts; stty size; trap "stty size; exit 5" WINCH; echo ready; while :; do sleep 0.1; done';
    const session = onTerminal(rkt, {
      command: interactive(rkt.image('busybox'), 'sh', '-c', script),
      steps: [['wait', 'ready'], ['size', 44, 155], ['wait', '44 155'], ['end']], // prettier-ignore
    });
    assert.match(session.shown, /^\/dev\/pts\/0\r\n0 +ptmx\r\n33 101\r\nready\r\n44 155\r\n$/);
    assert.deepEqual([session.status, session.restored, session.typed], [5, true, 0]);
  });

  test('what is typed reaches the app, and Ctrl-C its foreground', (t) => {
    const rkt = makeRkt(t);
    const script = 'trap "echo caught; exit 3" INT; read line; echo "<$line>"; echo ready; while :; do sleep 0.1; done';
    const session = onTerminal(rkt, {
      command: interactive(rkt.image('busybox'), 'sh', '-c', `echo begun; ${script}`),
      steps: [['wait', 'begun'], ['type', 'some words\n'], ['wait', 'ready'], ['type', '\u0003'], ['wait', 'caught'], ['end']], // prettier-ignore
    });
    assert.match(session.shown, /<some words>\r\nready\r\n\^Ccaught\r\n$/);
    assert.deepEqual([session.status, session.restored], [3, true]);
  });

  test('the settings of the terminal come back when the app is killed', (t) => {
    const rkt = makeRkt(t);
    const session = onTerminal(rkt, {
      command: interactive(rkt.image('busybox'), 'sh', '-c', 'stty raw -echo; echo ready; kill -9 $$'),
      steps: [['wait', 'ready'], ['end']],
    });
    assert.deepEqual([session.status, session.restored], [137, true]);
  });

  test('without --interactive no terminal is in the pod', (t) => {
    const rkt = makeRkt(t);
    const session = onTerminal(rkt, {
      command: ['run', '--insecure-options=image', rkt.image('busybox'), '--', 'sh', '-c', 'tty; ls /dev/pts; test -t 1 || echo pipe; exec 3</dev/tty'], // prettier-ignore
      steps: [['end']],
    });
    assert.match(session.shown, /^not a tty\r\nptmx\r\npipe\r\nsh: .*\/dev\/tty.*\r\n$/);
    assert.equal(session.restored, true);
  });

  test('enter has a terminal of the pod as well', async (t) => {
    const rkt = makeRkt(t);
    const pod = await startPod(rkt, rkt.image('busybox'), { args: ['sleep', '1000'] });
    const session = onTerminal(rkt, {
      command: ['enter', pod.uuid, 'sh', '-c', 'tty; stty size; read line; echo "<$line>"; exit 4'],
      steps: [['wait', '33 101'], ['type', 'word\n'], ['end']],
    });
    assert.match(session.shown, /^\/dev\/pts\/\d+\r\n33 101\r\nword\r\n<word>\r\n$/);
    assert.deepEqual([session.status, session.restored], [4, true]);
    pod.child.kill('SIGKILL');
    await pod.ended;
  });

  const skip = existsSync(join(images, 'debian')) ? false : 'not built: debian';
  test('nothing is typed into the terminal of the caller', { skip }, (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('debian');
    // TIOCSTI, TIOCLINUX and the same with garbage in the bits that the kernel does not look at.
    const script = [
      `my $ioctl = ${process.arch === 'x64' ? 16 : 29}; my @fds = (0, 1, 2);`,
      'if (open(TTY, "+<", "/dev/tty")) { push @fds, fileno(TTY); }',
      'for my $fd (@fds) { for my $request (0x5412, 0x541C, 0x100005412, 0xFFFFFFFF00005412, 0x10000541C) {',
      '  for my $byte ("i", "d", "\\n") { my $copy = $byte; print "typed by $request\\n" if syscall($ioctl, $fd, $request, $copy) == 0; }',
      '} } print scalar(@fds), " done\\n";',
    ].join('\n');
    for (const options of [[], ['--interactive']]) {
      const session = onTerminal(rkt, {
        command: ['run', '--insecure-options=image', ...options, image, '--', 'perl', '-e', script],
        steps: [['wait', 'done'], ['end']],
      });
      assert.equal(session.shown, `${options.length > 0 ? 4 : 3} done\r\n`);
      assert.deepEqual([session.status, session.typed, session.restored], [0, 0, true]);
    }
  });
});
