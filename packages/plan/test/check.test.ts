// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkPlan, limits, parsePlan, type PlanRole } from '../src/index.ts';

function check(lines: readonly string[], role?: PlanRole): void {
  checkPlan(parsePlan(lines.map((line) => `${line}\n`).join(''), 'p'), 'p', role);
}

const CLONE = 'clone CLONE_NEWNS - - - -';
const INIT = 'init init - -';
const SUPERVISE = 'supervise 0 - -';
const MANNER = '- SIGTERM PID_POD RESTART_NO 0';
const APP = `app a apps/a/plan ${MANNER}`;

test('checkPlan() refuses operations where stage1 does not take them', () => {
  const wrong: readonly (readonly string[])[] = [
    ['exec a', 'setsid'],
    ['exec a', 'exec a'],
    ['fexecve 3', 'setsid'],
    [INIT, SUPERVISE, 'setsid'],
    [INIT, SUPERVISE, 'exec a'],
    [INIT, `app a /plan ${MANNER}`, SUPERVISE],
    [INIT, `app a ../plan ${MANNER}`, SUPERVISE],
    [INIT, `app a b/../plan ${MANNER}`, SUPERVISE],
    [INIT, `app a b/.. ${MANNER}`, SUPERVISE],
    [SUPERVISE],
    [APP],
    [APP, INIT, SUPERVISE],
    [INIT],
    [INIT, APP],
    [INIT, INIT, SUPERVISE],
    [INIT, 'setsid', SUPERVISE],
    ['reap'],
    ['pipes', SUPERVISE],
    ['namespaces CLONE_NEWUSER|CLONE_NEWNET 63 - -'],
    [CLONE, CLONE, CLONE, CLONE],
    ['pipes', 'exec a'],
    [CLONE, 'terminal 3'],
    [CLONE, 'rmdir_after /a'],
    ['setsid', 'seal'],
    ['seal', 'seal'],
    [...Array.from({ length: limits.removals + 1 }, () => 'rmdir_after /a'), CLONE],
    [INIT, ...Array.from({ length: limits.apps + 1 }, () => APP), SUPERVISE],
    Array.from({ length: limits.filters + 1 }, () => 'seccomp 0 f'),
  ];
  for (const lines of wrong) {
    assert.throws(() => check(lines), { status: 65, message: /^cannot accept plan "p": / }, lines.join('; '));
  }
});

test('checkPlan() accepts main plans that end in exec, in supervise, or anywhere', () => {
  const right: readonly (readonly string[])[] = [
    [],
    ['setsid'],
    ['exec a'],
    ['fexecve 3'],
    [INIT, SUPERVISE],
    ['pipes', 'rmdir_after /a', INIT, 'open 3 /a O_PATH 0000', APP, 'close 3', SUPERVISE],
    [INIT, `app a b..c/plan ${MANNER}`, SUPERVISE],
    ['pipes', 'setsid', CLONE, 'exec a'],
    ['terminal 3', CLONE, CLONE, CLONE],
    ['seal', 'setsid'],
    [...Array.from({ length: limits.removals }, () => 'rmdir_after /a'), CLONE],
    ['namespaces CLONE_NEWUSER|CLONE_NEWNET 62 - -'],
    [INIT, ...Array.from({ length: limits.apps }, () => APP), SUPERVISE],
    Array.from({ length: limits.filters }, () => 'seccomp 0 f'),
  ];
  for (const lines of right) check(lines);
});

test('checkPlan() wants the plan of the first process to end in reap, and one that starts an app in app', () => {
  check(['setsid', 'reap'], 'init');
  check(['setsid', APP], 'start');
  for (const role of ['init', 'start'] as const) {
    for (const lines of [[], ['exec a'], [INIT, SUPERVISE], [CLONE, 'reap'], [APP, 'setsid'], ['reap', 'setsid']])
      assert.throws(() => check(lines, role), { status: 65 }, `${role}: ${lines.join('; ')}`);
  }
  assert.throws(() => check(['reap'], 'start'), { status: 65 });
  assert.throws(() => check([APP], 'init'), { status: 65 });
});

test('checkPlan() wants plans of apps to end in exec and to start nothing themselves', () => {
  check(['setsid', 'exec a'], 'app');
  check(['fexecve 3'], 'app');
  for (const lines of [
    [],
    ['setsid'],
    [SUPERVISE],
    [APP, 'exec a'],
    [CLONE, 'exec a'],
    ['pipes', 'exec a'],
    ['rmdir_after /a', 'exec a'],
  ]) {
    assert.throws(() => check(lines, 'app'), { status: 65 }, lines.join('; '));
  }
});
