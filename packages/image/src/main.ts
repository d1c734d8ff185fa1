// SPDX-License-Identifier: Apache-2.0
import { run, type Command, type OptionTable } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { printable } from '@rkt/names';
import { attestations, provenance, sbom } from './attached.ts';
import { catManifest } from './cat-manifest.ts';
import { check } from './check.ts';
import { exportImage } from './export.ts';
import { gc } from './gc.ts';
import { list } from './list.ts';
import { extract, render } from './render.ts';
import { rm } from './rm.ts';

/** A command of rkt-image: what help and completion want to know, and its start. */
interface Subcommand {
  readonly name: string;
  readonly synopsis: string;
  readonly summary: string;
  readonly options: OptionTable;
  readonly start: (argv: readonly string[]) => Promise<void>;
}

function subcommand<T extends OptionTable>(command: Command<T>): Subcommand {
  const { name, synopsis, summary, options: table } = command;
  return { name, synopsis, summary, options: table, start: async (argv) => run(command, argv) };
}

const subcommands: Readonly<Record<string, Subcommand>> = {
  list: subcommand(list),
  'cat-manifest': subcommand(catManifest),
  rm: subcommand(rm),
  gc: subcommand(gc),
  export: subcommand(exportImage),
  extract: subcommand(extract),
  render: subcommand(render),
  check: subcommand(check),
  attestations: subcommand(attestations),
  provenance: subcommand(provenance),
  sbom: subcommand(sbom),
};

/** Help and man page of rkt-image itself show the options of its commands, each behind the names of those that have it. */
const options: OptionTable = Object.fromEntries(
  Object.values(subcommands)
    .flatMap(({ options: table }) => Object.entries(table))
    .map(([name, option]) => [name, { ...option, describe: describeFor(name) }]),
);

function describeFor(name: string): string {
  const commandsOf = new Map<string, string[]>();
  for (const [command, { options: table }] of Object.entries(subcommands)) {
    const describe = table[name]?.describe;
    if (describe !== undefined) commandsOf.set(describe, [...(commandsOf.get(describe) ?? []), command]);
  }
  return [...commandsOf].map(([describe, commands]) => `${commands.join(', ')}: ${describe}`).join('; ');
}

/**
 * rkt-image: what can be done with images of the store. The man pages and completions are printed from it.
 *
 * @public
 */
export const image: Command & { readonly subcommands: Readonly<Record<string, Subcommand>> } = {
  name: 'rkt-image',
  synopsis: Object.values(subcommands)
    .map(({ synopsis }) => synopsis)
    .join('\n'),
  summary:
    'list, print, remove, collect, export, extract and check images of the store, and show what is attached to them',
  options,
  subcommands,
  main: (_given, operands) => {
    const names = Object.keys(subcommands).join(', ');
    if (operands[0] === undefined) throw new Failure(EXIT.usage, `missing command: wanted one of ${names}`);
    const word = printable(operands[0]);
    const found = matching(operands[0]);
    const why = found.length === 0 ? `no such command: wanted one of ${names}` : `it may be ${found.join(', ')}`;
    throw new Failure(EXIT.usage, `cannot find command "${word}": ${why}`);
  },
};

/** Starts the command that the first word behind leading options names, cut short or not. */
export async function start(argv: readonly string[]): Promise<void> {
  const place = placeOfCommand(argv);
  const [name, ...more] = matching(argv[place] ?? '');
  const chosen = name === undefined || more.length > 0 ? undefined : subcommands[name];
  if (chosen === undefined) return run(image, argv);
  return chosen.start(argv.toSpliced(place, 1));
}

function matching(word: string): string[] {
  const names = Object.keys(subcommands);
  if (word === '') return [];
  return names.includes(word) ? [word] : names.filter((name) => name.startsWith(word));
}

/** Options may stand before the command: the words that are their values are not it. */
function placeOfCommand(argv: readonly string[]): number {
  const tables = Object.values(subcommands).map((sub) => sub.options);
  const takesValue = (word: string): boolean => {
    if (word === '--dir') return true;
    return tables.some((table) => {
      const option = word.startsWith('--') ? table[word.slice(2)] : undefined;
      return option !== undefined && option.type !== 'boolean' && option.implied === undefined;
    });
  };
  let place = 0;
  while (place < argv.length && argv[place]?.startsWith('-')) place += takesValue(argv[place] ?? '') ? 2 : 1;
  return place;
}
