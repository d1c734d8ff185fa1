// SPDX-License-Identifier: Apache-2.0
// The shape of a package: what is missing, what is of the wrong form.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Package, packages } from './tree.ts';
import { tiers } from './rules.ts';

const privilegeKeys = ['user', 'capabilities', 'network', 'reads', 'writes', 'runs', 'environment'];
const README_LINES = 30;

/** What is wrong with the shape of a package, in words. */
export function shapeFaults(found: Package): string[] {
  const missing = (paths: readonly string[]) =>
    paths.filter((path) => !existsSync(join(found.path, path))).map((path) => `${path} is missing`);
  switch (found.kind) {
    case 'programs in C':
      return [...missing(['src']), ...testFaults(found)];
    case 'library':
      return [...missing(['src/index.ts', 'README.md']), ...readmeFaults(found), ...testFaults(found)];
    case 'executable':
      return [
        ...missing(['README.md', 'privileges.json']),
        ...readmeFaults(found),
        ...testFaults(found),
        ...privilegeFaults(found),
        ...binFaults(found),
      ];
    default:
      return found.kind satisfies never;
  }
}

function readmeFaults({ path }: Package): string[] {
  const readme = join(path, 'README.md');
  const lines = existsSync(readme) ? readFileSync(readme, 'utf8').split('\n').length - 1 : 0;
  return lines > README_LINES ? [`README.md has ${String(lines)} lines: wanted at most ${String(README_LINES)}`] : [];
}

function testFaults({ path }: Package): string[] {
  const directory = join(path, 'test');
  const files = existsSync(directory) ? readdirSync(directory) : [];
  return files.some((file) => file.endsWith('.test.ts')) ? [] : ['test/ has no *.test.ts'];
}

function privilegeFaults({ path }: Package): string[] {
  const file = join(path, 'privileges.json');
  if (!existsSync(file)) return [];
  const declared: Record<string, unknown> = JSON.parse(readFileSync(file, 'utf8'));
  return [
    ...privilegeKeys.filter((key) => !(key in declared)).map((key) => `privileges.json does not say "${key}"`),
    ...Object.keys(declared)
      .filter((key) => !privilegeKeys.includes(key))
      .map((key) => `privileges.json has an unknown "${key}"`),
  ];
}

/** Each executable is named in package.json, has a page, and its options and recipe where they belong. */
function binFaults(found: Package): string[] {
  const bin = join(found.path, 'bin');
  if (!existsSync(bin)) return ['bin is missing'];
  return readdirSync(bin).flatMap((file) => {
    const name = file.replace(/\.(ts|c)$/, '');
    const hasRecipe = file.endsWith('.ts');
    const wanted = [`man/${name}.1.md`];
    // A program for anyone is not made with the frame; a script or a program in C has no recipe in TypeScript, and rkt itself no options.
    if (found.name.startsWith('@rkt/') && found.folder !== 'rkt') wanted.push('src/options.ts');
    if (found.name.startsWith('@rkt/') && hasRecipe) wanted.push('src/main.ts');
    return [
      ...(name in found.bin ? [] : [`package.json has no bin "${name}"`]),
      ...wanted.filter((path) => !existsSync(join(found.path, path))).map((path) => `${path} is missing`),
    ];
  });
}

/** The tier of a package, undefined when the table does not have it. */
function tierOf(found: Package): number | undefined {
  return tiers[found.folder] ?? (found.kind === 'executable' ? 5 : undefined);
}

/** Dependencies that point upwards or sideways. */
export function tierFaults(found: Package): string[] {
  if (found.kind === 'programs in C') return [];
  const own = tierOf(found);
  if (own === undefined) return ['has no tier: add it to test/tidy/rules.ts'];
  return found.dependencies.flatMap((name) => {
    const other = packages.find((candidate) => candidate.name === name);
    if (other === undefined) return [];
    const tier = tierOf(other);
    return tier !== undefined && tier < own
      ? []
      : [`of tier ${String(own)} depends on ${name} of tier ${String(tier)}`];
  });
}
