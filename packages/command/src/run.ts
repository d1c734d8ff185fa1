// SPDX-License-Identifier: Apache-2.0
import { writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, EXIT, Failure, hasCode } from '@rkt/exit';
import { globalOptions, type Command, type Context, type OptionTable } from './command.ts';
import { helpOf } from './help.ts';
import { parseOptions } from './parse.ts';
import { VERSION } from './version.ts';

/**
 * Runs a command: parses its options, calls `main`, prints the error, ends the process with the status.
 *
 * A `Failure` is one line on standard error and its status; anything else thrown is a bug: the stack and status 70,
 * except an error of the system, which is one line and status 71.
 */
export async function run<T extends OptionTable>(command: Command<T>, argv: readonly string[]): Promise<never> {
  // Nothing is left to wait for, though `main` is not done: without this the process would end without a word.
  process.once('beforeExit', () => {
    process.exit(report(command.name, new Error('it waits for what will never be'), argv.includes('--debug')));
  });
  // At once: what the process has built need not be taken apart, which takes Node milliseconds.
  process.exit(await statusOf(command, argv));
}

async function statusOf<T extends OptionTable>(command: Command<T>, argv: readonly string[]): Promise<number> {
  const debug = argv.includes('--debug');
  try {
    const raw = command.rawArguments === true;
    const { given, operands } = raw
      ? { given: parseOptions({ ...globalOptions, ...command.options }, globalWords(argv)).given, operands: argv }
      : parseOptions({ ...globalOptions, ...command.options }, argv);
    if (given['help']) return say(helpOf(command));
    if (given['version']) return say(`${command.name} ${VERSION}\n`);
    return await command.main(given, operands, contextOf(command.name, debug, given['dir']));
  } catch (error) {
    return report(command.name, error, debug);
  }
}

/** The global options among the words of a command with a grammar of its own; words behind `--` are not ours. */
function globalWords(argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  const own = end < 0 ? argv : argv.slice(0, end);
  return own.flatMap((word, index) => {
    if (word === '--dir') return own.slice(index, index + 2);
    return word.startsWith('--dir=') || ['--help', '-h', '--version'].includes(word) ? [word] : [];
  });
}

function contextOf(name: string, debug: boolean, dir: unknown): Context {
  const environment = process.env;
  return {
    dir: resolve(typeof dir === 'string' ? dir : defaultDirectory(environment)),
    debug,
    environment,
    print: (line) => void say(`${line}\n`),
    printBytes: (bytes) => writeFully(1, bytes),
    noteBytes: (bytes) => writeFully(2, bytes),
    note: (message) => writeFully(2, `${name}: ${message}\n`),
  };
}

/** Where rkt keeps its data: /var/lib/rkt for root, $XDG_DATA_HOME/rkt for everybody else. */
function defaultDirectory(environment: NodeJS.ProcessEnv): string {
  if (process.geteuid?.() === 0) return '/var/lib/rkt';
  const home = environment['HOME'];
  const data = environment['XDG_DATA_HOME'] || (home ? join(home, '.local', 'share') : undefined);
  if (data === undefined)
    throw new Failure(EXIT.configuration, 'cannot find the data directory: HOME is not set: use --dir');
  return join(data, 'rkt');
}

function report(name: string, error: unknown, debug: boolean): number {
  // Whoever reads our standard output has gone, as `head` does: nothing to tell.
  if (hasCode(error, 'EPIPE')) return EXIT.ok;
  if (error instanceof Failure) {
    const stack = debug ? `${error.stack ?? ''}\n` : '';
    writeFully(2, `${name}: ${error.message.replaceAll('\n', ' ')}\n${stack}`);
    return error.status;
  }
  const described = describe(error);
  if (described !== undefined) {
    const stack = debug && error instanceof Error ? `${error.stack ?? ''}\n` : '';
    writeFully(2, `${name}: ${described}\n${stack}`);
    return hasCode(error, 'EACCES', 'EPERM') ? EXIT.notPermitted : EXIT.system;
  }
  writeFully(2, `${name}: bug: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return EXIT.bug;
}

function say(text: string): number {
  writeFully(1, text);
  return EXIT.ok;
}

/** Standard output may be a pipe with O_NONBLOCK: then a full pipe is waited for. */
function writeFully(fd: number, content: string | Uint8Array): void {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  for (let done = 0; done < bytes.length;) {
    try {
      done += writeSync(fd, bytes, done);
    } catch (error) {
      if (!hasCode(error, 'EAGAIN')) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}
