// SPDX-License-Identifier: Apache-2.0
// Writes the systemd units of the packages: units.ts DIRECTORY BINDIR
// Each package keeps its own in systemd/; what binds a service comes from the privileges.json beside them.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDeclaration, unitLines } from '@rkt/confinement';

const packages = join(import.meta.dirname, '..', 'packages');

function main([directory, bindir]: readonly string[]): void {
  if (directory === undefined || bindir === undefined) throw new Error('wanted units.ts DIRECTORY BINDIR');
  mkdirSync(directory, { recursive: true });
  for (const folder of readdirSync(packages)) {
    const units = join(packages, folder, 'systemd');
    if (!existsSync(units)) continue;
    const file = join(packages, folder, 'privileges.json');
    const lines = unitLines(parseDeclaration(JSON.parse(readFileSync(file, 'utf8')), file));
    for (const name of readdirSync(units)) {
      const text = readFileSync(join(units, name), 'utf8');
      const filled = text.replaceAll('@bindir@', () => bindir).replace('@privileges@', () => lines.join('\n'));
      writeFileSync(join(directory, name), filled);
    }
  }
}

main(process.argv.slice(2));
