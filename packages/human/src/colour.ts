// SPDX-License-Identifier: Apache-2.0
import { isatty } from 'node:tty';

/** What a word says of the state of a thing. */
export type Tone = 'good' | 'pending' | 'bad' | 'past';

/** Colours a text of one line by what it says. */
export type Paint = (text: string, tone: Tone | undefined) => string;

// Of the eight colours that every terminal has; "past" is faint.
const CODES: Readonly<Record<Tone, number>> = { good: 32, pending: 33, bad: 31, past: 2 };

/** True where standard output is a terminal that people look at. */
export function isForEyes(environment: Readonly<Record<string, string | undefined>>): boolean {
  return isatty(1) && environment['TERM'] !== 'dumb';
}

/** What colours the result of a command: nothing, unless it goes to a terminal and NO_COLOR is not set. */
export function painter(
  environment: Readonly<Record<string, string | undefined>>,
  isTerminal = isForEyes(environment),
): Paint {
  // https://no-color.org: whatever its value, if it has one.
  if (!isTerminal || (environment['NO_COLOR'] ?? '') !== '') return (text) => text;
  return (text, tone) => (tone === undefined ? text : `\u001b[${CODES[tone]}m${text}\u001b[0m`);
}

const TONES: Readonly<Record<string, Tone>> = {
  running: 'good',
  ok: 'good',
  preparing: 'pending',
  prepared: 'pending',
  created: 'pending',
  weaker: 'pending',
  off: 'bad',
  'aborted prepare': 'bad',
  exited: 'past',
  'exited garbage': 'past',
  'exited deleting': 'past',
  deleting: 'past',
};

/** What the word for a state of a pod, an app or a protection says. */
export function toneOf(state: string): Tone | undefined {
  return Object.hasOwn(TONES, state) ? TONES[state] : undefined;
}
