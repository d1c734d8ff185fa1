// SPDX-License-Identifier: Apache-2.0
// What apps use, as a table that ends, and as one on a terminal.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { bin, makeRkt, skipPods, startPod, type Rkt } from './rkt.ts';
import { makeUserRkt, skipUsers } from './user.ts';

interface Row {
  readonly uuid: string;
  readonly app: string;
  readonly cpu_percent: number;
  readonly memory_bytes: number;
  readonly memory_limit_bytes?: number;
  readonly pids: number;
}

function look(rkt: Rkt, ...words: readonly string[]): Row[] {
  return JSON.parse(rkt.ok('top', '--format=json', '--delay=1s', ...words));
}

const BUSY = ['sh', '-c', 'sleep 100 & while :; do :; done'];
const AFTER = '\u001b[?7h\u001b[?25h\u001b[?1049l';

suite('rkt top', { skip: skipPods }, () => {
  test('an app that is busy uses a processor, one that sleeps none', async (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const busy = await startPod(rkt, image, { options: ['--name=busy', '--memory=64Mi'], args: BUSY });
    const idle = await startPod(rkt, image, { options: ['--name=idle'], args: ['sleep', '100'] });
    const rows = look(rkt);
    assert.deepEqual(rows.map(({ uuid }) => uuid), [busy.uuid, idle.uuid].toSorted()); // prettier-ignore
    const [first, second] = ['busy', 'idle'].map((name) => rows.find(({ app }) => app === name) ?? assert.fail());
    // Others use the machine, too.
    assert.ok((first?.cpu_percent ?? 0) > 20, JSON.stringify(first));
    assert.ok((first?.cpu_percent ?? 0) < 110, JSON.stringify(first));
    assert.ok((second?.cpu_percent ?? 100) < 5, JSON.stringify(second));
    assert.deepEqual([first?.pids, second?.pids, first?.memory_limit_bytes], [2, 1, 64 * 1024 * 1024]);
    assert.ok((first?.memory_bytes ?? 0) > 50_000 && (second?.memory_bytes ?? 0) > 50_000, JSON.stringify(rows));
    assert.deepEqual(look(rkt, idle.uuid.slice(0, 13)).map(({ app }) => app), ['idle']); // prettier-ignore
  });

  test('a terminal is as it was, however the table on it ends', async (t) => {
    const rkt = makeRkt(t);
    const { uuid } = await startPod(rkt, rkt.image('busybox'), { args: ['sleep', '100'] });
    const top = `${join(bin, 'rkt-top')} --dir=${rkt.dir} --delay=200ms`;
    const script = (command: string, input = '') => {
      const env = { PATH: process.env['PATH'] ?? '', TERM: 'xterm' };
      const options = { encoding: 'utf8', env, input, timeout: 30_000 } as const;
      return spawnSync('script', ['-qec', command, '/dev/null'], options).stdout;
    };
    const isWhole = (out: string, status: number) => {
      assert.ok(out.includes(`\u001b[?1049h`) && out.includes(uuid.slice(0, 8)), out);
      assert.ok(out.trimEnd().endsWith(`status ${status}`), JSON.stringify(out));
      assert.equal(out.split(AFTER).length, 2, JSON.stringify(out));
      assert.ok(out.indexOf(AFTER) > out.lastIndexOf(uuid.slice(0, 8)));
    };
    for (const [signal, number] of [['TERM', 15], ['HUP', 1], ['INT', 2], ['QUIT', 3]] as const) {
      // The shell would have it ignore interrupts in the background.
      const act = `(sleep 1; kill -${signal} $$) & exec env --default-signal ${top}`;
      isWhole(script(`sh -c '${act}'; echo status $?`), 128 + number);
    } // prettier-ignore
  });

  test('keys are read from the terminal, and its settings come back', async (t) => {
    const rkt = makeRkt(t);
    await startPod(rkt, rkt.image('busybox'), { args: ['sleep', '100'] });
    const top = `${join(bin, 'rkt-top')} --dir=${rkt.dir} --delay=200ms`;
    for (const [keys, status] of [['q', 0], ['\u0003', 130]] as const) {
      const command = `before=$(stty -g); ${top}; echo status $?; test "$before" = "$(stty -g)" && echo same`;
      const shell = `(sleep 1.5; printf '${keys}'; sleep 1.5) | script -qec '${command.replaceAll("'", String.raw`'\''`)}' /dev/null`;
      const { stdout } = spawnSync('sh', ['-c', shell], { encoding: 'utf8', env: { ...process.env, TERM: 'xterm' }, timeout: 30_000 });
      assert.match(stdout, new RegExp(`status ${status}\r\nsame\r\n$`), JSON.stringify(stdout));
    } // prettier-ignore
  });
});

suite('rkt top without root', { skip: skipUsers }, () => {
  test('processes are counted one by one where nobody has delegated cgroups', async (t) => {
    const rkt = makeUserRkt(t);
    await startPod(rkt, rkt.image('busybox'), { args: BUSY });
    const [row] = look(rkt);
    assert.ok((row?.cpu_percent ?? 0) > 20, JSON.stringify(row));
    assert.equal(row?.pids, 2);
  });
});
