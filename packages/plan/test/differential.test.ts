// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Failure } from '@rkt/exit';
import { checkPlan, limits, parsePlan, printPlan, type Op } from '../src/index.ts';
import { anyOp } from './arbitrary.ts';
import { mutate, mutations } from './mutate.ts';

const STAGE1 = join(import.meta.dirname, '../../stage1/build/stage1');
const skip = existsSync(STAGE1) ? false : 'stage1 is not built';

const CHECK = 'for file in *.case; do "$0" --check "$file" 2> "$file.error"; echo "$file $?"; done';

/** The status of `stage1 --check` for each plan, and what it said. */
function statusesOf(plans: readonly Buffer[]): { status: number; message: string }[] {
  const directory = mkdtempSync(join(tmpdir(), 'rkt-plan-'));
  try {
    writeFileSync(join(directory, 'app'), 'exec a\n', { mode: 0o600 });
    writeFileSync(join(directory, 'init'), 'reap\n', { mode: 0o600 });
    writeFileSync(join(directory, 'filter'), Buffer.from([6, 0, 0, 0, 0, 0, 0xff, 0x7f]), { mode: 0o600 });
    for (const [index, plan] of plans.entries()) {
      writeFileSync(join(directory, `${String(index).padStart(6, '0')}.case`), plan, { mode: 0o600 });
    }
    const { stdout } = spawnSync('sh', ['-c', `${CHECK}; cat *.error > messages`, STAGE1], {
      cwd: directory,
      encoding: 'utf8',
    });
    const lines = stdout.split('\n').filter((line) => line !== '');
    assert.equal(lines.length, plans.length);
    return lines.map((line) => ({ status: Number(line.split(' ')[1]), message: line }));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Why a plan is refused here, or undefined. */
function refusalOf(plan: Buffer): string | undefined {
  try {
    checkPlan(parsePlan(plan, 'p'), 'p');
    return undefined;
  } catch (error) {
    assert.ok(error instanceof Failure, String(error));
    return error.message;
  }
}

/** True if stage1 reads only files that are there. */
function hasItsFiles(plan: Buffer): boolean {
  return parsePlan(plan, 'p').every((op) =>
    op.op === 'app'
      ? op.plan === 'app'
      : op.op === 'init'
        ? op.file === 'init'
        : op.op === 'seccomp'
          ? op.filter === 'filter'
          : true,
  );
}

function compare(plans: readonly Buffer[]): { accepted: number; refused: number } {
  const counts = { accepted: 0, refused: 0 };
  for (const [index, { status }] of statusesOf(plans).entries()) {
    const plan = plans[index];
    assert.ok(plan !== undefined);
    const refusal = refusalOf(plan);
    const what = `${JSON.stringify(plan.toString('latin1').slice(0, 1000))} ${refusal ?? 'is accepted here'}, stage1: ${status}`;
    if (refusal !== undefined) assert.equal(status, 65, what);
    else if (hasItsFiles(plan)) assert.equal(status, 0, what);
    counts[refusal === undefined ? 'accepted' : 'refused'] += 1;
  }
  return counts;
}

const withFiles = anyOp.map((op): Op => {
  if (op.op === 'app') return { ...op, plan: 'app' };
  if (op.op === 'init') return { ...op, file: 'init' };
  return op.op === 'seccomp' ? { ...op, filter: 'filter' } : op;
});
const PLACED = ['exec', 'fexecve', 'supervise', 'terminal', 'pipes', 'rmdir_after', 'seal', 'clone', 'namespaces'];
const OF_PODS = ['init', 'app', 'reap'];
const inner = withFiles.filter(({ op }) => !PLACED.includes(op) && !OF_PODS.includes(op));
const plausible = fc
  .tuple(fc.array(inner, { maxLength: 4 }), fc.array(withFiles, { maxLength: 1 }))
  .map(([before, last]) => printPlan([...before, ...last]));
/** The lines of a pod around others, some of which may stand there. */
const pods = fc
  .tuple(fc.array(inner, { maxLength: 2 }), fc.array(withFiles, { maxLength: 2 }))
  .map(([before, within]) => `${printPlan(before)}init init - -\n${printPlan(within)}supervise 0 - -\n`);
const implausible = fc.array(withFiles, { maxLength: 4 }).map((ops) => printPlan(ops));

const anyPlan = fc
  .tuple(
    fc.oneof(
      { weight: 4, arbitrary: plausible },
      { weight: 1, arbitrary: pods },
      { weight: 1, arbitrary: implausible },
    ),
    fc.option(mutations, { freq: 2 }),
  )
  .map(([text, changes]) => mutate(Buffer.from(text), changes ?? []));

test(
  'parsePlan() and checkPlan() accept exactly what stage1 --check accepts, of arbitrary and mutated plans',
  { skip },
  () => {
    const numRuns = Number(process.env['FC_RUNS'] ?? 2000);
    const seed = Number(process.env['FC_SEED'] ?? 1);
    const { accepted, refused } = compare(fc.sample(anyPlan, { numRuns, seed }));
    assert.ok(accepted > numRuns / 4 && refused > numRuns / 4, `${accepted} are accepted, ${refused} refused`);
  },
);

test('parsePlan() and checkPlan() have the limits of stage1, each to the byte', { skip }, () => {
  const repeat = (text: string, count: number): Buffer => Buffer.from(text.repeat(count));
  const around = (limit: number, make: (count: number) => Buffer): Buffer[] => [limit - 1, limit, limit + 1].map(make);
  const clone = 'clone 0 - - - -\n';
  const plans = [
    ...around(limits.planBytes, (count) => repeat('\n', count)),
    ...around(limits.operations, (count) => repeat('setsid\n', count)),
    ...around(limits.lineBytes, (count) => Buffer.from(`#${'a'.repeat(count - 1)}\n`)),
    ...around(limits.lineBytes, (count) => Buffer.from(`exec ${'a'.repeat(count - 5)}\n`)),
    ...around(limits.words, (count) => Buffer.from(`exec${' a'.repeat(count - 1)}\n`)),
    ...around(limits.pathBytes, (count) => Buffer.from(`unlink ${'a'.repeat(count)}\n`)),
    ...around(limits.pathBytes, (count) => Buffer.from(`unlink ${'\\141'.repeat(count)}\n`)),
    ...around(limits.fileNameBytes, (count) => Buffer.from(`seccomp 0 ${'a'.repeat(count)}\n`)),
    ...around(limits.idMappings, (count) =>
      Buffer.from(`clone 0 - - ${Array.from({ length: count }, () => '0:0:1').join(',')} -\n`),
    ),
    ...around(limits.clones, (count) => repeat(clone, count)),
    ...around(limits.removals, (count) => Buffer.from(`${'rmdir_after /a\n'.repeat(count)}${clone}`)),
    ...around(limits.filters, (count) => repeat('seccomp 0 filter\n', count)),
    ...around(limits.apps, (count) =>
      Buffer.from(`init init - -\n${'app a app - SIGTERM PID_POD RESTART_NO 0\n'.repeat(count)}supervise 0 - -\n`),
    ),
    ...around(limits.descriptors, (count) => Buffer.from(`close ${count - 1}\n`)),
    ...around(limits.descriptors, (count) => Buffer.from(`namespaces CLONE_NEWUSER|CLONE_NEWNET ${count - 2} - -\n`)),
  ];
  const { accepted, refused } = compare(plans);
  assert.deepEqual([accepted, refused], [30, 15]);
});
