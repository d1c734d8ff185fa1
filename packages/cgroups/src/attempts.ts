// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';

/** How long processes may take to die or to stop, and cgroups to become free. */
const PATIENCE_MS = 5000;

/** One turn at once, then more with growing pauses until the patience is at an end. */
export async function* attempts(): AsyncGenerator<void> {
  const start = performance.now();
  for (let pauseMs = 1; performance.now() - start < PATIENCE_MS; pauseMs = Math.min(pauseMs * 2, 100)) {
    yield;
    await delay(pauseMs);
  }
}
