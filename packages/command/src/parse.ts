// SPDX-License-Identifier: Apache-2.0
import parser from 'yargs-parser';
import { EXIT, Failure } from '@rkt/exit';
import { type Given, type Option, type OptionTable } from './command.ts';

/** The options and operands of a command line. */
export interface Parsed<T extends OptionTable> {
  readonly given: Given<T>;
  readonly operands: readonly string[];
}

/**
 * Parses a command line strictly: unknown options, missing values and values that are not one of the choices are usage errors.
 */
export function parseOptions<T extends OptionTable>(options: T, argv: readonly string[]): Parsed<T> {
  const words = joinDashes(options, argv).map((word) => implied(options, word));
  const { argv: parsed, error } = parser.detailed(words, configuration(options));
  if (error) throw new Failure(EXIT.usage, lowerFirst(error.message));
  refuseUnknown(options, parsed);
  const given: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(options)) given[name] = valueOf(name, option, parsed[name]);
  const operands = [...parsed._, ...(parsed['--'] ?? [])].map(String);
  // The table says which type each option has, and valueOf has checked it.
  // eslint-disable-next-line typescript/no-unsafe-type-assertion
  return { given: given as Given<T>, operands };
}

function configuration(options: OptionTable): parser.Options {
  const named = (type: Option['type']) => Object.keys(options).filter((name) => options[name]?.type === type);
  const alias: Record<string, string[]> = {};
  for (const [name, option] of Object.entries(options)) if (option.alias !== undefined) alias[name] = [option.alias];
  return {
    boolean: named('boolean'),
    string: [...named('string'), ...named('number'), ...named('strings'), '_'],
    array: named('strings'),
    alias,
    configuration: {
      'camel-case-expansion': false,
      'dot-notation': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'boolean-negation': false,
      'duplicate-arguments-array': true,
      'greedy-arrays': false,
      'nargs-eats-options': false,
      'short-option-groups': true,
      'populate--': false,
      'strip-aliased': true,
      'unknown-options-as-args': false,
    },
  };
}

/** `--file -` as `--file=-`: the parser takes no word for a value that begins with a dash, and this one has a meaning. */
function joinDashes(options: OptionTable, argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  const takesValue = (index: number) => {
    const word = end < 0 || index < end ? argv[index] : undefined;
    const option = word?.startsWith('--') ? options[word.slice(2)] : undefined;
    return option !== undefined && option.type !== 'boolean' && option.implied === undefined;
  };
  return argv.flatMap((word, index) => {
    if (word === '-' && takesValue(index - 1)) return [];
    return argv[index + 1] === '-' && takesValue(index) ? [`${word}=-`] : [word];
  });
}

function implied(options: OptionTable, word: string): string {
  const option = word.startsWith('--') ? options[word.slice(2)] : undefined;
  return option?.implied === undefined ? word : `${word}=${option.implied}`;
}

function refuseUnknown(options: OptionTable, parsed: Readonly<Record<string, unknown>>): void {
  for (const name of Object.keys(parsed)) {
    if (name === '_' || name === '--' || Object.hasOwn(options, name)) continue;
    throw new Failure(EXIT.usage, `unknown option ${name.length === 1 ? '-' : '--'}${name}: try --help`);
  }
}

function valueOf(name: string, option: Option, raw: unknown): unknown {
  if (option.type === 'strings') return raw === undefined ? [] : [raw].flat().map(String);
  if (raw === undefined) return option.default ?? (option.type === 'boolean' ? false : undefined);
  // Given twice, an option keeps its last value, as in every Unix command.
  const last: unknown = Array.isArray(raw) ? raw.at(-1) : raw;
  if (option.type === 'boolean') return last === true;
  const text = String(last);
  if (text === '' && option.value !== undefined)
    throw new Failure(EXIT.usage, `option --${name} needs a value: ${option.value}`);
  if (option.choices && !option.choices.includes(text)) {
    throw new Failure(EXIT.usage, `cannot use --${name}="${text}": wanted one of ${option.choices.join(', ')}`);
  }
  if (option.type === 'string') return text;
  if (!/^-?\d+(\.\d+)?$/.test(text)) throw new Failure(EXIT.usage, `cannot use --${name}="${text}": wanted a number`);
  return Number(text);
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
