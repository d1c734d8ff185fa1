// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

/** An installation whose other programs write down their arguments; rkt-prepare misses the image until it was fetched. */
function install(
  t: TestContext,
  { fetchStatus = 0, images = 'docker://i' }: { fetchStatus?: number | string; images?: string } = {},
) {
  const root = mkdtempSync(join(tmpdir(), 'rkt-run-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const path of ['bin', 'lib/rkt']) mkdirSync(join(root, path), { recursive: true });
  const fetched = join(root, 'fetched');
  const log = join(root, 'log');
  const programs = {
    'bin/rkt-prepare': `case "$1" in --print-*) printf '%s\\n' ${images}; exit ;; esac; [ -e ${fetched} ] || exit 66; echo the-uuid`,
    'bin/rkt-fetch': `touch ${fetched}; exit ${fetchStatus}`,
    'lib/rkt/stage1': 'exit 7',
  };
  for (const [path, body] of Object.entries(programs)) {
    writeFileSync(join(root, path), `#!/bin/sh\necho "\${0##*/} $*" >>${log}\n${body}\n`);
    chmodSync(join(root, path), 0o755);
  }
  const program = join(root, 'bin', 'rkt-run');
  copyFileSync(join(import.meta.dirname, '..', 'bin', 'rkt-run'), program);
  chmodSync(program, 0o755);
  const run = (...args: readonly string[]) => {
    const { status } = spawnSync(program, ['--dir=/d', ...args], { encoding: 'utf8' });
    const lines = existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n') : [];
    rmSync(log, { force: true });
    return { status, lines };
  };
  return { run, fetched };
}

test('rkt-run fetches what is missing, prepares again, and becomes stage1', (t) => {
  const { run } = install(t);
  assert.deepEqual(run('docker://i', '--', '--pull-policy=never'), {
    status: 7,
    lines: [
      'rkt-prepare --if-stored --dir=/d docker://i -- --pull-policy=never',
      'rkt-prepare --print-missing --dir=/d docker://i -- --pull-policy=never',
      'rkt-fetch --dir=/d --pull-policy=new docker://i',
      'rkt-prepare --dir=/d docker://i -- --pull-policy=never',
      'stage1 /d/pods/prepared/the-uuid/plan',
    ],
  });
  assert.deepEqual(run('docker://i').lines.length, 2);
});

test('rkt-run never fetches with --pull-policy=never, and always with update', (t) => {
  const { run, fetched } = install(t);
  assert.deepEqual(run('--pull-policy=never', 'docker://i').status, 66);
  assert.ok(!existsSync(fetched));
  const { lines } = run('--pull-policy', 'update', 'docker://i');
  assert.match(lines[0] ?? '', /^rkt-prepare --print-images /);
  assert.equal(lines[1], 'rkt-fetch --dir=/d --pull-policy=update docker://i');
});

test('rkt-run hands the options for registries on to rkt-fetch, and its status back', (t) => {
  const { run } = install(t, { fetchStatus: 69 });
  const { status, lines } = run('--insecure-options=image,http', '--quiet', 'docker://i');
  assert.equal(status, 69);
  assert.equal(lines.at(-1), 'rkt-fetch --dir=/d --pull-policy=new --quiet --insecure-options=http docker://i');
});

test('rkt-run hands every image on as one word, whatever is in its name', (t) => {
  // The status tells how many words there are.
  const { run } = install(t, { images: "'./a b.aci' '/bin/*sh'", fetchStatus: '$#' });
  const { status, lines } = run('./a b.aci', '/bin/*sh');
  assert.equal(lines.at(-1), 'rkt-fetch --dir=/d --pull-policy=new ./a b.aci /bin/*sh');
  assert.equal(status, 4);
});

test('rkt-run takes the former words for when to fetch', (t) => {
  const programs = (word: string) => {
    const { run } = install(t);
    return run(word, 'docker://i').lines.map((line) => line.replace(/^(\S+ \S+).*$/, '$1'));
  };
  assert.deepEqual(programs('--store-only'), programs('--pull-policy=never'));
  assert.deepEqual(programs('--no-store'), programs('--pull-policy=update'));
  assert.notDeepEqual(programs('--no-store'), programs('--store-only'));
});

test('rkt-run fetches nothing for a pod manifest, which it has read once', (t) => {
  const { run } = install(t);
  for (const words of [['--pod-manifest=/dev/stdin'], ['--pod-manifest', '/dev/stdin']]) {
    assert.deepEqual(run(...words), { status: 66, lines: [`rkt-prepare --dir=/d ${words.join(' ')}`] });
  }
});
