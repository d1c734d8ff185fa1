// SPDX-License-Identifier: Apache-2.0
import type { Option, OptionTable } from '@rkt/command';
import { quoted, type CommandTable } from './tables.ts';

const OPERANDS: Readonly<Record<CommandTable['operand'], string | undefined>> = {
  pod: '(rkt list --full --no-legend 2>/dev/null | cut -f1)',
  image: '(rkt image list --no-legend 2>/dev/null | cut -f1)',
  file: undefined,
};

/** The completion script of fish. */
export function fishCompletion(tables: readonly CommandTable[]): string {
  const words = tables.map(({ name }) => name).join(' ');
  const lines = [
    '# fish completion of rkt',
    ...tables.flatMap((table) => commandLines(table)),
    complete(`__fish_use_subcommand`, `-a help -d ${fish('print the help of a command')}`),
    complete('__fish_use_subcommand', `-a completion -d ${fish('print a completion script')}`),
    complete('__fish_seen_subcommand_from help', `-f -a ${fish(words)}`),
    complete('__fish_seen_subcommand_from completion', `-f -a 'bash zsh fish'`),
  ];
  return `${lines.join('\n')}\n`;
}

function commandLines(table: CommandTable): string[] {
  const here = `__fish_seen_subcommand_from ${table.name}`;
  const first = complete('__fish_use_subcommand', `-a ${table.name} -d ${fish(table.summary)}`);
  if (table.subcommands.length === 0) return [first, ...optionLines(here, table.options), ...operandLines(here, table)];
  const subs = table.subcommands.map(({ name }) => name).join(' ');
  const none = `${here}; and not __fish_seen_subcommand_from ${subs}`;
  return [
    first,
    ...optionLines(here, table.options),
    ...table.subcommands.flatMap((sub) => {
      const there = `${here}; and __fish_seen_subcommand_from ${sub.name}`;
      return [
        complete(none, `-f -a ${sub.name} -d ${fish(sub.summary)}`),
        ...optionLines(there, sub.options).filter((line) => !optionLines(there, table.options).includes(line)),
        ...operandLines(there, sub),
      ];
    }),
  ];
}

function optionLines(condition: string, options: OptionTable): string[] {
  return Object.entries(options).map(([name, option]) =>
    complete(condition, `-l ${name}${valueOf(option)} -d ${fish(option.describe)}`),
  );
}

function valueOf(option: Option): string {
  if (option.type === 'boolean' || option.implied !== undefined) return '';
  if (option.choices !== undefined) return ` -x -a ${fish(option.choices.join(' '))}`;
  return option.value === 'FILE' || option.value === 'DIR' ? ' -r' : ' -x';
}

function operandLines(condition: string, { operand }: CommandTable): string[] {
  const words = OPERANDS[operand];
  return words === undefined ? [] : [complete(condition, `-f -a ${fish(words)}`)];
}

function complete(condition: string, rest: string): string {
  return `complete -c rkt -n ${quoted(condition)} ${rest}`;
}

/** Text as one word of fish, which knows backslashes in single quotes. */
function fish(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
