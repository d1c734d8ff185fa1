// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { TemporaryDirectory } from '@rkt/pod-fixtures';

const FRONT = join(import.meta.dirname, '..', 'bin', 'rkt');

// A command that prints its name and each of its words in angle brackets.
const ECHO = `#!/bin/sh
printf '%s' "\${0##*/}"
for word; do printf '<%s>' "$word"; done
echo
exit 3
`;

/** An installation of commands that print what they were given. */
class Installation extends TemporaryDirectory {
  constructor() {
    super();
    const bin = join(this.path, 'bin');
    const lib = join(this.path, 'lib', 'rkt', 'completion');
    mkdirSync(bin);
    mkdirSync(lib, { recursive: true });
    copyFileSync(FRONT, join(bin, 'rkt'));
    for (const name of ['image', 'list', 'run', 'run-prepared', 'status', 'stop', 'version']) {
      writeFileSync(join(bin, `rkt-${name}`), ECHO);
      chmodSync(join(bin, `rkt-${name}`), 0o755);
    }
    writeFileSync(join(bin, 'rkt-notes'), 'not executable');
    writeFileSync(join(this.path, 'lib', 'rkt', 'commands'), 'list\tlist pods\nstop\tstop running pods\n');
    writeFileSync(join(this.path, 'lib', 'rkt', 'options'), 'run\t--name\tvalue\tx\nrun\t--interactive\tflag\tx\n');
    writeFileSync(join(lib, 'bash'), 'the script of bash\n');
  }

  /** Runs the front; the answer is status, output and errors. */
  run(...words: readonly string[]): { status: number | null; stdout: string; stderr: string } {
    const { status, stdout, stderr } = spawnSync(join(this.path, 'bin', 'rkt'), words, { encoding: 'utf8' });
    return { status, stdout, stderr };
  }

  /** What the command printed that the front has become. */
  became(...words: readonly string[]): string {
    const { status, stdout, stderr } = this.run(...words);
    assert.deepEqual([status, stderr], [3, ''], words.join(' '));
    return stdout.trimEnd();
  }
}

test('rkt becomes the executable of the command with its words untouched', () => {
  using rkt = new Installation();
  assert.equal(
    rkt.became('list', '--full', '', 'a b', '*', '$x', 'line\nfeed', '--'),
    'rkt-list<--full><><a b><*><$x><line\nfeed><-->',
  );
});

test('rkt takes commands cut short as long as no other begins so, and whole names that others begin with', () => {
  using rkt = new Installation();
  assert.equal(rkt.became('li'), 'rkt-list');
  assert.equal(rkt.became('run', 'x'), 'rkt-run<x>');
  assert.equal(rkt.became('run-', 'x'), 'rkt-run-prepared<x>');
  assert.equal(rkt.became('im', 'li'), 'rkt-image<li>');
});

test('rkt lists the candidates of an ambiguous command and refuses it with 64', () => {
  using rkt = new Installation();
  assert.deepEqual(rkt.run('st'), {
    status: 64,
    stdout: '',
    stderr: 'rkt: cannot find command "st": it may be status, stop\n',
  });
});

test('rkt refuses unknown commands with 64, also those with a path or a pattern', () => {
  using rkt = new Installation();
  for (const word of ['nonsense', '../bin/rkt-list', '*', 'l?st', '', 'notes', 'list\n', 'LIST', '\u001b[2J']) {
    const { status, stdout, stderr } = rkt.run(word);
    assert.deepEqual([status, stdout], [64, ''], word);
    assert.match(stderr, /^rkt: cannot find command "[^\u001b]*": no such command: try rkt help\n$/);
  }
});

test('rkt moves options that stand before the command behind it', () => {
  using rkt = new Installation();
  assert.equal(rkt.became('--dir=/x', '--debug', 'list', '--full'), 'rkt-list<--dir=/x><--debug><--full>');
  assert.equal(rkt.became('--dir', '/a b', 'list', 'x'), 'rkt-list<--dir></a b><x>');
  assert.equal(rkt.became('--net=host', 'run', 'image', '--', 'list'), 'rkt-run<--net=host><image><--><list>');
  assert.equal(
    rkt.became('--name', 'stop', '--interactive', 'run', 'image'),
    'rkt-run<--name><stop><--interactive><image>',
  );
});

test('rkt without a command prints help on standard error, with 64', () => {
  using rkt = new Installation();
  for (const words of [[], ['--debug'], ['--dir', 'list']]) {
    const { status, stdout, stderr } = rkt.run(...words);
    assert.deepEqual([status, stdout], [64, '']);
    assert.match(stderr, /^rkt: missing command\nusage: rkt /);
  }
  assert.equal(rkt.run('--dir').status, 64);
});

test('rkt help lists the commands that lie beside it, with what they do', () => {
  using rkt = new Installation();
  for (const words of [['help'], ['--help'], ['-h'], ['--dir=/x', 'help'], ['hel']]) {
    const { status, stdout } = rkt.run(...words);
    assert.equal(status, 0);
    assert.match(stdout, /^ {2}list +list pods$/m);
    assert.match(stdout, /^ {2}run-prepared *$/m);
    assert.doesNotMatch(stdout, /notes/);
  }
});

test('rkt help COMMAND asks the command', () => {
  using rkt = new Installation();
  assert.equal(rkt.became('help', 'li'), 'rkt-list<--help>');
  assert.equal(rkt.run('help', 'nonsense').status, 64);
  assert.equal(rkt.became('--version'), 'rkt-version');
});

test('rkt completion prints the script of a shell', () => {
  using rkt = new Installation();
  assert.deepEqual(rkt.run('completion', 'bash'), { status: 0, stdout: 'the script of bash\n', stderr: '' });
  assert.equal(rkt.run('completion').status, 64);
  assert.equal(rkt.run('completion', 'tcsh').status, 64);
  assert.equal(rkt.run('completion', 'zsh').status, 66);
});

test('rkt finds its commands through a symbolic link, through PATH and through sh', () => {
  using rkt = new Installation();
  const bin = join(rkt.path, 'bin');
  const link = join(rkt.path, 'link');
  symlinkSync(join(bin, 'rkt'), link);
  assert.equal(spawnSync(link, ['list'], { encoding: 'utf8' }).stdout, 'rkt-list\n');
  const env = { PATH: `${bin}:/usr/bin:/bin` };
  assert.equal(spawnSync('rkt', ['list'], { encoding: 'utf8', env }).stdout, 'rkt-list\n');
  assert.equal(
    spawnSync('sh', ['rkt', 'list'], { encoding: 'utf8', cwd: bin, env: { PATH: '/usr/bin:/bin' } }).status,
    3,
  );
});

test('rkt works without the files that are made when it is built', () => {
  using rkt = new Installation();
  rmSync(join(rkt.path, 'lib'), { recursive: true });
  assert.equal(rkt.became('--dir', '/x', 'list'), 'rkt-list<--dir></x>');
  assert.match(rkt.run('help').stdout, /^ {2}list *$/m);
});
