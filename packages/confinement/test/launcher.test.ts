// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Line } from '@rkt/plan';
import { parseDeclaration, type Declaration } from '../src/index.ts';
import { install, nothing, type Handed } from './fixture.ts';

interface Case {
  readonly declaration: Declaration;
  readonly words?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** What the launcher of such an executable hands to stage1. */
function handed(t: TestContext, { declaration, words = [], env = {} }: Case): Handed {
  const found = install(t, declaration).start(words, { env });
  assert.equal(found.stderr, '');
  return found;
}

const rulesOf = (plan: readonly Line[]) =>
  new Map(plan.flatMap((line) => (line.op === 'landlock_add_rule' ? [[line.path, line.access] as const] : [])));

test('parseDeclaration() refuses what it does not know, and wants everything', () => {
  assert.deepEqual(parseDeclaration({ ...nothing }, 'file'), nothing);
  assert.throws(() => parseDeclaration({ ...nothing, sockets: [] }, 'file'), /^Error: file: sockets: /);
  assert.throws(() => parseDeclaration({ ...nothing, network: 'server' }, 'file'), /^Error: file: network: /);
  assert.throws(() => parseDeclaration({ ...nothing, reads: undefined }, 'file'), /^Error: file: reads: /);
});

test('launcher() makes a plan that restricts, filters and executes, in this order', (t) => {
  const { mode, plan, words } = handed(t, { declaration: nothing, words: ['a b', '--', '', 'ü\n'] });
  assert.equal(mode, '--confine');
  assert.deepEqual(words, ['a b', '--', '', 'ü\n']);
  const order = ['prctl', 'landlock_create_ruleset', 'landlock_restrict_self', 'keepenv', 'seccomp', 'exec'];
  const found = order.map((op) => plan.findIndex((line) => line.op === op));
  assert.deepEqual(
    found.toSorted((a, b) => a - b),
    found,
  );
  assert.ok(!found.includes(-1));
  const last = plan.at(-1);
  assert.ok(last?.op === 'exec');
  assert.deepEqual(last.argv.slice(0, 2), ['node', '--flag']);
});

test('launcher() finds the data directory as the command does, whatever it is called', (t) => {
  const declaration = { ...nothing, reads: ['$DIR/pods'] };
  for (const name of [
    'plain',
    'with space',
    'tab\tand\nline',
    'back\\slash',
    'ü "quoted" $dollar `tick`',
    '*',
    '-dash',
  ]) {
    const parent = mkdtempSync(join(tmpdir(), 'rkt-launcher-'));
    t.after(() => rmSync(parent, { recursive: true, force: true }));
    const dir = join(parent, name);
    mkdirSync(join(dir, 'pods'), { recursive: true });
    for (const words of [[`--dir=${dir}`], ['--dir', dir], ['x', '--dir=/elsewhere', `--dir=${dir}`]])
      assert.ok(rulesOf(handed(t, { declaration, words }).plan).has(join(dir, 'pods')), `${name}: ${words.join(' ')}`);
    // Behind -- stands what is no option.
    assert.ok(!rulesOf(handed(t, { declaration, words: ['--', `--dir=${dir}`] }).plan).has(join(dir, 'pods')));
  }
});

test('launcher() lets the files be read that words name, and the directories be changed that hold them', (t) => {
  const place = mkdtempSync(join(tmpdir(), 'rkt-launcher-'));
  t.after(() => rmSync(place, { recursive: true, force: true }));
  for (const name of ['a', 'a.asc', 'b', 'c', 'd', 'e']) writeFileSync(join(place, name), '');
  const words = [
    join(place, 'a'),
    `--file=${join(place, 'b')}`,
    `oci:${join(place, 'c')}:tag`,
    `oci-archive:${join(place, 'd')}`,
  ];
  const read = rulesOf(handed(t, { declaration: { ...nothing, reads: ['$WORDS'] }, words }).plan);
  // The signature of a file lies beside it, and is read with it.
  for (const name of ['a', 'a.asc', 'b', 'c', 'd']) {
    assert.deepEqual(read.get(join(place, name)), ['LANDLOCK_ACCESS_FS_READ_FILE', 'LANDLOCK_ACCESS_FS_READ_DIR']);
  }
  assert.equal(read.get(join(place, 'e')), undefined);
  const changed = rulesOf(
    handed(t, { declaration: { ...nothing, writes: ['$WORDS'] }, words: [`--out=${place}/new`] }).plan,
  );
  assert.ok(changed.get(`${place}/`)?.includes('LANDLOCK_ACCESS_FS_MAKE_REG'));
});

test('launcher() binds nothing of a command that becomes a pod, and no files of one that mounts', (t) => {
  const becomes = handed(t, { declaration: { ...nothing, capabilities: ['all'] } });
  assert.deepEqual([...new Set(becomes.plan.map(({ op }) => op))], ['keepenv', 'exec']);
  const mounting = handed(t, { declaration: { ...nothing, capabilities: ['CAP_SYS_ADMIN'] } });
  assert.ok(!mounting.plan.some(({ op }) => op.startsWith('landlock')));
});

test('launcher() insists on every feature if RKT_CONFINE says so, and passes on what is declared', (t) => {
  const env = { RKT_CONFINE: 'require' };
  const { mode, plan } = handed(t, { declaration: { ...nothing, environment: ['MINE'], network: 'client' }, env });
  assert.equal(mode, '--confine-strictly');
  const kept = plan.flatMap((line) => (line.op === 'keepenv' ? [line.name] : []));
  for (const name of ['HOME', 'https_proxy', 'MINE']) assert.ok(kept.includes(name), name);
  assert.ok(!kept.includes('NODE_OPTIONS'));
});
