// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { type PodApp } from '@rkt/formats';
import { printable } from '@rkt/names';

/** How often an app is started anew at most. */
const MOST_RESTARTS = 1_000_000;

/** The restart policy of `--restart`: `no`, `on-failure[:N]` or `always`. */
export function parseRestart(text: string): PodApp['restart'] {
  const [, policy, limit] = /^(no|always|on-failure)(?::(\d{1,7}))?$/.exec(text) ?? [];
  const count = Number(limit ?? 0);
  if (policy === 'no' || policy === 'always') if (limit === undefined) return { policy, limit: 0 };
  if (policy === 'on-failure' && (limit === undefined || (count > 0 && count <= MOST_RESTARTS)))
    return { policy, limit: count };
  throw new Failure(
    EXIT.usage,
    `cannot use --restart=${printable(text)}: wanted no, on-failure, on-failure:N with N from 1 to ${MOST_RESTARTS}, or always`,
  );
}

/** Whose processes an app is among, of `--pid`. */
export function processesOf(text: string): PodApp['processes'] {
  if (text === 'private') return 'app';
  return text === 'host' ? 'host' : 'pod';
}
