// SPDX-License-Identifier: Apache-2.0
// Makes one file of an executable and all that it imports: see "Start-up" in docs/architecture.md.
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { build, type Plugin } from 'esbuild';

/** Node has these in memory before the first line of ours runs; loading any other takes milliseconds. */
const READY: ReadonlySet<string> = new Set(['fs', 'path', 'process', 'util'].flatMap((name) => [name, `node:${name}`]));

/** Loads a module of Node when something of it is used for the first time, which in most runs is never. */
const lazyModules: Plugin = {
  name: 'lazy-modules',
  setup: (builder) => {
    builder.onResolve({ filter: /^/ }, ({ path, kind }) =>
      // A require() of CommonJS stays as it is: what it returns may be called, extended or taken apart at once.
      isBuiltin(path) && !READY.has(path) && kind !== 'require-call' ? { path, namespace: 'lazy' } : undefined,
    );
    builder.onLoad({ filter: /^/, namespace: 'lazy' }, ({ path }) => ({
      // A name that somebody imports is looked up along the prototypes when it is used, and so comes to get().
      contents: `let loaded;
        const get = (_, name) => (loaded ??= require(${JSON.stringify(path)}))[name];
        module.exports = Object.create(new Proxy({}, { get }), { __esModule: { value: false } });`,
    }));
  },
};

/**
 * A library that is no part of any bundle but a file of its own, loaded when it is needed: its licence, the LGPL, wants
 * whoever has an installation to be able to replace it.
 */
export const apart = 'openpgp';

/** Libraries that are larger than all the rest and needed by few runs: each is a bundle of its own, beside the others. */
export const separate = ['undici'];

const leaveApart: Plugin = {
  name: 'leave-apart',
  setup: (builder) => {
    const filter = new RegExp(`^(${[apart, ...separate].join('|')})$`);
    builder.onResolve({ filter }, ({ path }) => ({ path: `./${path}.js`, external: true }));
  },
};

/** Bundles each entry point into a file of its own in the directory; its first line is a comment that names its content. */
export async function bundle(entryPoints: Record<string, string>, directory: string): Promise<void> {
  const { outputFiles } = await build({
    entryPoints,
    outdir: directory,
    write: false,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    conditions: ['source'],
    define: { 'import.meta.dirname': '__dirname', 'import.meta.url': '__filename' },
    plugins: [leaveApart, lazyModules],
    // What is imported where it is needed becomes a call of require: a bundle is one file, and costs nothing before.
    // What stands in for `using` keeps the error of one turn of a loop for the next; Node has it.
    supported: { 'dynamic-import': false, using: true },
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    logLevel: 'warning',
  });
  for (const { path, text } of outputFiles) {
    const source = text.replace(/^#!.*\n/, '');
    writeFileSync(path, `//${createHash('sha256').update(source).digest('hex')}\n${source}`);
  }
}
