// SPDX-License-Identifier: Apache-2.0
import { globalOptions, type Command, type Option, type OptionTable } from './command.ts';

/** The text of `--help`: usage, summary, the options of the table. */
export function helpOf(command: Pick<Command, 'name' | 'synopsis' | 'summary' | 'options'>): string {
  const usage = command.synopsis
    .split('\n')
    .map((line, index) => `${index === 0 ? 'usage: ' : '       '}${line}`)
    .join('\n');
  const sections = [usage, command.summary];
  if (Object.keys(command.options).length > 0) sections.push(`options:\n${optionLines(command.options)}`);
  sections.push(`global options:\n${optionLines(globalOptions)}`, `See ${command.name}(1).`);
  return `${sections.join('\n\n')}\n`;
}

/** How an option is written: `-f, --full`, `--format FORMAT`. */
export function signature(name: string, option: Option): string {
  const short = option.alias === undefined ? '' : `-${option.alias}, `;
  if (option.type === 'boolean') return `${short}--${name}`;
  const value = option.value ?? (option.type === 'number' ? 'N' : 'VALUE');
  return option.implied === undefined ? `${short}--${name}=${value}` : `${short}--${name}[=${value}]`;
}

/** What an option does, with its default and choices. */
export function description(option: Option): string {
  const choices = option.choices ? ` (${option.choices.join(', ')})` : '';
  const fallback =
    option.default === undefined || option.default === false || option.default === ''
      ? ''
      : ` [default: ${option.default}]`;
  return `${option.describe}${choices}${fallback}`;
}

function optionLines(options: OptionTable): string {
  return Object.entries(options)
    .map(([name, option]) => {
      const head = `  ${signature(name, option)}`;
      return head.length < 30
        ? `${head.padEnd(30)}${description(option)}`
        : `${head}\n${' '.repeat(30)}${description(option)}`;
    })
    .join('\n');
}
