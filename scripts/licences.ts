// SPDX-License-Identifier: Apache-2.0
// Prints the licences of all that an installation contains: of rkt, of what its bundles are made of, and of Node.
import { existsSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

interface Entry {
  readonly version: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly link?: boolean;
  readonly optional?: boolean;
}

/** What npm brought for use at run time; of the optional packages only Node, and that of this machine. */
function packages(): (readonly [path: string, entry: Entry])[] {
  const lock: { packages: Record<string, Entry> } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  return Object.entries(lock.packages).filter(([path, { dev, link, optional }]) => {
    if (!path.includes('node_modules/') || dev || link) return false;
    return !optional || (path.startsWith('node_modules/node-linux-') && existsSync(join(root, path)));
  });
}

/** The text of a package's licence; that of Apache is long and known, and one package only says that its licence is MIT's. */
function textOf(path: string, { license }: Entry): string {
  if (license === 'Apache-2.0') return 'Apache License, version 2.0: see http://www.apache.org/licenses/LICENSE-2.0\n';
  const file = readdirSync(join(root, path)).find((name) => /^licen[cs]e(\.(md|txt))?$/i.test(name));
  if (file === undefined && license === 'MIT') return 'MIT License: see https://opensource.org/license/mit\n';
  if (file === undefined) throw new Error(`${path}: has no licence file`);
  return readFileSync(join(root, path, file), 'utf8');
}

function main(): void {
  const own = readFileSync(join(root, 'LICENSE'), 'utf8');
  const others = new Map(
    packages().map(([path, entry]) => {
      const name = path.replace(/^.*node_modules\//, '');
      return [`${name} ${entry.version} (${String(entry.license)})`, textOf(path, entry)] as const;
    }),
  );
  const rule = '-'.repeat(72);
  const parts = [...others].map(([title, text]) => `${rule}\n${title}\n\n${text.trim()}\n`);
  const text = `rkt\n\n${own.trim()}\n\nOn Debian that licence is /usr/share/common-licenses/Apache-2.0.\n\nrkt contains:\n\n${parts.join('\n')}`;
  for (let done = 0, bytes = Buffer.from(text); done < bytes.length;) done += writeSync(1, bytes, done);
}

main();
