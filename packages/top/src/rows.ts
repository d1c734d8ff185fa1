// SPDX-License-Identifier: Apache-2.0
import { printSize } from '@rkt/human';
import type { AppRates } from './rates.ts';

const SHORT_UUID_LENGTH = 8;

/** The names of the columns. */
export const LEGEND: readonly string[] = ['UUID', 'APP', 'CPU%', 'MEMORY', 'LIMIT', 'READ/S', 'WRITE/S', 'PIDS'];

/** An app as a row of the table. */
export function rowOf(rates: AppRates): string[] {
  const size = (bytes: number | undefined) => (bytes === undefined ? '-' : printSize(Math.round(bytes)));
  return [
    rates.uuid.slice(0, SHORT_UUID_LENGTH),
    rates.app,
    rates.cpuPercent === undefined ? '-' : rates.cpuPercent.toFixed(1),
    size(rates.memoryBytes),
    size(rates.memoryMaxBytes),
    size(rates.readBytesPerSecond),
    size(rates.writtenBytesPerSecond),
    rates.pids === undefined ? '-' : String(rates.pids),
  ];
}

/** The order of the table on a terminal: who is busiest comes first. */
export function byUse(one: AppRates, other: AppRates): number {
  const [a, b] = [one, other].map(({ cpuPercent = 0, memoryBytes = 0 }) => [cpuPercent, memoryBytes] as const);
  return (b?.[0] ?? 0) - (a?.[0] ?? 0) || (b?.[1] ?? 0) - (a?.[1] ?? 0);
}

/** An app in JSON; what is not known is left out. */
export function objectOf(rates: AppRates): object {
  return {
    uuid: rates.uuid,
    app: rates.app,
    cpu_percent: rates.cpuPercent,
    cpu_usec: rates.cpuUsec,
    memory_bytes: rates.memoryBytes,
    memory_limit_bytes: rates.memoryMaxBytes,
    read_bytes: rates.readBytes,
    written_bytes: rates.writtenBytes,
    pids: rates.pids,
  };
}
