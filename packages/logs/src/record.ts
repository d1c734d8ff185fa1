// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { parseDuration } from '@rkt/human';
import { printable } from '@rkt/names';

/** The outputs of an app. */
export type Stream = 'stdout' | 'stderr';

/** One line of a log in the format of CRI. */
export interface LogRecord {
  /** RFC 3339 in UTC with nine digits of the second: times are compared as texts. */
  readonly time: string;
  readonly stream: Stream;
  /** False if the line goes on in the next record of the stream. */
  readonly isFull: boolean;
  readonly text: Buffer;
}

// The longest that stands before the text: a time with a zone, a stream, and tags, of which only the first is known.
const HEAD_BYTES = 160;
const HEAD = /^(\S+) (stdout|stderr) ([FP])(?::[^ ]*)? /;

/** Reads a line of a log, without its end; undefined if it is not a record. */
export function parseRecord(line: Buffer): LogRecord | undefined {
  const match = HEAD.exec(line.toString('latin1', 0, HEAD_BYTES));
  if (match === null) return undefined;
  const [head, at = '', stream, tag] = match;
  const time = timeOf(at);
  if (time === undefined) return undefined;
  return {
    time,
    stream: stream === 'stderr' ? 'stderr' : 'stdout',
    isFull: tag === 'F',
    text: line.subarray(head.length),
  };
}

const UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/;
const ANY = /^(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)$/;

// The end of 9999: later years have more digits.
const MS_END = 253_402_300_800_000;

/** The time in the form of records, whatever its zone and digits; undefined if it is none. */
export function timeOf(text: string): string | undefined {
  if (UTC.test(text)) return text;
  const [, seconds, fraction = '', zone] = ANY.exec(text) ?? [];
  const ms = Date.parse(`${String(seconds)}${String(zone)}`.toUpperCase());
  if (Number.isNaN(ms) || ms < 0 || ms >= MS_END) return undefined;
  return `${new Date(ms).toISOString().slice(0, 19)}.${fraction.padEnd(9, '0')}Z`;
}

/** The time of `--since` and `--until`: RFC 3339, a date, or a duration before now. */
export function parseTime(text: string, option: string, nowMs: number): string {
  if (/^\d{4}-/.test(text)) {
    const time = timeOf(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text);
    if (time !== undefined) return time;
    throw new Failure(
      EXIT.usage,
      `cannot use --${option}="${printable(text)}": wanted a time such as 2006-01-02T15:04:05Z, or a duration such as 10m`,
    );
  }
  const ms = Math.floor(nowMs - parseDuration(text, option));
  const bounded = Math.min(Math.max(ms, 0), MS_END - 1);
  return `${new Date(bounded).toISOString().slice(0, 23)}000000Z`;
}
