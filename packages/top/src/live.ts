// SPDX-License-Identifier: Apache-2.0
import { writeSync } from 'node:fs';
import { hasCode } from '@rkt/exit';

/** What is shown, and how often. */
export interface Show {
  readonly delayMs: number;
  /** The lines as they are now. */
  readonly look: () => readonly string[];
  /** The first line stands out. */
  readonly hasColour: boolean;
}

/** The signals that end it, with their numbers. */
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 } as const;

// The other screen, without a cursor and without lines that go on in the next row; and back.
const BEGIN = '\u001b[?1049h\u001b[?25l\u001b[?7l';
const END = '\u001b[?7h\u001b[?25h\u001b[?1049l';

/**
 * Shows lines on the terminal again and again, until somebody presses q or sends a signal; returns the exit status.
 *
 * However it ends, the terminal is as it was: what went wrong is told on it after that.
 */
export async function showLive({ delayMs, look, hasColour }: Show): Promise<number> {
  using terminal = new Terminal();
  for (;;) {
    const before = performance.now();
    terminal.draw(look(), hasColour);
    const status = await terminal.next(Math.max(0, delayMs - (performance.now() - before)));
    if (status !== undefined) return status;
  }
}

/** The terminal that is standard output, while it shows something. */
class Terminal implements Disposable {
  readonly #cleanUp: (() => void)[] = [];
  #status: number | undefined;
  #wake: () => void = () => {};

  constructor() {
    // Whatever ends the process without unwinding it.
    const restore = () => this[Symbol.dispose]();
    process.once('exit', restore);
    this.#cleanUp.push(() => process.removeListener('exit', restore));
    for (const [signal, number] of Object.entries(SIGNALS))
      this.#listen(process, signal, () => this.#end(128 + number));
    this.#listen(process.stdout, 'resize', () => this.#wake());
    this.#readKeys();
    write(BEGIN);
    this.#cleanUp.push(() => write(END));
  }

  /** Draws over what is there: clearing first would flicker. */
  draw(lines: readonly string[], hasColour: boolean): void {
    // A terminal that nobody has told its size has none.
    const [columns, rows] = [process.stdout.columns || 80, process.stdout.rows || 24];
    const cut = lines.slice(0, rows).map((line) => expandTabs(line).slice(0, columns));
    const [head = '', ...rest] = cut;
    const first = hasColour ? `\u001b[1m${head}\u001b[0m` : head;
    write(`\u001b[H${[first, ...rest].map((line) => `${line}\u001b[K`).join('\r\n')}\u001b[J`);
  }

  /** Waits for the time, or what comes earlier; the exit status if it is to end. */
  async next(timeoutMs: number): Promise<number | undefined> {
    if (this.#status !== undefined) return this.#status;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    return this.#status;
  }

  [Symbol.dispose](): void {
    for (const undo of this.#cleanUp.splice(0).toReversed()) undo();
  }

  #end(status: number): void {
    this.#status = status;
    this.#wake();
  }

  #listen(emitter: NodeJS.EventEmitter, event: string, listener: (...values: unknown[]) => void): void {
    emitter.on(event, listener);
    this.#cleanUp.push(() => emitter.removeListener(event, listener));
  }

  /** Without an echo of what is typed; then ^C is a key like others. */
  #readKeys(): void {
    const { stdin } = process;
    if (!stdin.isTTY) return;
    stdin.setRawMode(true);
    this.#cleanUp.push(() => {
      stdin.setRawMode(false);
      stdin.pause();
    });
    this.#listen(stdin, 'data', (data) => {
      if (/[qQ]/.test(String(data))) this.#end(0);
      if (String(data).includes('\u0003')) this.#end(128 + SIGNALS.SIGINT);
    });
    // Nobody types any more.
    this.#listen(stdin, 'end', () => this.#end(0));
  }
}

/** To the terminal as it is: one that has gone cannot be restored, and tells so by a signal. */
function write(text: string): void {
  try {
    writeSync(1, text);
  } catch (error) {
    if (!hasCode(error, 'EIO', 'EAGAIN', 'EPIPE')) throw error;
  }
}

const TAB_STOP = 8;

/** A line as a terminal shows it, so that it can be cut. */
export function expandTabs(line: string): string {
  return line.split('\t').reduce((before, cell) => before + ' '.repeat(TAB_STOP - (before.length % TAB_STOP)) + cell);
}
