// SPDX-License-Identifier: Apache-2.0
import type { AppSample, Sample } from './sample.ts';

/** What an app used between two samples; what is not known, or not counted, is missing. */
export interface AppRates extends AppSample {
  /** Of one processor: 200 is two of them. */
  readonly cpuPercent?: number;
  readonly readBytesPerSecond?: number;
  readonly writtenBytesPerSecond?: number;
}

/** The apps of the later sample, with what they used since the earlier one. */
export function ratesOf(earlier: Sample | undefined, later: Sample): AppRates[] {
  const seconds = (later.timeMs - (earlier?.timeMs ?? later.timeMs)) / 1000;
  return later.apps.map((app) => {
    const before = earlier?.apps.find((other) => other.uuid === app.uuid && other.app === app.app);
    const rate = (key: 'cpuUsec' | 'readBytes' | 'writtenBytes') => perSecond(before?.[key], app[key], seconds);
    const [cpu, read, written] = [rate('cpuUsec'), rate('readBytes'), rate('writtenBytes')];
    return {
      ...app,
      ...(cpu === undefined ? {} : { cpuPercent: cpu / 10_000 }),
      ...(read === undefined ? {} : { readBytesPerSecond: read }),
      ...(written === undefined ? {} : { writtenBytesPerSecond: written }),
    };
  });
}

/** A counter of processes falls when one of them ends: nobody uses less than nothing. */
function perSecond(before: number | undefined, after: number | undefined, seconds: number): number | undefined {
  if (before === undefined || after === undefined || seconds <= 0) return undefined;
  return Math.max(0, after - before) / seconds;
}
