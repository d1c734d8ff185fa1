// SPDX-License-Identifier: Apache-2.0
import type { LogRecord, Stream } from './record.ts';

/** A line of an app, or a part of one that is very long. */
export interface Line {
  readonly app: string;
  /** When it ended. */
  readonly time: string;
  readonly stream: Stream;
  readonly text: Buffer;
  /** False for what is known to go on or to have ended without a line feed. */
  readonly isEnded: boolean;
}

/** A line that is longer comes in parts of about this size. */
const PART_BYTES = 1024 * 1024;

interface Open {
  readonly pieces: Buffer[];
  bytes: number;
  time: string;
}

/** Puts the records of an app together to lines. */
export class Joiner {
  readonly #app: string;
  readonly #open: Partial<Record<Stream, Open>> = {};

  constructor(app: string) {
    this.#app = app;
  }

  /** The line that the record ends, if it ends one. */
  join(record: LogRecord): Line | undefined {
    const { stream, time, isFull } = record;
    const open = (this.#open[stream] ??= { pieces: [], bytes: 0, time });
    open.pieces.push(record.text);
    open.bytes += record.text.length;
    open.time = time;
    return isFull || open.bytes >= PART_BYTES ? this.#end(stream, isFull) : undefined;
  }

  /** What has not ended and will not any more. */
  rest(): Line[] {
    return (['stdout', 'stderr'] as const).flatMap((stream) => this.#end(stream, false) ?? []);
  }

  #end(stream: Stream, isEnded: boolean): Line | undefined {
    const open = this.#open[stream];
    if (open === undefined) return undefined;
    delete this.#open[stream];
    return { app: this.#app, stream, time: open.time, text: Buffer.concat(open.pieces), isEnded };
  }
}

/** The lines of several apps by their times; those of one app stay in their order. */
export function* merge(sources: readonly Iterator<Line, undefined>[]): Generator<Line, undefined> {
  const heads = sources.map((source) => ({ source, line: source.next().value }));
  for (;;) {
    let first: (typeof heads)[number] | undefined;
    for (const head of heads)
      if (head.line !== undefined && (first?.line === undefined || head.line.time < first.line.time)) first = head;
    if (first?.line === undefined) return;
    yield first.line;
    first.line = first.source.next().value;
  }
}

/** The last lines of a row; all of them are there only if all are wanted, one after the other. */
export function* lastOf(lines: Iterable<Line>, count: number): Generator<Line, undefined> {
  if (count === Infinity) return void (yield* lines);
  const last: Line[] = [];
  let at = 0;
  for (const line of lines) {
    if (last.length < count) last.push(line);
    else if (count > 0) last[at++ % count] = line;
  }
  yield* last.slice(at % (count || 1));
  yield* last.slice(0, at % (count || 1));
}
