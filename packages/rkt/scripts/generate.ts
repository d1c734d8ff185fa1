// SPDX-License-Identifier: Apache-2.0
// Makes what the front needs of the option tables: `generate.ts DIR` writes DIR/{commands,options,completion/{bash,zsh,fish}}.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bashCompletion } from './bash.ts';
import { fishCompletion } from './fish.ts';
import { allOptions, readTables, type CommandTable } from './tables.ts';
import { zshCompletion } from './zsh.ts';

/** The lines `NAME<TAB>SUMMARY` of the commands. */
export function commandLines(tables: readonly CommandTable[]): string {
  return tables.map(({ name, summary }) => `${name}\t${summary}\n`).join('');
}

/** The lines `NAME<TAB>--OPTION<TAB>value|flag<TAB>TEXT` of the options of the commands. */
export function optionLines(tables: readonly CommandTable[]): string {
  return tables
    .flatMap((table) =>
      Object.entries(allOptions(table)).map(([name, option]) => {
        const kind = option.type === 'boolean' || option.implied !== undefined ? 'flag' : 'value';
        return `${table.name}\t--${name}\t${kind}\t${option.describe}\n`;
      }),
    )
    .join('');
}

/** Writes all files below the directory. */
export async function generate(directory: string): Promise<void> {
  const tables = await readTables(join(import.meta.dirname, '..', '..'));
  const completion = join(directory, 'completion');
  mkdirSync(completion, { recursive: true });
  writeFileSync(join(directory, 'commands'), commandLines(tables));
  writeFileSync(join(directory, 'options'), optionLines(tables));
  writeFileSync(join(completion, 'bash'), bashCompletion(tables));
  writeFileSync(join(completion, 'zsh'), zshCompletion(tables));
  writeFileSync(join(completion, 'fish'), fishCompletion(tables));
}

if (import.meta.main)
  await generate(process.argv[2] ?? join(import.meta.dirname, '..', '..', '..', 'dist', 'lib', 'rkt'));
