// SPDX-License-Identifier: Apache-2.0
// Ranges of user ids are the pods' that are there, whatever happened to those who prepared pods.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { makeRkt, skipPods, type Rkt } from './rkt.ts';

function owners({ dir }: Rkt): string[] {
  return readdirSync(join(dir, 'ranges')).map((name) => readFileSync(join(dir, 'ranges', name), 'utf8').trim());
}

suite('ranges of user ids', { skip: skipPods }, () => {
  test('preparations that are killed at any time leave none that one rkt-gc does not free', async (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const args = ['--quiet', '--insecure-options=image', image, '--', 'true'];
    const kept = rkt.ok('prepare', ...args);
    const begun = Date.now();
    rkt.ok('rm', rkt.ok('prepare', ...args));
    const wholeMs = Date.now() - begun;
    let killed = 0;
    for (let round = 0; round < 24; round++) {
      const child = rkt.start('prepare', ...args);
      const ended = new Promise<NodeJS.Signals | null>((resolve) => {
        child.on('exit', (_code, signal) => resolve(signal));
      });
      await setTimeout((wholeMs * round) / 24);
      child.kill('SIGKILL');
      if ((await ended) === 'SIGKILL') killed++;
    }
    assert.ok(killed > 4, `only ${killed} were killed`);
    rkt.ok('gc', '--grace-period=0s');
    rkt.ok('gc', '--grace-period=0s');
    const prepared = readdirSync(join(rkt.dir, 'pods', 'prepared'));
    assert.deepEqual(owners(rkt).toSorted(), prepared.toSorted());
    assert.ok(prepared.includes(kept));
    rkt.ok('rm', ...prepared);
    assert.deepEqual(readdirSync(join(rkt.dir, 'ranges')), []);
  });

  test('pods that are prepared at once have ranges of their own', async (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const args = ['--quiet', '--insecure-options=image', image, '--', 'true'];
    rkt.ok('rm', rkt.ok('prepare', ...args));
    const children = Array.from({ length: 12 }, () => rkt.start('prepare', ...args));
    await Promise.all(children.map(async (child) => new Promise((resolve) => child.on('exit', resolve))));
    const prepared = readdirSync(join(rkt.dir, 'pods', 'prepared'));
    assert.equal(prepared.length, 12);
    assert.deepEqual(owners(rkt).toSorted(), prepared.toSorted());
  });
});
