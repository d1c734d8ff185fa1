// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { printable } from '@rkt/names';
import { type Identity } from './users.ts';

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What the configuration of an image says about its program. */
export interface ProgramOfImage {
  readonly Entrypoint?: readonly string[] | null | undefined;
  readonly Cmd?: readonly string[] | null | undefined;
}

/** What the command line says about the program of an app. */
export interface ProgramArguments {
  readonly image: string;
  readonly exec: string | undefined;
  readonly args: readonly string[];
}

/**
 * The argument vector: the image's entrypoint and command, as the OCI image configuration joins them.
 *
 * Arguments of the user replace the image's command; `--exec` replaces all that the image says.
 */
export function argumentsOf(config: ProgramOfImage, { image, exec, args }: ProgramArguments): string[] {
  const { Entrypoint: entrypoint, Cmd: command } = config;
  const program = exec === undefined ? (entrypoint ?? []) : [exec];
  const rest = args.length > 0 || exec !== undefined ? args : (command ?? []);
  const vector = [...program, ...rest];
  if (vector[0] !== undefined && vector[0] !== '' && vector.every((word) => !word.includes('\0'))) return vector;
  throw new Failure(
    EXIT.dataRefused,
    `cannot run image "${printable(image)}": it names no program: use --exec or arguments behind --`,
  );
}

/** Where the variables of an app come from, the strongest last. */
export interface EnvironmentSources {
  readonly app: string;
  readonly identity: Identity;
  readonly image: readonly string[];
  readonly option: readonly string[];
  readonly pod: readonly string[];
  /** The caller's variables, for those that nobody else sets; undefined unless asked for. */
  readonly inherited: Readonly<Record<string, string | undefined>> | undefined;
}

/** The environment of an app, `NAME=VALUE` each. Entries of the image without `=` are dropped: they would name variables of the host. */
export function environmentOf(sources: EnvironmentSources): string[] {
  const { identity } = sources;
  const variables = new Map<string, string>();
  const fallback = new Map<string, string | undefined>([
    ['PATH', DEFAULT_PATH],
    ['SHELL', '/bin/sh'],
    ['USER', identity.name],
    ['LOGNAME', identity.name],
    ['HOME', identity.home],
  ]);
  for (const entry of sources.image) add(variables, entry);
  for (const entry of [...sources.option, ...sources.pod]) {
    if (!add(variables, entry)) throw new Failure(EXIT.usage, `cannot set "${printable(entry)}": wanted NAME=VALUE`);
  }
  for (const [name, value] of [...Object.entries(sources.inherited ?? {}), ...fallback]) {
    if (value !== undefined && !variables.has(name)) variables.set(name, value);
  }
  variables.set('AC_APP_NAME', sources.app);
  return [...variables].map(([name, value]) => `${name}=${value}`);
}

function add(variables: Map<string, string>, entry: string): boolean {
  const match = /^([^=\0]+)=([^\0]*)$/s.exec(entry);
  if (!match) return false;
  variables.set(match[1] ?? '', match[2] ?? '');
  return true;
}

/** The working directory: absolute, without tricks; `/` if nobody says anything. */
export function workingDirectory(image: string | undefined, option: string | undefined): string {
  const plain = directoryIn(option ?? image ?? '', 'working directory');
  if (option === undefined || option === '' || option.startsWith('/')) return plain;
  throw unsafe(option, 'working directory');
}

/** A directory that an image names, as an absolute path without tricks; `what` says in a message what it is for. */
export function directoryIn(path: string, what: string): string {
  const plain = `/${path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')}`;
  if (path.includes('\0') || plain.split('/').includes('..')) throw unsafe(path, what);
  // A magic link of proc as working directory leads out of the root: CVE-2024-21626.
  if (/^\/proc(\/|$)/.test(plain)) {
    throw new Failure(EXIT.dataRefused, `cannot use ${what} "${printable(path)}": it lies in /proc`);
  }
  return plain;
}

function unsafe(path: string, what: string): Failure {
  return new Failure(EXIT.dataRefused, `cannot use ${what} "${printable(path)}": wanted an absolute path without ".."`);
}
