// SPDX-License-Identifier: Apache-2.0

/** One option: what yargs calls it, plus the name of its value in help and man page. */
export interface Option {
  /** `strings` collects every occurrence. */
  readonly type: 'boolean' | 'string' | 'number' | 'strings';
  readonly describe: string;
  readonly default?: boolean | string | number;
  readonly choices?: readonly string[];
  readonly alias?: string;
  /** The name of the value, such as `FILE`. */
  readonly value?: string;
  /** Takes `--name` as well as `--name=VALUE`: then the value is this. */
  readonly implied?: string;
}

/** The options of a command, by their long names: data only, so that help, man page and completion are printed from it. */
export type OptionTable = Readonly<Record<string, Option>>;

type Value<O extends Option> = O['type'] extends 'boolean'
  ? boolean
  : O['type'] extends 'number'
    ? number
    : O['type'] extends 'strings'
      ? readonly string[]
      : string;

type Present<O extends Option> = O extends { readonly default: boolean | string | number }
  ? Value<O>
  : O['type'] extends 'boolean' | 'strings'
    ? Value<O>
    : Value<O> | undefined;

/** What the user gave for each option of the table; absent strings and numbers are undefined, absent booleans false, absent lists empty. */
export type Given<T extends OptionTable> = { readonly [K in keyof T]: Present<T[K]> };

/** What every command gets from the frame. */
export interface Context {
  /** rkt's data directory: `--dir`, or /var/lib/rkt for root and $XDG_DATA_HOME/rkt for others. */
  readonly dir: string;
  readonly debug: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Prints one line of the result to standard output. */
  readonly print: (line: string) => void;
  /** Writes bytes of the result to standard output as they are. */
  readonly printBytes: (bytes: Uint8Array) => void;
  /** Writes bytes of the result to standard error as they are, where a result has two outputs. */
  readonly noteBytes: (bytes: Uint8Array) => void;
  /** Prints one message to standard error, behind the name of the command. */
  readonly note: (message: string) => void;
}

/** A command: one executable. `main` returns its exit status. */
export interface Command<T extends OptionTable = OptionTable> {
  readonly name: string;
  /** One usage line per form, without the word "usage". */
  readonly synopsis: string;
  /** One sentence without a full stop: the NAME line of the man page. */
  readonly summary: string;
  readonly options: T;
  /** Set by commands with a grammar of their own (prepare, run): they get every word as an operand and parse the options themselves. */
  readonly rawArguments?: true;
  readonly main: (given: Given<T>, operands: readonly string[], context: Context) => number | Promise<number>;
}

/** The options that every command takes. */
export const globalOptions = {
  dir: { type: 'string', describe: 'keep images and pods in this directory', value: 'DIR' },
  debug: { type: 'boolean', describe: 'say more on standard error, with stack traces' },
  help: { type: 'boolean', describe: 'print this help and exit', alias: 'h' },
  version: { type: 'boolean', describe: 'print the version and exit' },
} as const satisfies OptionTable;

/** The options of commands that look up who may speak for an image. */
export const trustOptions = {
  'local-config': {
    type: 'string',
    value: 'DIR',
    default: '/etc/rkt',
    describe: 'the administrator’s directory of trusted keys and settings',
  },
  'system-config': {
    type: 'string',
    value: 'DIR',
    default: '/usr/lib/rkt',
    describe: 'the vendor’s directory of trusted keys and settings',
  },
} as const satisfies OptionTable;
