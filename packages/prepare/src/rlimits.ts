// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { type RuntimeConfig } from '@rkt/formats';

const OPEN_FILES = { soft: 1024, hard: 524288 };

/**
 * The limits of an app: no core files, and as many open files as programs expect.
 *
 * Not every root may raise a hard limit: where this one is lower, it stays.
 */
export function defaultRlimits(
  limits = readFileSync('/proc/self/limits', 'utf8'),
): RuntimeConfig['process']['rlimits'] {
  const own = /^Max open files\s+\S+\s+(\d+|unlimited)/m.exec(limits)?.[1];
  const hard = own === undefined || own === 'unlimited' ? OPEN_FILES.hard : Math.min(OPEN_FILES.hard, Number(own));
  return [
    { type: 'RLIMIT_CORE', soft: 0, hard: 0 },
    { type: 'RLIMIT_NOFILE', soft: Math.min(OPEN_FILES.soft, hard), hard },
  ];
}
