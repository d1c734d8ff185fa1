// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { EXIT, Failure } from '@rkt/exit';
import { UNLIMITED, type RuntimeConfig } from '@rkt/formats';
import { printable } from '@rkt/names';
import { flagSets } from '@rkt/plan';

type Rlimits = RuntimeConfig['process']['rlimits'];

const OPEN_FILES = { soft: 1024, hard: 524288 };

/** What /proc/PID/limits calls the limits whose hard values somebody without root may ask for. */
const TITLES: Readonly<Record<string, string>> = {
  AS: 'address space',
  CORE: 'core file size',
  CPU: 'cpu time',
  DATA: 'data size',
  FSIZE: 'file size',
  LOCKS: 'file locks',
  MEMLOCK: 'locked memory',
  MSGQUEUE: 'msgqueue size',
  NICE: 'nice priority',
  NOFILE: 'open files',
  NPROC: 'processes',
  RSS: 'resident set',
  RTPRIO: 'realtime priority',
  RTTIME: 'realtime timeout',
  SIGPENDING: 'pending signals',
  STACK: 'stack size',
};

/** This process' own limits, as the kernel prints them. */
function ownLimits(): string {
  return readFileSync('/proc/self/limits', 'utf8');
}

/**
 * The limits of an app: no core files, and as many open files as programs expect.
 *
 * Not every root may raise a hard limit: where this one is lower, it stays.
 */
export function defaultRlimits(limits = ownLimits()): Rlimits {
  const hard = Math.min(OPEN_FILES.hard, ownHard('NOFILE', limits));
  return [
    { type: 'RLIMIT_CORE', soft: 0, hard: 0 },
    { type: 'RLIMIT_NOFILE', soft: Math.min(OPEN_FILES.soft, hard), hard },
  ];
}

/** What decides about the limits of the processes of an app. */
export interface RlimitChoice {
  /** Each as `NAME=SOFT[:HARD]`. */
  readonly ulimits: readonly string[];
  /** Somebody else than root calls, who may raise no hard limit. */
  readonly isRestricted: boolean;
  readonly limits?: string;
}

/** The limits of an app: the defaults, and what `--ulimit` says. */
export function rlimitsOf({ ulimits, isRestricted, limits = ownLimits() }: RlimitChoice): Rlimits {
  const chosen = new Map(defaultRlimits(limits).map((limit) => [limit.type, limit]));
  for (const text of ulimits) {
    const limit = parseUlimit(text);
    const most = ownHard(limit.type.slice('RLIMIT_'.length), limits);
    if (isRestricted && limit.hard > most) {
      throw new Failure(EXIT.usage, `cannot use --ulimit="${text}": not root: wanted a hard limit of at most ${most}`);
    }
    chosen.set(limit.type, limit);
  }
  return [...chosen.values()];
}

function parseUlimit(text: string): Rlimits[number] {
  const refuse = (why: string) => new Failure(EXIT.usage, `cannot use --ulimit="${printable(text)}": ${why}`);
  const match = /^([A-Za-z_]+)=(-1|unlimited|\d{1,15})(?::(-1|unlimited|\d{1,15}))?$/.exec(text);
  if (!match) throw refuse('wanted NAME=SOFT[:HARD], each a number or unlimited');
  const [, name = '', first = '', second = first] = match;
  const resource = name.toUpperCase().replace(/^RLIMIT_/, '');
  const type = flagSets.resource.find((flag) => flag === `RLIMIT_${resource}`);
  if (type === undefined) {
    const known = flagSets.resource.map((flag) => flag.slice('RLIMIT_'.length).toLowerCase());
    throw refuse(`no such limit: wanted one of ${known.join(', ')}`);
  }
  const [soft, hard] = [valueOf(first), valueOf(second)];
  if (soft > hard) throw refuse('the soft limit is above the hard one');
  return { type, soft, hard };
}

function valueOf(text: string): number {
  return /^\d/.test(text) ? Number(text) : UNLIMITED;
}

function ownHard(resource: string, limits: string): number {
  const hard = new RegExp(`^Max ${TITLES[resource] ?? ''}\\s+\\S+\\s+(\\d+|unlimited)`, 'm').exec(limits)?.[1];
  return hard === undefined || hard === 'unlimited' ? UNLIMITED : Number(hard);
}
