// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { TemporaryDirectory } from '@rkt/pod-fixtures';
import { generate } from '../scripts/generate.ts';

const PACKAGES = join(import.meta.dirname, '..', '..');
const lib = new TemporaryDirectory();

before(async () => generate(lib.path));
process.on('exit', () => lib[Symbol.dispose]());

const has = (shell: string) => spawnSync('sh', ['-c', `command -v ${shell}`]).status === 0;

/** The words that bash proposes for the last word of a command line. */
function proposals(...words: readonly string[]): string[] {
  const script = `rkt() { case $1 in list) printf 'UUID-ONE\\tapp\\nUUID-TWO\\tapp\\n' ;; image) printf 'sha256:abc\\tx\\n' ;; esac; }
    . "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _rkt; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', script, 'bash', join(lib.path, 'completion', 'bash'), ...words], {
    encoding: 'utf8',
  });
  assert.equal(stderr, '');
  return stdout.split('\n').filter((line) => line !== '');
}

test('generate() finds every executable of a command', () => {
  const found = readFileSync(join(lib.path, 'commands'), 'utf8')
    .split('\n')
    .map((line) => line.split('\t')[0]);
  for (const folder of readdirSync(PACKAGES)) {
    const bins = readdirSync(join(PACKAGES, folder)).includes('bin') ? readdirSync(join(PACKAGES, folder, 'bin')) : [];
    for (const file of bins.filter((name) => name.startsWith('rkt-'))) {
      assert.ok(found.includes(file.slice('rkt-'.length).replace(/\.(ts|c)$/, '')), file);
    }
  }
});

test('generate() tells options that take a value from those that do not', () => {
  const lines = readFileSync(join(lib.path, 'options'), 'utf8').split('\n');
  const kind = (name: string) => lines.find((line) => line.startsWith(`${name}\t`))?.split('\t')[2];
  assert.deepEqual(['list\t--format', 'list\t--full', 'status\t--wait', 'image\t--sort', 'run\t--volume'].map(kind), [
    'value',
    'flag',
    'flag',
    'value',
    'value',
  ]);
});

test('the completion of bash proposes commands, options, values and pods', () => {
  assert.deepEqual(proposals('rkt', 'st'), ['status', 'stop']);
  assert.deepEqual(proposals('rkt', 'list', '--f'), ['--full', '--format']);
  assert.deepEqual(proposals('rkt', 'list', '--format', '='), ['json', 'json-pretty']);
  assert.deepEqual(proposals('rkt', 'list', '--format', '=', 'json-'), ['json-pretty']);
  assert.deepEqual(proposals('rkt', 'status', ''), ['UUID-ONE', 'UUID-TWO']);
  assert.deepEqual(proposals('/usr/bin/rkt-stop', '--force', 'UUID-T'), ['UUID-TWO']);
  assert.deepEqual(proposals('rkt', '--dir', '/x', 'image', 'ex'), ['export', 'extract']);
  assert.deepEqual(proposals('rkt', 'image', 'rm', 'sha'), ['sha256:abc']);
  assert.deepEqual(proposals('rkt', 'completion', ''), ['bash', 'zsh', 'fish']);
});

test('the completion of zsh is a script of zsh', { skip: !has('zsh') && 'no zsh' }, () => {
  const { status, stderr } = spawnSync('zsh', ['-n', join(lib.path, 'completion', 'zsh')], { encoding: 'utf8' });
  assert.deepEqual([status, stderr], [0, '']);
});

test(
  'the completion of fish proposes commands and options with what they do',
  { skip: !has('fish') && 'no fish' },
  () => {
    const propose = (line: string) => {
      const { stdout, stderr } = spawnSync(
        'fish',
        ['--no-config', '-c', 'source $argv[1]; complete -C $argv[2]', join(lib.path, 'completion', 'fish'), line],
        { encoding: 'utf8', env: { PATH: process.env['PATH'], HOME: lib.path } },
      );
      assert.equal(stderr, '');
      return stdout.trimEnd().split('\n');
    };
    assert.deepEqual(propose('rkt sto'), ['stop\tstop running pods']);
    assert.deepEqual(propose('rkt list --for'), ['--format\tprint JSON instead of a table']);
    assert.deepEqual(propose('rkt list --format '), [
      'json\tprint JSON instead of a table',
      'json-pretty\tprint JSON instead of a table',
    ]);
    assert.deepEqual(propose('rkt image ch'), ['check\thash the blobs of images again']);
  },
);
