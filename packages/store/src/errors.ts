// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure, hasCode, reason } from '@rkt/exit';

/** True for the errors of a file system that is full, for everybody or for this user, and for failures that tell of one. */
export function isFull(error: unknown): boolean {
  return hasCode(error, 'ENOSPC', 'EDQUOT', 'EFBIG') || (error instanceof Failure && isFull(error.cause));
}

/** An error of the system on a path, as a message; Node names no path when a write fails. */
export function cannotWrite(path: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof Failure || !('syscall' in error)) return error;
  const status = hasCode(error, 'EACCES', 'EPERM') ? EXIT.notPermitted : EXIT.system;
  return new Failure(status, `cannot write "${path}": ${reason(error)}`, { cause: error });
}
