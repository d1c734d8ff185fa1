// SPDX-License-Identifier: Apache-2.0
// What a power cut may leave is what the kernel was told to keep: the calls that decide it, as strace saw them.
import { readFileSync } from 'node:fs';

/** The words before a program that have strace write these calls, of the program and its children, into a file. */
export function traced(file: string): [string, ...string[]] {
  return ['strace', '-f', '-y', '-z', '-qq', '--seccomp-bpf', '-e', 'trace=fsync,rename', '-o', file];
}

/** The calls in the order in which they ended, as `fsync PATH` and `rename FROM > TO`. */
export function callsIn(file: string): string[] {
  const begun = new Map<string, string>();
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, pid = '', text = ''] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
      if (text.endsWith('<unfinished ...>')) {
        begun.set(pid, text);
        return [];
      }
      const whole = text.startsWith('<...') ? (begun.get(pid) ?? '') : text;
      const [, synced] = /^fsync\(\d+<([^>]*)>/.exec(whole) ?? [];
      const [, from, to] = /^rename\("([^"]*)", "([^"]*)"/.exec(whole) ?? [];
      if (synced !== undefined) return [`fsync ${synced}`];
      return from === undefined ? [] : [`rename ${from} > ${String(to)}`];
    });
}
