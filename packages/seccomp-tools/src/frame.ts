// SPDX-License-Identifier: Apache-2.0
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { getSystemErrorMessage } from 'node:util';
import { ProfileError } from './error.ts';

/** The exit statuses of this package's programs, those of sysexits.h. */
export const EXIT = { ok: 0, usage: 64, dataRefused: 65, noInput: 66, bug: 70, system: 71 } as const;

/** A program cannot go on; the message is one line for its user. */
export class Stop extends Error {
  override readonly name = 'Stop';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Runs a program's main, prints what stopped it on standard error, and returns its exit status. */
export function runProgram(name: string, main: () => void): number {
  try {
    main();
    return EXIT.ok;
  } catch (error) {
    const { status, text } = explain(error);
    process.stderr.write(`${name}: ${text}\n`);
    return status;
  }
}

/** Reads a file, or standard input if the path is `-`. */
export function readInput(path: string): Uint8Array {
  try {
    return readFileSync(path === '-' ? 0 : path);
  } catch (error) {
    throw new Stop(codeOf(error) === 'ENOENT' ? EXIT.noInput : EXIT.system, cannot('read', path, error));
  }
}

/** Writes standard output if there is no path, else a file that appears whole or not at all. */
export function writeOutput(path: string | undefined, content: string | Uint8Array): void {
  const temporary = path === undefined ? undefined : `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary ?? 1, content);
    if (path !== undefined && temporary !== undefined) renameSync(temporary, path);
  } catch (error) {
    if (temporary !== undefined) rmSync(temporary, { force: true });
    throw new Stop(EXIT.system, cannot('write', path ?? '-', error));
  }
}

function explain(error: unknown): { status: number; text: string } {
  if (error instanceof Stop) return { status: error.status, text: error.message };
  if (error instanceof ProfileError) return { status: EXIT.dataRefused, text: error.message };
  // parseArgs explains its errors over several sentences: the first says what is wrong.
  if (error instanceof Error && codeOf(error)?.startsWith('ERR_PARSE_ARGS')) {
    const [reason = ''] = error.message.split(/[.\n]/);
    return { status: EXIT.usage, text: `cannot read the options: ${reason}` };
  }
  return { status: EXIT.bug, text: `bug: ${error instanceof Error ? error.stack : String(error)}` };
}

function cannot(verb: string, path: string, error: unknown): string {
  if (!(error instanceof Error) || codeOf(error) === undefined) throw error;
  const errno = 'errno' in error && typeof error.errno === 'number' ? error.errno : 0;
  return `cannot ${verb} "${path}": ${errno === 0 ? error.message : getSystemErrorMessage(errno)}`;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
