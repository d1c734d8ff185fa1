// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';

/** How a process ended. */
export type End =
  { readonly kind: 'exited'; readonly code: number } | { readonly kind: 'killed'; readonly signal: number };

/**
 * What a status file says: `status` of a pod, written by stage1's parent process, or `apps/NAME/status`; stage1 writes both.
 *
 * The file grows by lines: `started PID PID TIME`, `ready TIME`, `exited CODE TIME`, `killed SIGNAL TIME`.
 * Times are seconds and nanoseconds since 1970, `S.NNNNNNNNN`; here they are milliseconds.
 */
export interface Status {
  /** For a pod the pid of stage1 and that of the pod's pid 1 on the host, for an app its pid on the host and in its pid namespace. */
  readonly started?: { readonly pids: readonly number[]; readonly timeMs: number };
  /** How often it was started again; a pod never is. */
  readonly restarts: number;
  readonly readyMs?: number;
  readonly ended?: End & { readonly timeMs: number };
}

/** Reads a status file; a last line without its end, which a crash can leave, is not there yet. */
export function parseStatus(text: string, path: string): Status {
  let status: Status = { restarts: 0 };
  for (const line of text.split('\n').slice(0, -1)) {
    const said = parseLine(line, path);
    // A start is news: how it ended before is of the past.
    status =
      said.started === undefined
        ? { ...status, ...said }
        : { restarts: status.started === undefined ? 0 : status.restarts + 1, ...said };
  }
  return status;
}

function parseLine(line: string, path: string): Partial<Status> {
  const words = line.split(' ');
  const [verb = ''] = words;
  const numbers = words.slice(1, -1).map(Number);
  const timeMs = Math.round(Number(words.at(-1)) * 1000);
  const [first] = numbers;
  if (!numbers.every(Number.isInteger) || !Number.isFinite(timeMs)) throw malformed(line, path);
  if (verb === 'started' && numbers.length >= 1) return { started: { pids: numbers, timeMs } };
  if (verb === 'ready' && numbers.length === 0) return { readyMs: timeMs };
  if (verb === 'exited' && first !== undefined) return { ended: { kind: 'exited', code: first, timeMs } };
  if (verb === 'killed' && first !== undefined) return { ended: { kind: 'killed', signal: first, timeMs } };
  throw malformed(line, path);
}

function malformed(line: string, path: string): Failure {
  return new Failure(EXIT.dataRefused, `cannot read "${path}": unknown line "${line}"`);
}

/** The exit status that a shell would show for an end: the code, or 128 and the signal. */
export function exitCodeOf(end: End): number {
  return end.kind === 'exited' ? end.code : 128 + end.signal;
}
