// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { flagSets, type Flag } from '@rkt/plan';

const NAMES: readonly Flag<'signal'>[] = flagSets.signal;

// The numbers of x86_64 and aarch64, which agree; images name signals by number too.
const BY_NUMBER: readonly string[] = [
  '', 'HUP', 'INT', 'QUIT', 'ILL', 'TRAP', 'ABRT', 'BUS', 'FPE', 'KILL', 'USR1', 'SEGV', 'USR2', 'PIPE', 'ALRM', 'TERM',
  'STKFLT', 'CHLD', 'CONT', 'STOP', 'TSTP', 'TTIN', 'TTOU', 'URG', 'XCPU', 'XFSZ', 'VTALRM', 'PROF', 'WINCH', 'IO', 'PWR', 'SYS',
]; // prettier-ignore

/** The signal that an image or user names: `SIGTERM`, `TERM` or `15`. */
export function signalNamed(text: string): Flag<'signal'> {
  const name = /^\d+$/.test(text) ? BY_NUMBER[Number(text)] : text.replace(/^SIG/, '');
  const found = NAMES.find((candidate) => candidate === `SIG${name ?? ''}`);
  if (found !== undefined) return found;
  throw new Failure(EXIT.dataRefused, `cannot use stop signal "${text}": no such signal`);
}
