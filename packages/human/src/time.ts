// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { printable } from '@rkt/names';

const UNITS_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

const DURATION = /^[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|ms|s|m|h))+$/;

/** The milliseconds of a duration such as `30m`, `1h15m30s`, `250ms` or `0`; it may be negative. The option is for the message. */
export function parseDuration(text: string, option: string): number {
  if (/^[-+]?0$/.test(text)) return 0;
  if (!DURATION.test(text) || text.length > 64) {
    throw new Failure(
      EXIT.usage,
      `cannot use --${option}="${printable(text)}": wanted a duration such as 90s, 30m or 24h`,
    );
  }
  let total = 0;
  for (const [, number = '', unit = ''] of text.matchAll(/([\d.]+)([a-zµ]+)/g))
    total += Number(number) * (UNITS_MS[unit] ?? 0);
  return text.startsWith('-') ? -total : total;
}

/** A duration in the form that `parseDuration` reads: `30m0s`, `1h0m0s`, `250ms`. */
export function printDuration(ms: number): string {
  const sign = ms < 0 ? '-' : '';
  const rest = Math.abs(ms);
  if (rest < 1000) return rest === 0 ? '0s' : `${sign}${round(rest)}ms`;
  const hours = Math.floor(rest / 3_600_000);
  const minutes = Math.floor(rest / 60_000) % 60;
  const seconds = `${round((rest % 60_000) / 1000)}s`;
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${sign}${minutes}m${seconds}` : `${sign}${seconds}`;
}

/** A time as `2006-01-02 15:04:05.999 -0700 MST` in the local time zone, trailing zeros of the fraction dropped. */
export function printTime(ms: number): string {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return '-';
  const offset = -date.getTimezoneOffset();
  const local = new Date(ms + offset * 60_000).toISOString();
  const fraction = local.slice(19, 23).replace(/\.?0+$/, '');
  const hours = String(Math.floor(Math.abs(offset) / 60)).padStart(2, '0');
  const minutes = String(Math.abs(offset) % 60).padStart(2, '0');
  const zone = `${offset < 0 ? '-' : '+'}${hours}${minutes}`;
  return `${local.slice(0, 10)} ${local.slice(11, 19)}${fraction} ${zone} ${zoneName(date, offset)}`;
}

/** How long ago a time was, in words: `3 minutes ago`; a time to come is `in 3 minutes`. */
export function printAge(ms: number, nowMs: number): string {
  const seconds = Math.floor(Math.abs(nowMs - ms) / 1000);
  if (seconds === 0) return 'now';
  const [size, unit] = STEPS.find(([step]) => seconds >= step) ?? [1, 'second'];
  const count = Math.floor(seconds / size);
  const words = `${count} ${unit}${count === 1 ? '' : 's'}`;
  return ms > nowMs ? `in ${words}` : `${words} ago`;
}

const STEPS: readonly (readonly [number, string])[] = [
  [31_557_600, 'year'],
  [2_592_000, 'month'],
  [604_800, 'week'],
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
];

function zoneName(date: Date, offset: number): string {
  // Asking Intl loads its tables: not for the commonest zone of servers.
  if (offset === 0) return 'UTC';
  const parts = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' }).formatToParts(date);
  return parts.find(({ type }) => type === 'timeZoneName')?.value ?? '';
}

function round(value: number): string {
  return String(Number(value.toFixed(3)));
}
