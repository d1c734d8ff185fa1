// SPDX-License-Identifier: Apache-2.0

/**
 * The exit statuses of every executable, as rkt-exit-status(7) explains them.
 *
 * 64 to 78 are the numbers of sysexits.h, which service managers know by name.
 */
export const EXIT = {
  ok: 0,
  no: 1,
  usage: 64,
  dataRefused: 65,
  notFound: 66,
  unavailable: 69,
  bug: 70,
  system: 71,
  tryAgain: 75,
  notPermitted: 77,
  configuration: 78,
  notStarted: 125,
  cannotExecute: 126,
  commandNotFound: 127,
} as const;

/** One of the statuses of the table. */
export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];

/** What each status means, in the words of rkt-exit-status(7). */
export const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: 'done',
  no: 'asked and answered: no',
  usage: 'the command line is wrong',
  dataRefused: 'data refused: a wrong digest, malformed or hostile input',
  notFound: 'no such image, pod or file',
  unavailable: 'a registry, plugin or service is unavailable',
  bug: 'a bug of rkt',
  system: 'a system call failed',
  tryAgain: 'somebody else holds the lock: try again',
  notPermitted: 'not permitted: a privilege is missing, or policy refuses the image',
  configuration: 'the configuration is wrong',
  notStarted: 'rkt failed before the app was started',
  cannotExecute: 'the app could not be executed',
  commandNotFound: 'the app was not found',
};

/** An error that the user can act on: printed as one line, and the status of the process. */
export class Failure extends Error {
  readonly status: ExitStatus;

  constructor(status: ExitStatus, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Failure';
    this.status = status;
  }
}

/** True for an error of the system that carries the given code, such as `ENOENT`. */
export function hasCode(error: unknown, ...codes: readonly string[]): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && codes.includes(error.code);
}

export { describe, nameIn, reason } from './describe.ts';
export { printable, printableText } from './printable.ts';
