// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Script } from 'node:vm';

/** A bundle in memory. */
export interface LoadedBundle {
  /** True if the code that was kept beside it is used. */
  readonly isWarm: boolean;
  readonly run: () => void;
  /** Keeps the code of all functions that have run beside the bundle, for those who load it from now on. */
  readonly keepCode: () => void;
}

/** What a bundle is: a function of what it asks for, which is nothing but modules of Node, and of where it lies. */
type Bundle = (require: typeof process.getBuiltinModule, dirname: string, filename: string) => void;

/** Loads a bundle with the code that is kept beside it, if there is any. V8 writes the name of the file into that code. */
export function loadBundle(given: string, filename: string = resolve(given)): LoadedBundle {
  const path = resolve(given);
  const source = readFileSync(path, 'utf8');
  const title = Buffer.from(source.slice(0, source.indexOf('\n')));
  const cachedData = readCode(path, title);
  const script = new Script(`(function(require,__dirname,__filename){${source}\n})`, {
    filename,
    ...(cachedData && { cachedData }),
  });
  return {
    // V8 refuses what another version of it made.
    isWarm: script.cachedDataRejected === false,
    run: () => {
      const bundle: Bundle = script.runInThisContext();
      bundle((name: string) => process.getBuiltinModule(name), dirname(path), path);
    },
    keepCode: () => {
      writeFileSync(codePath(path), Buffer.concat([title, script.createCachedData()]));
    },
  };
}

const codePath = (path: string) => `${path}.code`;

/** V8 compares nothing but lengths: whether the code is of this bundle tells the title that both begin with. */
function readCode(path: string, title: Buffer): Buffer | undefined {
  if (!existsSync(codePath(path))) return undefined;
  const bytes = readFileSync(codePath(path));
  return bytes.subarray(0, title.byteLength).equals(title) ? bytes.subarray(title.byteLength) : undefined;
}
