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
import { dirname, join, relative } from 'node:path';
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { compileFilters, launcher, parseDeclaration } from '@rkt/confinement';
import { compile, encode, parseProfile } from 'seccomp-tools';
import { apart, bundle, separate } from './bundle/esbuild.ts';
import { rehearse } from './bundle/rehearsals.ts';
import { generate } from '../packages/rkt/scripts/generate.ts';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
const lib = join(dist, 'lib', 'rkt');
const bin = join(dist, 'bin');

/** The launcher of a bundle: what its package declares, and nothing else. */
function launcherOf(name: string, path: string): string {
  const file = join(dirname(path), '..', 'privileges.json');
  const declaration = parseDeclaration(JSON.parse(readFileSync(file, 'utf8')), file);
  // rkt-fetch asks the authorities of the system itself, when those of Node do not do.
  return launcher({ name, declaration, flags: name === 'rkt-trust' ? ['--use-system-ca'] : [] });
}

/** Who needs the libraries that are bundles of their own. */
const fromRegistry = createRequire(join(root, 'packages', 'registry', 'package.json'));

type Kind = 'bundle' | 'script' | 'C';

/** The entry points in this folder of every package. */
function entries(folderName: 'bin' | 'libexec'): { name: string; path: string; kind: Kind }[] {
  return readdirSync(join(root, 'packages')).flatMap((folder) => {
    const directory = join(root, 'packages', folder, folderName);
    if (!existsSync(directory)) return [];
    return readdirSync(directory).map((file) => ({
      name: file.replace(/\.(ts|c)$/, ''),
      path: join(directory, file),
      kind: file.endsWith('.ts') ? 'bundle' : file.endsWith('.c') ? 'C' : 'script',
    }));
  });
}

function install(path: string, content: string): void {
  writeFileSync(path, content);
  chmodSync(path, 0o755);
}

/** The library that is no part of any bundle, as npm brought it, with its licence. */
function installApart(): void {
  copyFileSync(createRequire(import.meta.url).resolve(apart), join(lib, `${apart}.js`));
  copyFileSync(join(root, 'node_modules', apart, 'LICENSE'), join(lib, `${apart}.LICENSE`));
}

/** The default seccomp profile, and the filters for this machine: of pods, and of our own commands. */
function buildFilters(): void {
  const text = readFileSync(join(root, 'packages', 'seccomp-tools', 'profiles', 'default.json'), 'utf8');
  const arch = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
  writeFileSync(join(lib, 'seccomp.json'), text);
  writeFileSync(join(lib, 'seccomp.bpf'), encode(compile(parseProfile(text), { arch })));
  for (const [name, filter] of compileFilters(arch)) writeFileSync(join(lib, `${name}.bpf`), encode(filter));
}

async function main(): Promise<void> {
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(lib, { recursive: true });
  mkdirSync(bin, { recursive: true });
  execFileSync('make', ['-s', '-C', join(root, 'packages', 'stage1')], { stdio: 'inherit' });
  const built = (program: string) => join(root, 'packages', 'stage1', 'build', program);
  for (const program of ['stage1', 'unpack', 'iomux']) copyFileSync(built(program), join(lib, program));
  // CommonJS in a tree whose nearest package.json would say otherwise.
  writeFileSync(join(lib, 'package.json'), '{ "type": "commonjs" }\n');
  buildFilters();
  // Relative, so that a clone can be moved, or seen at another place.
  symlinkSync(relative(lib, process.execPath), join(lib, 'node'));
  installApart();
  const all = entries('bin');
  const bundles = [...all, ...entries('libexec')].filter(({ kind }) => kind === 'bundle');
  const start = { name: 'start', path: join(root, 'scripts', 'bundle', 'start.ts') };
  const libraries = separate.map((name) => ({ name, path: fromRegistry.resolve(name) }));
  await bundle(Object.fromEntries([...bundles, ...libraries, start].map(({ name, path }) => [name, path])), lib);
  for (const { name, path, kind } of all) {
    if (kind === 'C') copyFileSync(built(name), join(bin, name));
    else install(join(bin, name), kind === 'script' ? readFileSync(path, 'utf8') : launcherOf(name, path));
  }
  await generate(lib);
  await rehearse(
    lib,
    bundles.map(({ name }) => name),
  );
}

await main();
