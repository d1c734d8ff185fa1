// SPDX-License-Identifier: Apache-2.0
// What a power cut may leave is what the kernel was told to keep: this looks at the order of the calls.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { Layout, runFetch, temporaryDirectory } from './fixture.ts';

test('rkt-fetch names an image when all of it is durable: the bytes, then the names of the blobs, then the index', async (t) => {
  const dir = temporaryDirectory(t);
  const layout = new Layout(join(dir, 'layout'));
  const { manifest, document } = await layout.image({ layers: 2 });
  layout.name(manifest, 'x');
  const trace = join(dir, 'trace');
  const by = ['strace', '-f', '-y', '-z', '-qq', '-e', 'trace=fsync,rename', '-o', trace];
  const { status, err } = await runFetch([`--dir=${dir}/rkt`, '--quiet', `oci:${layout.dir}:x`], { by });
  assert.equal(status, 0, err);
  const store = join(dir, 'rkt', 'store');
  const calls = callsIn(readFileSync(trace, 'utf8'));
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

/** The calls in the order in which they ended, as `fsync PATH` and `rename FROM > TO`. */
function callsIn(trace: string): string[] {
  const begun = new Map<string, string>();
  return trace.split('\n').flatMap((line) => {
    const [, pid = '', text = ''] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    if (text.endsWith('<unfinished ...>')) {
      begun.set(pid, text);
      return [];
    }
    const whole = text.startsWith('<...') ? (begun.get(pid) ?? '') : text;
    const [, synced] = /^fsync\(\d+<([^>]*)>/.exec(whole) ?? [];
    const [, from, to] = /^rename\("([^"]*)", "([^"]*)"/.exec(whole) ?? [];
    if (synced !== undefined) return [`fsync ${synced}`];
    return from === undefined ? [] : [`rename ${from} > ${String(to)}`];
  });
}
