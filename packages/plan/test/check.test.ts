// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkPlan, limits, parsePlan, type PlanRole } from '../src/index.ts';

function check(lines: readonly string[], role?: PlanRole): void {
  checkPlan(parsePlan(lines.map((line) => `${line}\n`).join(''), 'p'), 'p', role);
}

const CLONE = 'clone CLONE_NEWNS - - - -';
const APP = 'app a apps/a/plan 5 - SIGTERM';

test('checkPlan() refuses operations where stage1 does not take them', () => {
  const wrong: readonly (readonly string[])[] = [
    ['exec a', 'setsid'],
    ['exec a', 'exec a'],
    ['fexecve 3', 'setsid'],
    ['supervise 0 -', 'setsid'],
    ['supervise 0 -', 'exec a'],
    ['app a /plan 5 - SIGTERM', 'supervise 0 -'],
    ['app a ../plan 5 - SIGTERM', 'supervise 0 -'],
    ['app a b/../plan 5 - SIGTERM', 'supervise 0 -'],
    ['app a b/.. 5 - SIGTERM', 'supervise 0 -'],
    ['namespaces CLONE_NEWUSER|CLONE_NEWNET 63 - -'],
    [CLONE, CLONE, CLONE, CLONE],
    ['pipes', 'exec a'],
    [CLONE, 'terminal 3'],
    [CLONE, 'rmdir_after /a'],
    ['setsid', 'seal'],
    ['seal', 'seal'],
    [...Array.from({ length: limits.removals + 1 }, () => 'rmdir_after /a'), CLONE],
    Array.from({ length: limits.plans }, () => APP),
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
    [APP, 'supervise 0 -'],
    ['app a b..c/plan 5 - SIGTERM', 'supervise 0 -'],
    ['pipes', 'setsid', CLONE, 'exec a'],
    ['terminal 3', CLONE, CLONE, CLONE],
    ['seal', 'setsid'],
    [...Array.from({ length: limits.removals }, () => 'rmdir_after /a'), CLONE],
    ['namespaces CLONE_NEWUSER|CLONE_NEWNET 62 - -'],
    Array.from({ length: limits.plans - 1 }, () => APP),
    Array.from({ length: limits.filters }, () => 'seccomp 0 f'),
  ];
  for (const lines of right) check(lines);
});

test('checkPlan() wants plans of apps to end in exec and to start nothing themselves', () => {
  check(['setsid', 'exec a'], 'app');
  check(['fexecve 3'], 'app');
  for (const lines of [
    [],
    ['setsid'],
    ['supervise 0 -'],
    [APP, 'exec a'],
    [CLONE, 'exec a'],
    ['pipes', 'exec a'],
    ['rmdir_after /a', 'exec a'],
  ]) {
    assert.throws(() => check(lines, 'app'), { status: 65 }, lines.join('; '));
  }
});
