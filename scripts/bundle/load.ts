// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Script } from 'node:vm';

/** A bundle in memory. */
export interface LoadedBundle {
  /** True if the code that was kept beside it is used. */
  readonly isWarm: boolean;
  /** Runs it and returns what it exports. */
  readonly run: () => unknown;
  /** Keeps the code of all functions that have run beside the bundle, for those who load it from now on. */
  readonly keepCode: () => void;
}

type Require = (name: string) => unknown;

/** What a bundle is: a function of what CommonJS has. It requires nothing but modules of Node and what lies beside it. */
type Bundle = (given: {
  readonly require: Require;
  readonly module: { exports: unknown };
  readonly __dirname: string;
  readonly __filename: string;
}) => void;

/** Loads a bundle with the code that is kept beside it, if there is any. V8 writes the name of the file into that code. */
export function loadBundle(given: string, filename: string = resolve(given)): LoadedBundle {
  const path = resolve(given);
  const source = readFileSync(path, 'utf8');
  const title = Buffer.from(source.slice(0, source.indexOf('\n')));
  const cachedData = readCode(path, title);
  const script = new Script(
    `(function({require,module,__dirname,__filename}){var exports=module.exports;${source}\n})`,
    { filename, ...(cachedData && { cachedData }) },
  );
  const beside = new Map<string, ReturnType<typeof runBeside>>();
  const require: Require = (name) => {
    if (!name.startsWith('./')) return process.getBuiltinModule(name);
    const found = beside.get(name) ?? runBeside(resolve(dirname(path), name), resolve(dirname(filename), name));
    beside.set(name, found);
    return found.exports;
  };
  return {
    // V8 refuses what another version of it made.
    isWarm: script.cachedDataRejected === false,
    run: () => {
      const bundle: Bundle = script.runInThisContext();
      const module = { exports: {} };
      bundle({ require, module, __dirname: dirname(path), __filename: path });
      return module.exports;
    },
    keepCode: () => {
      for (const { bundle } of beside.values()) bundle.keepCode();
      if (isTitle(title)) writeFileSync(codePath(path), Buffer.concat([title, script.createCachedData()]));
    },
  };
}

function runBeside(path: string, filename: string): { readonly bundle: LoadedBundle; readonly exports: unknown } {
  const bundle = loadBundle(path, filename);
  return { bundle, exports: bundle.run() };
}

const codePath = (path: string) => `${path}.code`;

/** V8 compares nothing but lengths: whether the code is of this bundle tells the title that both begin with. */
function readCode(path: string, title: Buffer): Buffer | undefined {
  if (!existsSync(codePath(path))) return undefined;
  const bytes = readFileSync(codePath(path));
  return bytes.subarray(0, title.byteLength).equals(title) ? bytes.subarray(title.byteLength) : undefined;
}

/** A library that was not bundled has no title, so nothing is kept of it: whoever replaces it gets what it says. */
function isTitle(line: Buffer): boolean {
  return /^\/\/[0-9a-f]{64}$/.test(line.toString());
}
