// SPDX-License-Identifier: Apache-2.0
// The rules of the repository that no compiler and no linter knows.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { shapeFaults, tierFaults } from './tidy/packages.ts';
import { bans, emptyNames, limitOf, longFiles } from './tidy/rules.ts';
import { packages, root, type Source, sources } from './tidy/tree.ts';

/** All faults at once, one a line, so that one run shows what there is to do. */
function none(faults: readonly string[]): void {
  if (faults.length > 0) assert.fail(`\n${faults.join('\n')}\n`);
}

const lineOf = (text: string, index: number): number => text.slice(0, index).split('\n').length;

test('packages have the shape of their kind', () => {
  none(packages.flatMap((found) => shapeFaults(found).map((fault) => `packages/${found.folder}: ${fault}`)));
});

test('packages depend on lower tiers only', () => {
  none(packages.flatMap((found) => tierFaults(found).map((fault) => `packages/${found.folder}: ${fault}`)));
});

test('code imports no executable', () => {
  const executables = packages.filter(({ kind, name }) => kind === 'executable' && name !== 'seccomp-tools');
  const faults = sources.flatMap(({ path, text }) =>
    [...text.matchAll(/(?:from|import)\s*\(?'(@rkt\/[^']+)'/g)]
      .filter(([, name]) => executables.some((found) => found.name === name))
      .map(([, name]) => `${path}: imports ${String(name)}: run it by its name`),
  );
  none(faults);
});

test('code reaches into no other package', () => {
  const deep = /(?:from|import)\s*\(?'(?:@rkt\/[^'/]+\/|(?:\.\.\/)+packages\/)/;
  none(
    sources
      .filter(({ path, text }) => /^packages\/.*\.ts$/.test(path) && deep.test(text))
      .map(({ path }) => `${path}: imports a file of another package: use its name`),
  );
});

test('code avoids what has a better word', () => {
  const faults = bans.flatMap(({ pattern, instead, where, except }) =>
    sources
      .filter(({ path }) => where.test(path) && !Object.keys(except).some((excepted) => path.startsWith(excepted)))
      .flatMap(({ path, text }) => {
        const match = pattern.exec(text);
        return match ? [`${path}:${String(lineOf(text, match.index))}: "${match[0]}": use ${instead}`] : [];
      }),
  );
  none(faults);
});

test('packages that start programs say which', () => {
  const starters = packages.filter(({ folder, kind }) => {
    if (kind === 'programs in C' || folder === 'files' || folder === 'pod-fixtures') return false;
    return sources.some(
      ({ path, text }) =>
        path.startsWith(`packages/${folder}/`) && /\/(src|bin|libexec)\//.test(path) && text.includes('child_process'),
    );
  });
  const faults = starters.flatMap(({ folder, path, kind }) => {
    if (kind === 'library')
      return [
        `packages/${folder}: a library starts programs: let an executable do it, or give @rkt/files the function`,
      ];
    const file = join(path, 'privileges.json');
    const declared: { runs?: readonly string[] } = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
    return declared.runs?.length ? [] : [`packages/${folder}: starts programs and privileges.json has no "runs"`];
  });
  none(faults);
});

test('names of files and packages say what is in them', () => {
  const named = [...sources.map(({ path }) => path), ...packages.map(({ folder }) => `packages/${folder}`)];
  none(
    named
      .filter((path) => path.split('/').some((part) => emptyNames.test(part)))
      .map((path) => `${path}: name the thing that it owns`),
  );
});

test('files stay short', () => {
  const faults = sources.flatMap(({ path, text }) => {
    const [limit = limitOf(path)] = longFiles[path] ?? [];
    const lines = text.split('\n').length - 1;
    return limit !== undefined && lines > limit
      ? [`${path}: ${String(lines)} lines: wanted at most ${String(limit)}`]
      : [];
  });
  none(faults);
});

test('the list of long files has nothing that became short', () => {
  const faults = Object.keys(longFiles).filter((path) => {
    const found = sources.find((source) => source.path === path);
    return found === undefined || found.text.split('\n').length - 1 <= (limitOf(path) ?? 0);
  });
  none(faults.map((path) => `${path}: strike it from the list`));
});

test('every source file states its licence in the first lines', () => {
  const wanted = ({ path, text }: Source) =>
    /\.(ts|c|h|S)$/.test(path) || /(^|\/)Makefile$/.test(path) || text.startsWith('#!');
  none(
    sources
      .filter((source) => wanted(source) && !/SPDX-License-Identifier: Apache-2\.0/.test(source.text.slice(0, 400)))
      .map(({ path }) => `${path}: has no SPDX line`),
  );
});

test('every runtime dependency has its reasons in docs/dependencies.md', () => {
  const reasons = readFileSync(join(root, 'docs', 'dependencies.md'), 'utf8');
  const ours = new Set(packages.map(({ name }) => name));
  const foreign = new Set(packages.flatMap(({ dependencies }) => dependencies).filter((name) => !ours.has(name)));
  const listed = [...reasons.matchAll(/^\| `([^`]+)`/gm)].map(([, name]) => String(name));
  none([
    ...[...foreign].filter((name) => !listed.includes(name)).map((name) => `${name}: has no line`),
    ...listed.filter((name) => !foreign.has(name)).map((name) => `${name}: is listed, and nothing depends on it`),
  ]);
});

test('links in Markdown lead somewhere', () => {
  const faults = sources
    .filter(({ path }) => path.endsWith('.md'))
    .flatMap(({ path, text }) =>
      [...text.replaceAll(/```[\s\S]*?```|`[^`\n]*`/g, '').matchAll(/\]\(([^)\s]+)\)/g)]
        .map(([, target]) => String(target).replace(/#.*/, ''))
        .filter((target) => target !== '' && !/^[a-z]+:/.test(target))
        .filter((target) => !existsSync(join(root, dirname(path), target)))
        .map((target) => `${path}: leads to ${target}, which is not there`),
    );
  none(faults);
});

test('executables have the names of their packages', () => {
  const faults = packages
    .filter(({ kind, name }) => kind === 'executable' && name.startsWith('@rkt/'))
    .flatMap(({ folder, bin }) => {
      const wanted = folder === 'rkt' ? 'rkt' : `rkt-${folder}`;
      return wanted in bin ? [] : [`packages/${folder}: its bin is not "${wanted}" but "${Object.keys(bin).join()}"`];
    });
  none(faults);
});

for (const { path, text } of sources)
  if (/^packages\/[^/]+\/scripts\/generate\.ts$/.test(path) && text.includes("'--check'"))
    test(`generated files are fresh: ${basename(dirname(dirname(path)))}`, () => {
      const run = spawnSync(join(root, 'scripts', 'node'), [join(root, path), '--check'], { encoding: 'utf8' });
      assert.equal(run.status, 0, run.stderr + run.stdout);
    });
