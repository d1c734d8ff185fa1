// SPDX-License-Identifier: Apache-2.0
// What an installation does with the library of another licence; dist/ is one.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '..', '..', '..');
const lib = join(root, 'dist', 'lib', 'rkt');

test('openpgp is a file of its own, unchanged and with its licence', () => {
  const brought = readFileSync(createRequire(import.meta.url).resolve('openpgp'));
  assert.ok(readFileSync(join(lib, 'openpgp.js')).equals(brought));
  assert.match(readFileSync(join(lib, 'openpgp.LICENSE'), 'utf8'), /GNU LESSER GENERAL PUBLIC LICENSE/);
  // Text of the library that no minifier changes and no code of ours looks for.
  const mark = 'Misformed armored text';
  assert.ok(brought.includes(mark));
  for (const name of readdirSync(lib).filter((file) => file.endsWith('.js') && file !== 'openpgp.js'))
    assert.ok(!readFileSync(join(lib, name)).includes(mark), name);
});

test('whoever imports this package loads no library by that', () => {
  const program = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
    await import('@rkt/signatures');
    process.stdout.write(loaded.filter((url) => /openpgp[/]dist|@sigstore/.test(url)).join());
    process.stdout.write(' of ' + loaded.length);`;
  const args = [
    '--conditions=source',
    '--disable-warning=ExperimentalWarning',
    '--input-type=module',
    '--eval',
    program,
  ];
  assert.match(
    execFileSync(process.execPath, args, { cwd: join(root, 'packages', 'signatures'), encoding: 'utf8' }),
    /^ of \d\d/,
  );
});
