// SPDX-License-Identifier: Apache-2.0
// Builds `dist/`, which has the layout of an installation: bin/ launchers, lib/rkt/ bundles and programs, share/man/ pages.
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join, relative } from 'node:path';
import { execFileSync, spawnSync } from 'node:child_process';
import { build } from 'esbuild';
import { compile, encode, parseProfile } from 'seccomp-tools';
import { generate } from '../packages/rkt/scripts/generate.ts';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
const lib = join(dist, 'lib', 'rkt');
const bin = join(dist, 'bin');

/** Variables of the caller that change what Node does; only rkt-fetch has a use for further certificates. */
const foreign = (name: string) => (name === 'rkt-fetch' ? 'NODE_OPTIONS' : 'NODE_OPTIONS NODE_EXTRA_CA_CERTS');

/** Registries are trusted as the machine trusts servers, not as Node does by itself. */
const flags = (name: string) => (name === 'rkt-fetch' ? '--use-system-ca ' : '');

/** The sh launcher of a bundle, from `launcher.sh`. */
function launcher(name: string): string {
  const template = readFileSync(join(root, 'scripts', 'launcher.sh'), 'utf8');
  return template.replaceAll('@name@', name).replaceAll('@foreign@', foreign(name)).replaceAll('@flags@', flags(name));
}

/** The entry points in this folder of every package. */
function entries(folderName: 'bin' | 'libexec'): { name: string; path: string; shell: boolean }[] {
  return readdirSync(join(root, 'packages')).flatMap((folder) => {
    const directory = join(root, 'packages', folder, folderName);
    if (!existsSync(directory)) return [];
    return readdirSync(directory).map((file) => ({
      name: basename(file, '.ts'),
      path: join(directory, file),
      shell: !file.endsWith('.ts'),
    }));
  });
}

function install(path: string, content: string): void {
  writeFileSync(path, content);
  chmodSync(path, 0o755);
}

async function bundle(points: readonly { name: string; path: string }[]): Promise<void> {
  await build({
    entryPoints: Object.fromEntries(points.map(({ name, path }) => [name, path])),
    outdir: lib,
    bundle: true,
    platform: 'node',
    target: 'node24',
    // Node has it, and what stands in for it keeps the error of one turn of a loop for the next.
    supported: { using: true },
    format: 'cjs',
    conditions: ['source'],
    define: { 'import.meta.dirname': '__dirname', 'import.meta.url': '__filename' },
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    logLevel: 'warning',
  });
}

/** The default seccomp profile, and its filter for this machine. */
function buildFilter(): void {
  const text = readFileSync(join(root, 'packages', 'seccomp-tools', 'profiles', 'default.json'), 'utf8');
  const arch = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
  writeFileSync(join(lib, 'seccomp.json'), text);
  writeFileSync(join(lib, 'seccomp.bpf'), encode(compile(parseProfile(text), { arch })));
}

/** Fills the compile cache of V8 beside the bundles, which halves what loading them costs. */
function fillCache(names: readonly string[]): void {
  for (const name of names) spawnSync(join(bin, name), ['--help'], { stdio: 'ignore' });
}

async function main(): Promise<void> {
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(lib, { recursive: true });
  mkdirSync(bin, { recursive: true });
  execFileSync('make', ['-s', '-C', join(root, 'packages', 'stage1')], { stdio: 'inherit' });
  for (const program of ['stage1', 'unpack']) {
    const built = join(root, 'packages', 'stage1', 'build', program);
    if (existsSync(built)) copyFileSync(built, join(lib, program));
  }
  // CommonJS in a tree whose nearest package.json would say otherwise.
  writeFileSync(join(lib, 'package.json'), '{ "type": "commonjs" }\n');
  buildFilter();
  // Relative, so that a clone can be moved, or seen at another place.
  symlinkSync(relative(lib, process.execPath), join(lib, 'node'));
  const all = entries('bin');
  await bundle([...all, ...entries('libexec')].filter(({ shell }) => !shell));
  for (const { name, path, shell } of all)
    install(join(bin, name), shell ? readFileSync(path, 'utf8') : launcher(name));
  await generate(lib);
  fillCache(all.filter(({ shell }) => !shell).map(({ name }) => name));
}

await main();
