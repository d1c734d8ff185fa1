// SPDX-License-Identifier: Apache-2.0
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';

/** How a program is run that may be wrong, or hostile: what it reads, and how much it may say in how much time. */
export interface Bounds {
  readonly input: Uint8Array;
  readonly outputBytesMax: number;
  readonly timeMaxMs: number;
}

/** Runs a program that reads standard input and writes standard output, and kills it when it exceeds its bounds. */
export function runBounded(
  [file = '', ...args]: readonly string[],
  { input, outputBytesMax, timeMaxMs }: Bounds,
): SpawnSyncReturns<Buffer> {
  return spawnSync(file, args, { input, maxBuffer: outputBytesMax, timeout: timeMaxMs, killSignal: 'SIGKILL' });
}
