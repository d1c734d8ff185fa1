// SPDX-License-Identifier: Apache-2.0
import { setTimeout as wait } from 'node:timers/promises';
import { EXIT, Failure } from '@rkt/exit';
import { TransientFailure } from './errors.ts';

/** The longest that a registry may have us wait; one that wants more is reported. */
const WAIT_MS_MAX = 60_000;

/** How often and after which pauses something is tried again. */
export interface RetryOptions {
  readonly tries: number;
  /** The first pause; each next one is twice as long. */
  readonly backoffMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** What is tried at most five times, with pauses of one second and more. */
export const RETRIES = { tries: 5, backoffMs: 1000 } as const;

/** Does the work until it succeeds, fails for good or has failed too often. */
export async function withRetries<T>(options: RetryOptions, work: () => Promise<T>): Promise<T> {
  for (let failures = 0; ;) {
    try {
      return await work();
    } catch (error) {
      failures += 1;
      await pauseAfter(error, failures, options);
    }
  }
}

/** Waits before the next try; throws the error if there is none. */
export async function pauseAfter(
  error: unknown,
  failures: number,
  { tries, backoffMs, signal }: RetryOptions,
): Promise<void> {
  if (!(error instanceof TransientFailure) || failures >= tries) throw error;
  const { afterMs } = error;
  if (afterMs !== undefined && afterMs > WAIT_MS_MAX) {
    throw new Failure(EXIT.unavailable, `${error.message}: it asks to wait ${Math.ceil(afterMs / 1000)} seconds`, {
      cause: error,
    });
  }
  // Not all at the same moment, when many were cut off at once.
  const pauseMs = Math.min(backoffMs * 2 ** (failures - 1) * (0.75 + Math.random() / 2), WAIT_MS_MAX);
  await wait(Math.max(pauseMs, afterMs ?? 0), undefined, { signal });
}

/** What a `Retry-After` header says: seconds or a date. */
export function parseRetryAfter(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}
