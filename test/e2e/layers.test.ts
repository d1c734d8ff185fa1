// SPDX-License-Identifier: Apache-2.0
// What the root of a pod is made of: many layers, and the mount points that pods of an image share.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { tar } from '../images/tar.ts';
import { busyboxLayer, storeImages } from './made.ts';
import { makeRkt, skipPods } from './rkt.ts';

/** The most that an image may have. */
const LAYERS = 127;

suite('layers of a pod', { skip: skipPods }, () => {
  test('an image with as many layers as there may be runs, each layer on those below it', (t) => {
    const rkt = makeRkt(t);
    const numbered = Array.from({ length: LAYERS - 1 }, (_, index) =>
      tar([
        { path: `layer-${index}`, content: '' },
        { path: 'last', content: `${index}\n` },
      ]),
    );
    const { many = '' } = storeImages(rkt, { many: { layers: [busyboxLayer(), ...numbered], config: {} } });
    const script = 'cat /last; echo /layer-* | { read -r all; set -- $all; echo $#; }';
    const output = rkt.ok('run', '--insecure-options=image', many, '--exec=/bin/sh', '--', '-c', script);
    assert.equal(output, `${LAYERS - 2}\n${LAYERS - 1}`);
  });

  test('a pod is mounted on what its image shares, and its own layer holds what its app wrote alone', (t) => {
    const rkt = makeRkt(t);
    const { plain = '' } = storeImages(rkt, { plain: { layers: [busyboxLayer()], config: {} } });
    const upper = (uuid: string) => readdirSync(join(rkt.dir, 'pods', 'run', uuid, 'apps', 'plain', 'data', 'upper'));
    for (const [script, written] of [
      ['cat /proc/self/comm /etc/hostname >/dev/null', []],
      ['echo x >/written', ['written']],
    ] as const) {
      const args = ['--insecure-options=image', plain, '--exec=/bin/sh', '--', '-c', script];
      const uuid = rkt.ok('prepare', ...args);
      rkt.ok('run-prepared', uuid);
      assert.deepEqual(upper(uuid), written, script);
    }
  });
});
