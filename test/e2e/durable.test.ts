// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { callsIn, traced } from '../trace.ts';
import { bin, makeRkt, skipPods } from './rkt.ts';

test(
  'a pod is prepared when every file of it is durable, and the move to phase prepared is so too',
  { skip: skipPods },
  (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const trace = join(rkt.dir, 'trace');
    const [program, ...words] = [...traced(trace), join(bin, 'rkt-prepare'), `--dir=${rkt.dir}`];
    const options = ['--quiet', '--insecure-options=image', image];
    const uuid = execFileSync(program, [...words, ...options], { encoding: 'utf8' }).trim();
    const [embryo, pod] = ['prepare', 'prepared'].map((phase) => join(rkt.dir, 'pods', phase, uuid));
    const calls = callsIn(trace);
    const moved = calls.indexOf(`rename ${String(embryo)} > ${String(pod)}`);
    assert.ok(moved >= 0, calls.join('\n'));
    // What is empty has no bytes to lose; its name is durable with the directory.
    const files = readdirSync(String(pod), { recursive: true, encoding: 'utf8' }).filter((name) => {
      const status = lstatSync(join(String(pod), name));
      return status.isFile() && status.size > 0;
    });
    assert.ok(files.length >= 6, files.join());
    // A range is written under a name of its own before it gets the one that is claimed.
    const ranges = join(rkt.dir, 'ranges');
    const range = [join(ranges, `.${uuid}.tmp`), ranges];
    for (const path of [...files.map((name) => join(String(embryo), name)), String(embryo), ...range]) {
      const synced = calls.indexOf(`fsync ${path}`);
      assert.ok(synced >= 0 && synced < moved, `${path}\n${calls.join('\n')}`);
    }
    assert.ok(calls.lastIndexOf(`fsync ${join(rkt.dir, 'pods', 'prepared')}`) > moved);
  },
);
