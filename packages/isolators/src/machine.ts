// SPDX-License-Identifier: Apache-2.0
// What of the words of a limit names something of this machine.
import { readdirSync, statSync } from 'node:fs';
import { EXIT, Failure, hasCode } from '@rkt/exit';
import { deviceNumbers, readText } from '@rkt/files';
import { type ThrottledDevice } from '@rkt/formats';
import { printable } from '@rkt/names';
import { parseAmount } from './quantities.ts';

const HUGE_PAGES = '/sys/kernel/mm/hugepages';

/** A list of processors or memory nodes, all of which the machine has. */
export function parseList(text: string, option: string, online: string): string {
  const refuse = (why: string) => new Failure(EXIT.usage, `cannot use ${option}="${printable(text)}": ${why}`);
  if (!/^\d{1,5}(-\d{1,5})?(,\d{1,5}(-\d{1,5})?){0,999}$/.test(text))
    throw refuse('wanted numbers and ranges such as 0-3,7');
  const present = readText(online).trim();
  const there = rangesOf(present);
  const missing = rangesOf(text).some(([first, last]) => {
    return first > last || !there.some(([least, most]) => first >= least && last <= most);
  });
  if (missing) throw refuse(`this machine has ${present}`);
  return text;
}

function rangesOf(list: string): [first: number, last: number][] {
  return list.split(',').map((part) => {
    const [first = '', last = first] = part.split('-');
    return [Number(first), Number(last)];
  });
}

/** `PATH:RATE`: a block device and how much of it a second, `max` for no limit. */
export function parseThrottle(text: string, option: string): ThrottledDevice {
  const refuse = (why: string) => new Failure(EXIT.usage, `cannot use ${option}="${printable(text)}": ${why}`);
  const [, path, amount] = /^(\/.*):([^:]*)$/s.exec(text) ?? [];
  if (path === undefined || amount === undefined) throw refuse('wanted PATH:RATE such as /dev/sda:10M');
  const rate = amount === 'max' ? 0 : parseAmount(amount, option);
  if (rate === 0 && amount !== 'max') throw refuse('wanted a rate of 1 or more, or max');
  return { ...numbersOf(path, refuse), rate };
}

function numbersOf(path: string, refuse: (why: string) => Failure): { major: number; minor: number } {
  try {
    const status = statSync(path, { bigint: true });
    if (!status.isBlockDevice()) throw refuse('not a block device');
    return deviceNumbers(status.rdev);
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'EINVAL', 'ENAMETOOLONG')) throw refuse('no such device');
    throw error;
  }
}

/** `SIZE:QUANTITY`: how much memory in huge pages of a size that the processor has. */
export function parseHugetlb(text: string, option: string): { pageSize: string; limit: number } {
  const [, size = '', amount = ''] = /^(\w+):(\w+)$/.exec(text) ?? [];
  const refuse = (why: string) => new Failure(EXIT.usage, `cannot use ${option}="${printable(text)}": ${why}`);
  const known = hugePageSizes();
  // The kernel writes 2MB for what is 2Mi.
  const pageSize = known.find((name) => name.replace('B', '') === size.replace(/[iB]$/, ''));
  if (pageSize === undefined) throw refuse(`wanted SIZE:QUANTITY, the size one of ${known.join(', ') || 'none'}`);
  return { pageSize, limit: amount === 'max' ? -1 : parseAmount(amount, option) };
}

/** The sizes of huge pages that this machine has, as the kernel writes them in names of files. */
function hugePageSizes(): string[] {
  try {
    return readdirSync(HUGE_PAGES).flatMap((name) => {
      const kilobytes = Number(/^hugepages-(\d+)kB$/.exec(name)?.[1]);
      if (!(kilobytes > 0)) return [];
      if (kilobytes % 2 ** 20 === 0) return [`${kilobytes / 2 ** 20}GB`];
      return [kilobytes % 2 ** 10 === 0 ? `${kilobytes / 2 ** 10}MB` : `${kilobytes}KB`];
    });
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}
