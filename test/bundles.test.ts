// SPDX-License-Identifier: Apache-2.0
// That executables start fast, told by what is loaded and not by the clock.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { VERSION } from '@rkt/command';
import { apart, bundle } from '../scripts/bundle/esbuild.ts';
import { loadBundle } from '../scripts/bundle/load.ts';

const root = join(import.meta.dirname, '..');
const lib = join(root, 'dist', 'lib', 'rkt');
const scripts = join(root, 'scripts', 'bundle');

/** Bundles a program of these lines, as all are bundled, and returns its path. */
async function bundleOf(t: TestContext, ...lines: readonly string[]): Promise<string> {
  const place = mkdtempSync(join(tmpdir(), 'rkt-bundles-'));
  t.after(() => rmSync(place, { recursive: true }));
  writeFileSync(join(place, 'program.ts'), ['const print = (line: string) => console.log(line);', ...lines].join('\n'));
  await bundle({ program: join(place, 'program.ts'), start: join(scripts, 'start.ts') }, place);
  return join(place, 'program.js');
}

const node = (...args: readonly string[]) => execFileSync(process.execPath, args, { encoding: 'utf8' }).trim();
const start = (path: string, ...args: readonly string[]) => node(join(dirname(path), 'start.js'), path, ...args);
const rehearse = (path: string, ...args: readonly string[]) =>
  node('--disable-warning=ExperimentalWarning', join(scripts, 'rehearse.ts'), path, ...args);

test('bundle() loads a module of Node when it is used first, however it is imported', async (t) => {
  const program = await bundleOf(
    t,
    "import { createHash } from 'node:crypto';",
    "import * as zlib from 'zlib';",
    "import tls from 'node:tls';",
    'const modules = process.moduleLoadList;',
    "const loaded = () => print(['crypto', 'zlib', 'tls', 'http'].filter((name) => modules.includes(`NativeModule ${name}`)).join(' '));",
    'const main = async () => {',
    '  loaded();',
    "  print(createHash('sha256').update(zlib.gunzipSync(zlib.gzipSync('x'))).digest('hex').slice(0, 8));",
    '  loaded();',
    '  print(typeof tls.connect);',
    "  print((await import('node:http')).METHODS.includes('GET') ? 'GET' : '');",
    '  loaded();',
    '};',
    'void main();',
  );
  assert.equal(start(program), '2d711642\ncrypto zlib\nfunction\nGET\ncrypto zlib tls http');
});

test('start.js shows a bundle the arguments and the place of a program of its own', async (t) => {
  const program = await bundleOf(t, 'print(JSON.stringify([...process.argv.slice(1), import.meta.dirname]));');
  assert.deepEqual(JSON.parse(start(program, '--a', 'b c')), [program, '--a', 'b c', dirname(program)]);
});

test('rehearse.ts keeps the code of what ran, and of what ran in earlier rehearsals', async (t) => {
  const program = await bundleOf(
    t,
    'const first = (words: string[]) => words.map((word) => word.toUpperCase()).join();',
    'const second = (words: string[]) => words.map((word) => word.toLowerCase()).join();',
    "print(process.argv[2] === 'first' ? first(process.argv) : process.argv[2] === 'second' ? second(process.argv) : '');",
  );
  const size = () => statSync(`${program}.code`).size;
  rehearse(program);
  const nothing = size();
  rehearse(program, 'first');
  const one = size();
  rehearse(program, 'second');
  assert.ok(nothing < one && one < size(), `${nothing} ${one} ${size()}`);
  assert.ok(loadBundle(program).isWarm);
});

test('compile.ts keeps the code of what never ran, the same wherever the bundle lies', async (t) => {
  const lines = ['const never = (words: string[]) => words.map((word) => word.toUpperCase()).join();', "print('once'); if (process.argv[2]) never([]);"]; // prettier-ignore
  const codes: Buffer[] = [];
  for (const name of ['first', 'second']) {
    const program = await bundleOf(t, ...lines);
    rehearse(program);
    const { size } = statSync(`${program}.code`);
    rmSync(`${program}.code`);
    const flags = ['--hash-seed=1', '--no-flush-bytecode', '--no-lazy', '--disable-warning=ExperimentalWarning'];
    node(...flags, join(scripts, 'compile.ts'), '/usr/lib/rkt', program);
    assert.ok(loadBundle(program).isWarm, name);
    assert.ok(statSync(`${program}.code`).size > size, name);
    codes.push(readFileSync(`${program}.code`));
    assert.equal(start(program), 'once');
  }
  assert.deepEqual(codes[0], codes[1]);
});

