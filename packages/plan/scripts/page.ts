// SPDX-License-Identifier: Apache-2.0
import { flagSets } from '../src/flags.ts';
import { operations, type ArgumentKind } from '../src/operations.ts';

/** Fills the generated parts of rkt-plan(5), which stand between markers, from the tables. */
export function fillPage(page: string): string {
  return fill(fill(page, 'operations', printOperations()), 'constants', printConstants());
}

function printOperations(): string[] {
  return Object.entries(operations).flatMap(([name, { args, see, text }]) => [
    `  * \`${[name, ...args.map(([argument, kind]) => usage(argument, kind))].join(' ')}\`:`,
    `    ${text}${see === 'rkt-plan(5)' ? '' : ` See ${see}.`}`,
    '',
  ]);
}

/** Capital letters for an argument as manual pages have them; what may be left out is in brackets. */
function usage(argument: string, kind: ArgumentKind): string {
  const name = argument.toUpperCase();
  if (kind === 'strings' || kind === 'ids') return `[${name}]...`;
  return name;
}

function printConstants(): string[] {
  return Object.entries(flagSets).flatMap(([set, constants]) => [
    `  * ${usersOf(set)}:`,
    `    ${constants.map((constant) => `\`${constant}\``).join(', ')}`,
    '',
  ]);
}

/** Which arguments take constants of the set: `mount FLAGS`. */
function usersOf(set: string): string {
  const users = Object.entries(operations).flatMap(([name, { args }]) => {
    const names = args
      .filter(([, kind]: readonly [string, ArgumentKind]) => kind.split(':')[1] === set)
      .map(([argument]) => argument.toUpperCase());
    return names.length === 0 ? [] : [`\`${name} ${names.join(', ')}\``];
  });
  return users.join('; ');
}

function fill(page: string, part: string, lines: readonly string[]): string {
  const begin = `[//]: # (generated: ${part})\n`;
  const end = `[//]: # (end: ${part})`;
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the page has no markers of "${part}"`);
  return `${page.slice(0, from + begin.length)}\n${lines.join('\n')}\n${page.slice(to)}`;
}
