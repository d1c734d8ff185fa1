// SPDX-License-Identifier: Apache-2.0
import type { Context } from '@rkt/command';
import { lockedFiles } from '@rkt/files';
import { refind, stateOf, type Pod } from '@rkt/pods';
import { Changes } from './follow.ts';
import { Joiner, merge, type Line } from './lines.ts';
import { Printer, printLine, type LineStyle } from './print.ts';
import { LogReader, type Trouble } from './reader.ts';

/** What is to be printed, and how. */
export interface Wanted {
  readonly pod: Pod;
  readonly apps: readonly string[];
  readonly range: { readonly since: string; readonly until: string };
  readonly style: LineStyle;
}

/** The output of a run: reads, prints, waits. */
export class Output implements Disposable {
  readonly #wanted: Wanted;
  readonly #context: Context;
  readonly #printer: Printer;
  readonly #sources: readonly { readonly reader: LogReader; readonly joiner: Joiner }[];
  readonly #told = new Set<Trouble>();

  constructor(wanted: Wanted, context: Context) {
    this.#wanted = wanted;
    this.#context = context;
    this.#printer = new Printer((stream, bytes) => {
      if (stream === 'stdout') context.printBytes(bytes);
      else context.noteBytes(bytes);
    });
    this.#sources = wanted.apps.map((app) => ({
      reader: new LogReader(app, (trouble, path) => this.#tell(trouble, path)),
      joiner: new Joiner(app),
    }));
  }

  [Symbol.dispose](): void {
    for (const { reader } of this.#sources) reader[Symbol.dispose]();
  }

  /** Once for all lines: a log of something else would be told of as long as it is. */
  #tell(trouble: Trouble, path: string): void {
    if (this.#told.has(trouble)) return;
    this.#told.add(trouble);
    this.#printer.flush();
    this.#context.note(
      trouble === 'malformed'
        ? `cannot read all of "${path}": what is not a record of a log is left out`
        : `cannot read all of "${path}": it was rotated too fast`,
    );
  }

  /** What has been written since the last time and is wanted, of all apps by its times. */
  *lines(): Generator<Line, undefined> {
    const { path } = refind(this.#context.dir, this.#wanted.pod.uuid) ?? this.#wanted.pod;
    for (const line of merge(this.#sources.map((source) => linesOf(source, path))))
      if (this.#isWanted(line)) yield line;
  }

  #isWanted({ time }: Line): boolean {
    const { since, until } = this.#wanted.range;
    return time >= since && time <= until;
  }

  print(lines: Iterable<Line>): void {
    for (const line of lines) this.#printer.print(line.stream, printLine(line, this.#wanted.style));
    this.#printer.flush();
  }

  /** Until nobody writes any more, or what is written is too new to be wanted. */
  async follow(): Promise<void> {
    const { pod, apps, range } = this.#wanted;
    using changes = new Changes(pod.path, apps);
    for (;;) {
      // Before the last look at the logs: what the pod has written before its end is there then.
      const isOver = this.#hasEnded() || new Date().toISOString() > range.until;
      this.print(this.lines());
      if (isOver) return;
      await changes.next();
    }
  }

  #hasEnded(): boolean {
    const place = refind(this.#context.dir, this.#wanted.pod.uuid);
    if (place === undefined) return true;
    const state = stateOf(place.phase, () => lockedFiles()(place.path));
    return state !== 'running' && state !== 'prepared' && state !== 'preparing';
  }

  /** What has no end is printed without one; and who has not written may have no log at all. */
  end(isFollowed: boolean): void {
    const rest = this.#sources.flatMap(({ joiner }) => joiner.rest());
    this.print(rest.filter((line) => this.#isWanted(line)));
    if (isFollowed) return;
    for (const { reader } of this.#sources)
      if (!reader.isFound) this.#context.note(`app "${reader.app}" of pod "${this.#wanted.pod.uuid}" has no log`);
  }
}

function* linesOf(source: { reader: LogReader; joiner: Joiner }, podPath: string): Generator<Line, undefined> {
  for (const record of source.reader.records(podPath)) {
    const line = source.joiner.join(record);
    if (line !== undefined) yield line;
  }
}
