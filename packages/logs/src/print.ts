// SPDX-License-Identifier: Apache-2.0
import type { Line } from './lines.ts';
import type { Stream } from './record.ts';

/** How lines are printed. */
export interface LineStyle {
  readonly timestamps: boolean;
  /** Each line says whose it is. */
  readonly names: readonly string[] | undefined;
  readonly colors: boolean;
  /** Standard output and standard error show what they get to people. */
  readonly isTerminal: Readonly<Record<Stream, boolean>>;
}

// Of the first 16 colours those that are seen on black and on white.
const COLORS = [36, 33, 32, 35, 34, 96, 93, 92, 95, 94] as const;

/** The bytes of a line for the output that it was written to. */
export function printLine(line: Line, style: LineStyle): Buffer {
  const time = style.timestamps ? `${line.time} ` : '';
  const text = style.isTerminal[line.stream] ? Buffer.from(harmless(line.text.toString())) : line.text;
  // Where lines of several apps stand below each other each one has to end.
  const end = line.isEnded || style.names !== undefined ? '\n' : '';
  return Buffer.concat([Buffer.from(nameOf(line, style) + time), text, Buffer.from(end)]);
}

function nameOf({ app, stream }: Line, { names, colors, isTerminal }: LineStyle): string {
  if (names === undefined) return '';
  const color = COLORS[names.indexOf(app) % COLORS.length] ?? COLORS[0];
  return colors && isTerminal[stream] ? `\u001b[${color}m${app}:\u001b[0m ` : `${app}: `;
}

/** What an app writes may colour a terminal, but not command it: other control characters are shown as what they are. */
function harmless(text: string): string {
  return text.replace(
    /(\u001b\[[\d;:]*m)|[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character, color?: string) => color ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const FLUSH_BYTES = 65536;

/** Collects what is printed, and keeps its order where both outputs lead to the same place. */
export class Printer {
  #pieces: Buffer[] = [];
  #bytes = 0;
  #stream: Stream = 'stdout';
  readonly #write: (stream: Stream, bytes: Buffer) => void;

  constructor(write: (stream: Stream, bytes: Buffer) => void) {
    this.#write = write;
  }

  print(stream: Stream, bytes: Buffer): void {
    if (stream !== this.#stream || this.#bytes > FLUSH_BYTES) this.flush();
    this.#stream = stream;
    this.#pieces.push(bytes);
    this.#bytes += bytes.length;
  }

  flush(): void {
    if (this.#bytes > 0) this.#write(this.#stream, Buffer.concat(this.#pieces));
    this.#pieces = [];
    this.#bytes = 0;
  }
}
