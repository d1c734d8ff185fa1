// SPDX-License-Identifier: Apache-2.0
import { printSize } from '@rkt/human';
import { printable, type Digest } from '@rkt/names';

/** Shows how far the blobs are. */
export interface Progress {
  readonly start: (blob: Shown) => Track;
  /** Says something, without getting in the way of the bars. */
  readonly note: (message: string) => void;
  readonly close: () => void;
}

/** What is on its way: a blob, or a file whose digest is not known yet. */
export type Shown = { readonly size: number } & ({ readonly digest: Digest } | { readonly name: string });

/** One blob on its way. */
export interface Track {
  readonly advance: (bytes: number) => void;
  readonly end: (outcome: 'added' | 'present' | 'failed') => void;
}

/** Where progress is shown. */
export interface ProgressOptions {
  readonly quiet: boolean;
  /** A terminal to draw bars on. */
  readonly terminal: { readonly columns: number; readonly write: (text: string) => void } | undefined;
  readonly note: (message: string) => void;
}

const FRAME_MS = 100;

/** Bars on a terminal, a line per finished blob elsewhere, nothing if quiet. */
export function makeProgress({ quiet, terminal, note }: ProgressOptions): Progress {
  if (quiet) return { start: () => ({ advance: () => undefined, end: () => undefined }), note, close: () => undefined };
  if (terminal !== undefined) return makeBars(terminal, note);
  return {
    start: (blob) => ({
      advance: () => undefined,
      end: (outcome) => void (outcome === 'failed' || note(lineOf(blob, outcome))),
    }),
    note,
    close: () => undefined,
  };
}

function lineOf(shown: Shown, outcome: 'added' | 'present'): string {
  return `${labelOf(shown)} ${printSize(shown.size)} ${outcome === 'added' ? 'done' : 'already there'}`;
}

function labelOf(shown: Shown): string {
  return 'digest' in shown ? shown.digest.slice(0, 'sha256:'.length + 12) : printable(shown.name).slice(0, 40);
}

interface Bar {
  readonly shown: Shown;
  done: number;
}

function makeBars(
  { columns, write }: NonNullable<ProgressOptions['terminal']>,
  note: (message: string) => void,
): Progress {
  const bars = new Set<Bar>();
  let drawn = 0;
  const clear = () => {
    // Up to the first bar and clean from there: the bars are always the last lines.
    if (drawn > 0) write(`\u001b[${drawn}A\r\u001b[J`);
    drawn = 0;
  };
  const draw = () => {
    clear();
    for (const bar of bars) write(`${barOf(bar, columns)}\n`);
    drawn = bars.size;
  };
  const timer = setInterval(draw, FRAME_MS).unref();
  const say = (message: string) => {
    clear();
    note(message);
    draw();
  };
  return {
    start: (shown) => {
      const bar = { shown, done: 0 };
      bars.add(bar);
      return {
        advance: (bytes) => void (bar.done += bytes),
        end: (outcome) => {
          bars.delete(bar);
          if (outcome !== 'failed') say(lineOf(shown, outcome));
        },
      };
    },
    note: say,
    close: () => {
      clearInterval(timer);
      clear();
    },
  };
}

/** One line, a little shorter than the terminal is wide, since a full one would wrap. */
function barOf({ shown, done }: Bar, columns: number): string {
  const { size } = shown;
  const share = size === 0 ? 1 : Math.min(1, done / size);
  const head = `${labelOf(shown)} `;
  const tail = ` ${String(Math.floor(share * 100)).padStart(3)}% of ${printSize(size)}`;
  const width = Math.max(0, Math.min(40, columns - head.length - tail.length - 3));
  const filled = Math.round(share * width);
  return `${head}[${'#'.repeat(filled)}${'.'.repeat(width - filled)}]${tail}`.slice(0, Math.max(1, columns - 1));
}
