// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { globalOptions, type OptionTable } from '@rkt/command';

/** What the word behind the options is. */
export type Operand = 'pod' | 'image' | 'file';

/** A command, or a command of a command, as the completion scripts want to know it. */
export interface CommandTable {
  /** Without `rkt-`. */
  readonly name: string;
  readonly summary: string;
  readonly options: OptionTable;
  readonly operand: Operand;
  readonly subcommands: readonly CommandTable[];
}

interface Described {
  readonly name: string;
  readonly synopsis: string;
  readonly summary: string;
  readonly options: OptionTable;
  readonly subcommands?: Readonly<Record<string, Described>>;
  /** The executable, without `rkt-`, that a script hands all its words to: its options are those of the script. */
  readonly optionsOf?: string;
}

/** The tables of all commands, found as the executables are: each `packages/NAME/bin/rkt-NAME` has one. */
export async function readTables(packages: string): Promise<CommandTable[]> {
  const found = new Map<string, Described>();
  for (const folder of readdirSync(packages).toSorted()) {
    const bin = join(packages, folder, 'bin');
    for (const file of existsSync(bin) ? readdirSync(bin) : []) {
      const name = file.replace(/\.(ts|c)$/, '');
      if (!name.startsWith('rkt-')) continue;
      found.set(name.slice('rkt-'.length), await describedIn(join(packages, folder, 'src'), name));
    }
  }
  return [...found].map(([name, described]) => {
    const same = found.get(described.optionsOf ?? '');
    return tableOf(name, { ...described, options: same?.options ?? described.options });
  });
}

/** The command object that a package exports: from `main.ts`, or from `options.ts` if the executable is a script or a program in C. */
async function describedIn(source: string, name: string): Promise<Described> {
  for (const file of ['main.ts', 'options.ts']) {
    const path = join(source, file);
    if (!existsSync(path)) continue;
    const module: unknown = await import(pathToFileURL(path).href);
    const found = Object.values(Object(module)).find((value) => isDescribed(value) && value.name === name);
    if (isDescribed(found)) return found;
  }
  throw new Error(`${source} exports no table of ${name}`);
}

function isDescribed(value: unknown): value is Described {
  return (
    typeof value === 'object' &&
    value !== null &&
    'name' in value &&
    'synopsis' in value &&
    'summary' in value &&
    'options' in value
  );
}

function tableOf(name: string, { synopsis, summary, options, subcommands = {} }: Described): CommandTable {
  return {
    name,
    summary,
    options: { ...options, ...globalOptions },
    operand: /\bUUID\b/.test(synopsis) ? 'pod' : /\bIMAGE\b/.test(synopsis) ? 'image' : 'file',
    subcommands: Object.entries(subcommands).map(([word, described]) => tableOf(word, described)),
  };
}

/** The options of a command and of all its own commands. */
export function allOptions(table: CommandTable): OptionTable {
  return Object.assign({}, table.options, ...table.subcommands.map(({ options }) => options));
}

/** Text as one word of a POSIX shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
