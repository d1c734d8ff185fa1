// SPDX-License-Identifier: Apache-2.0
import { readSync } from 'node:fs';
import { isatty } from 'node:tty';
import { EXIT, Failure, hasCode } from '@rkt/exit';
import { printTime } from '@rkt/human';
import { printable } from '@rkt/names';
import type { DescribedKey } from './protocol.ts';

/** What a key is, in lines as rkt printed them. */
export function reviewLines({
  kind,
  fingerprint,
  algorithm,
  bits,
  userIds,
  subkeys,
  created,
  expires,
}: DescribedKey): string[] {
  const lines = [`${kind === 'pgp' ? 'gpg key' : 'key'} fingerprint is: ${groups(fingerprint)}`];
  for (const subkey of subkeys) lines.push(`    Subkey fingerprint: ${groups(subkey.fingerprint)}`);
  for (const userId of userIds) lines.push(`\t${printable(userId)}`);
  const dates =
    created === undefined
      ? []
      : [`created ${day(created)}`, expires === undefined ? 'never expires' : `expires ${day(expires)}`];
  lines.push(`\t${[`${printable(algorithm)}, ${bits} bits`, ...dates].join(', ')}`);
  return lines;
}

const day = (time: string) => printTime(Date.parse(time)).slice(0, 'YYYY-MM-DD'.length);

/** A fingerprint as people compare it: groups of four digits, a gap in the middle. */
function groups(fingerprint: string): string {
  const four = fingerprint.toUpperCase().match(/.{4}/g) ?? [];
  const half = four.length / 2;
  return `${four.slice(0, half).join(' ')}  ${four.slice(half).join(' ')}`;
}

/** Refuses to ask where nobody can answer. */
export function requireTerminal(location: string): void {
  if (isatty(0) && isatty(2)) return;
  throw new Failure(
    EXIT.usage,
    `cannot review key "${printable(location)}": unable to ask user to review fingerprint due to lack of tty: wanted a terminal, or --skip-fingerprint-review`,
  );
}

/** Asks on the terminal until the answer is yes or no; the end of the input is a no. */
export function askYesNo(question: string): boolean {
  for (;;) {
    process.stderr.write(`${question} (yes/no)? `);
    const line = readLine();
    if (line === undefined) return false;
    const word = line.trim().toLowerCase();
    if (word === 'yes') return true;
    if (word === 'no') return false;
    process.stderr.write('Please enter "yes" or "no".\n');
  }
}

function readLine(): string | undefined {
  const bytes: number[] = [];
  const one = Buffer.alloc(1);
  for (;;) {
    const count = readOne(one);
    if (count === 0) return bytes.length === 0 ? undefined : Buffer.from(bytes).toString();
    const [byte = 0] = one;
    if (byte === 0x0a) return Buffer.from(bytes).toString();
    // Nobody types an answer as long as this.
    if (bytes.length < 1000) bytes.push(byte);
  }
}

function readOne(buffer: Buffer): number {
  for (;;) {
    try {
      return readSync(0, buffer, 0, 1, null);
    } catch (error) {
      if (hasCode(error, 'EOF')) return 0;
      if (!hasCode(error, 'EAGAIN')) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    }
  }
}