test('start.js passes over the code of another bundle, and what is no code', async (t) => {
  const [first, second] = [await bundleOf(t, "print('first!');"), await bundleOf(t, "print('second');")];
  rehearse(first);
  copyFileSync(`${first}.code`, `${second}.code`);
  assert.equal(statSync(first).size, statSync(second).size);
  assert.ok(!loadBundle(second).isWarm);
  assert.equal(start(second), 'second');
  writeFileSync(`${first}.code`, `${readFileSync(first, 'utf8').split('\n')[0]}no code at all`);
  assert.ok(!loadBundle(first).isWarm);
  assert.equal(start(first), 'first!');
});

const bundles = readdirSync(lib).filter((name) => name.endsWith('.js') && !['start.js', `${apart}.js`].includes(name));

test('every bundle has code beside it that V8 takes and everybody may read', () => {
  assert.ok(bundles.length > 12);
  for (const name of bundles) {
    assert.ok(loadBundle(join(lib, name)).isWarm, name);
    assert.equal(statSync(join(lib, `${name}.code`)).mode & 0o444, 0o444, name);
  }
});

/** The modules of Node that a run of a bundle loads. */
function modulesOf(t: TestContext, name: string, ...args: readonly string[]): string[] {
  const place = mkdtempSync(join(tmpdir(), 'rkt-bundles-'));
  t.after(() => rmSync(place, { recursive: true }));
  const [hook, list] = [join(place, 'hook.cjs'), join(place, 'list')];
  writeFileSync(
    hook,
    `process.on('exit', () => require('fs').writeFileSync(${JSON.stringify(list)}, process.moduleLoadList.join('\\n')));`,
  );
  const program = realpathSync(join(lib, 'node'));
  spawnSync(program, ['--require', hook, join(lib, 'start.js'), join(lib, name), ...args]);
  return node('-p', `require('fs').readFileSync(${JSON.stringify(list)}, 'utf8')`)
    .split('\n')
    .map((line) => line.replace(/^NativeModule /, ''));
}

const SLOW = ['child_process', 'crypto', 'http', 'net', 'stream', 'tls', 'worker_threads', 'zlib'];

for (const name of bundles.filter((found) => found.startsWith('rkt-'))) {
  test(`${name} --version loads nothing that takes its time`, (t) => {
    const loaded = modulesOf(t, name, '--version');
    assert.ok(loaded.includes('fs'));
    assert.deepEqual(
      SLOW.filter((module) => loaded.includes(module)),
      [],
    );
  });
}

test('rkt-fetch loads neither HTTP nor TLS for an image that is in the store or in a directory', (t) => {
  const images = execFileSync(join(root, 'scripts', 'images'), ['busybox'], { encoding: 'utf8' }).trim();
  const place = mkdtempSync(join(tmpdir(), 'rkt-bundles-'));
  t.after(() => rmSync(place, { recursive: true }));
  for (const policy of ['update', 'never']) {
    const loaded = modulesOf(t, 'rkt-fetch.js', `--dir=${place}`, `--pull-policy=${policy}`, `oci:${images}:latest`);
    assert.ok(loaded.includes('crypto'));
    assert.ok(!loaded.includes('http') && !loaded.includes('tls'), policy);
  }
});

test('executables start by a relative path and by a link', (t) => {
  const place = mkdtempSync(join(tmpdir(), 'rkt-bundles-'));
  t.after(() => rmSync(place, { recursive: true }));
  symlinkSync(join(root, 'dist', 'bin', 'rkt-version'), join(place, 'link'));
  for (const [cwd, program] of [
    [root, 'dist/bin/rkt-version'],
    [join(root, 'dist', 'bin'), './rkt-version'],
    [place, './link'],
  ] as const) {
    const { status, stdout, stderr } = spawnSync(program, ['--version'], { cwd, encoding: 'utf8' });
    assert.deepEqual([status, stdout, stderr], [0, `rkt-version ${VERSION}\n`, ''], program);
  }
});

test('a library that is a bundle of its own is loaded once, when it is needed, with the code that was kept of it', async (t) => {
  const program = await bundleOf(
    t,
    "const agent = async () => (await import('undici')).Agent;",
    'const main = async () => print(String((await agent()) === (await agent()) && new (await agent())() !== undefined));',
    "if (process.argv[2] === 'agent') void main();",
  );
  assert.equal(start(program), '');
  const library = join(dirname(program), 'undici.js');
  copyFileSync(join(lib, 'undici.js'), library);
  assert.equal(rehearse(program, 'agent'), 'true');
  assert.ok(statSync(`${library}.code`).size > 100_000);
  assert.equal(start(program, 'agent'), 'true');
});
