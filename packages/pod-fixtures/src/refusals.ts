// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { test } from 'node:test';
import { makePod, TemporaryDirectory } from './pod.ts';
import { runBin, startFakePod } from './process.ts';

const root = { skip: process.getuid?.() !== 0 && 'needs root' };

/** The tests of what commands refuse that do something with apps of pods that run: `pause`, `resume`. */
export function testRefusals(verb: string): void {
  const program = `rkt-${verb}`;

  test(`${program} refuses pods that do not run with 1`, () => {
    using dir = new TemporaryDirectory();
    for (const phase of ['prepared', 'run'] as const) {
      const pod = makePod(dir.path, { phase, status: 'started 1 2 1500000001.0\n' });
      const { status, stdout, stderr } = runBin(program, [`--dir=${dir.path}`, pod.uuid]);
      assert.deepEqual([status, stdout], [1, '']);
      const [first, ...rest] = stderr.split(`"${pod.uuid}"`);
      assert.equal(first, `${program}: cannot ${verb} pod `);
      assert.match(rest.join(), /^: it is not running: its state is "\w+"\n$/);
    }
  });

  test(`${program} refuses apps that the pod does not have with 66`, root, async () => {
    using dir = new TemporaryDirectory();
    const pod = makePod(dir.path, { phase: 'run', apps: ['one', 'two'] });
    await using running = await startFakePod(pod);
    const { status, stdout, stderr } = runBin(program, [`--dir=${dir.path}`, pod.uuid, 'one', 'tw\x1bo']);
    assert.deepEqual([status, stdout], [66, '']);
    assert.match(stderr, /^rkt-\w+: cannot find app "tw\\[^"]+": the pod has one, two\n$/);
    assert.equal(running.child.exitCode, null);
  });

  test(`${program} refuses unknown and missing UUIDs`, () => {
    using dir = new TemporaryDirectory();
    makePod(dir.path, { uuid: 'aa' });
    for (const [operands, wanted] of [
      [['ff'], 66],
      [[], 64],
    ] as const) {
      const { status, stderr } = runBin(program, [`--dir=${dir.path}`, ...operands]);
      assert.equal(status, wanted);
      assert.match(stderr, /^rkt-\w+: cannot find pod[^\n]+\n$/);
    }
  });

  test(`${program} refuses an ordinary user the pods of root with 77`, root, () => {
    using dir = new TemporaryDirectory();
    const pod = makePod(dir.path, { phase: 'run' });
    chmodSync(dir.path, 0o755);
    const { status, stderr } = runBin(program, [`--dir=${dir.path}`, pod.uuid], { user: 65534 });
    assert.equal(status, 77);
    assert.equal(stderr, `${program}: cannot ${verb} pods in "${dir.path}": not root: wanted sudo\n`);
  });
}
