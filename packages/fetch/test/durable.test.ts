// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { callsIn, traced } from '../../../test/trace.ts';
import { Layout, runFetch, temporaryDirectory } from './fixture.ts';

test('rkt-fetch names an image when all of it is durable: the bytes, then the names of the blobs, then the index', async (t) => {
  const dir = temporaryDirectory(t);
  const layout = new Layout(join(dir, 'layout'));
  const { manifest, document } = await layout.image({ layers: 2 });
  layout.name(manifest, 'x');
  const trace = join(dir, 'trace');
  const { status, err } = await runFetch([`--dir=${dir}/rkt`, '--quiet', `oci:${layout.dir}:x`], { by: traced(trace) });
  assert.equal(status, 0, err);
  const store = join(dir, 'rkt', 'store');
  const calls = callsIn(trace);
  const at = (call: string, path: string) => calls.lastIndexOf(`${call} ${path}`);
  const digests = [manifest, document.config, ...document.layers].map(({ digest }) => digest.slice('sha256:'.length));
  const blobs = digests.map((hex) => calls.findIndex((call) => call.endsWith(`> ${store}/blobs/sha256/${hex}`)));
  for (const placed of blobs) {
    const [, from = ''] = /^rename (.*) > /.exec(calls[placed] ?? '') ?? [];
    assert.equal(join(store, 'partial', basename(from)), from);
    assert.ok(at('fsync', from) >= 0 && at('fsync', from) < placed, calls.join('\n'));
  }
  const named = calls.findIndex((call) => call.endsWith(`> ${store}/index.json`));
  const durable = at('fsync', `${store}/blobs/sha256`);
  assert.ok(Math.max(...blobs) < durable && durable < named, calls.join('\n'));
  assert.ok(named < at('fsync', store), calls.join('\n'));
});
