// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { printable } from '@rkt/names';

const STREAMS: readonly string[] = ['stdin', 'stdout', 'stderr'];
const TERMINAL: readonly string[] = ['tty-in', 'tty-out'];

/** The option of iomux for a mode; streams of pipes and of a terminal are never those of one app. */
export function optionOf(mode: string): string {
  if (mode === 'list') return '--list';
  if (mode === 'auto') return '--attach';
  const names = mode.split(',').flatMap((name) => (name === 'tty' ? TERMINAL : [name]));
  if (![STREAMS, TERMINAL].some((known) => names.every((name) => known.includes(name)))) {
    throw new Failure(
      EXIT.usage,
      `cannot use --mode="${printable(mode)}": wanted auto, list, some of ${STREAMS.join(', ')}, or of tty, ${TERMINAL.join(', ')}`,
    );
  }
  return `--attach=${[...new Set(names)].join(',')}`;
}

const KEY = /^(?:[ -+\--~]|ctrl-[a-z@[\\\]^_])$/;
const KEYS_MAX = 8;

/** The option of iomux for the detach keys. */
export function keysOf(text: string): readonly string[] {
  const keys = text.split(',');
  if (keys.length <= KEYS_MAX && keys.every((key) => KEY.test(key))) return [`--detach-keys=${text}`];
  throw new Failure(
    EXIT.usage,
    `cannot use --detach-keys="${printable(text)}": wanted at most ${KEYS_MAX} of a letter or ctrl-LETTER, joined by commas`,
  );
}
