// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { printable } from '@rkt/names';
import { type SeccompProfile } from '@rkt/formats';
import { callsOfSet, isDefaultSet } from './seccomp-sets.ts';

/**
 * The profile of an app from `--seccomp=mode=retain|remove[,errno=E],NAME,...`; undefined for no filter at all,
 * which is `unconfined` as well.
 *
 * `retain` allows the named calls and refuses all others; `remove` takes them from the default profile.
 */
export function seccompProfile(option: string | undefined, fallback: SeccompProfile): SeccompProfile | undefined {
  if (option === undefined) return fallback;
  if (option === 'unconfined') return undefined;
  const words = option.split(',').filter((word) => word !== '');
  const mode = words.find((word) => word.startsWith('mode='))?.slice('mode='.length);
  const errno = words.find((word) => word.startsWith('errno='))?.slice('errno='.length) ?? 'EPERM';
  const calls = words.filter((word) => !word.includes('='));
  const unknown = words.find((word) => word.includes('=') && !/^(mode|errno)=/.test(word));
  if (unknown !== undefined || (mode !== 'retain' && mode !== 'remove')) {
    throw new Failure(
      EXIT.usage,
      `cannot use --seccomp="${printable(option)}": wanted mode=retain or mode=remove and names of system calls`,
    );
  }
  const errnoRet = numberOf(errno);
  const named = expanded(calls);
  const sets = calls.filter((call) => call.startsWith('@') && callsOfSet(call) === undefined);
  const strange = sets.find((set) => set !== '@appc.io/all' && !isDefaultSet(set));
  if (strange !== undefined)
    throw new Failure(EXIT.usage, `cannot use seccomp set "${printable(strange)}": no such set`);
  return mode === 'retain' ? retain(named, { sets, errnoRet, fallback }) : remove(named, { errnoRet, fallback });
}

/** The names of system calls, those of named sets among them. */
function expanded(words: readonly string[]): string[] {
  return words.flatMap((word) => (word.startsWith('@') ? (callsOfSet(word) ?? []) : [word]));
}

interface Choice {
  readonly errnoRet: number;
  readonly fallback: SeccompProfile;
}

function retain(named: readonly string[], { sets, errnoRet, fallback }: Choice & { readonly sets: readonly string[] }) {
  if (sets.includes('@appc.io/all')) return undefined;
  const inherited = sets.length > 0 ? fallback.syscalls : [];
  const allowed = named.length > 0 ? [{ names: [...named], action: 'SCMP_ACT_ALLOW' as const }] : [];
  return {
    ...fallback,
    defaultAction: 'SCMP_ACT_ERRNO' as const,
    defaultErrnoRet: errnoRet,
    syscalls: [...allowed, ...(inherited ?? [])],
  };
}

function remove(named: readonly string[], { errnoRet, fallback }: Choice): SeccompProfile {
  const kept = (fallback.syscalls ?? []).map((rule) => {
    return { ...rule, names: rule.names.filter((name) => !named.includes(name)) };
  });
  const removed = named.length > 0 ? [{ names: [...named], action: 'SCMP_ACT_ERRNO' as const, errnoRet }] : [];
  return { ...fallback, syscalls: [...removed, ...kept.filter(({ names }) => names.length > 0)] };
}

/** What a program cannot start, end or tell the time without; rkt's init system allowed it whatever an image said. */
const NEEDED: ReadonlySet<string> = new Set([
  'execve', 'exit', 'exit_group', 'getrlimit', 'rt_sigreturn', 'sigreturn',
  'clock_getres', 'clock_gettime', 'clock_nanosleep', 'gettimeofday', 'nanosleep', 'time',
]); // prettier-ignore

/** The isolator of an image: its set is one of system calls and of names for whole sets. */
export interface ImageSet {
  readonly mode: 'retain' | 'remove';
  readonly set: readonly string[];
  readonly errno?: string | undefined;
}

/**
 * The default profile less what the isolator of an image takes from it.
 *
 * An image can restrict itself, not more: what it wants to retain beyond the default profile is not for it to say.
 */
export function restrictProfile(fallback: SeccompProfile, { mode, set, errno }: ImageSet): SeccompProfile {
  const errnoRet = ERRNO[errno ?? ''] ?? ERRNO['EPERM'] ?? 1;
  const named = expanded(set);
  if (mode === 'remove') return named.length === 0 ? fallback : remove(named, { errnoRet, fallback });
  // A whole set is at least as much as the default, which is all there is.
  if (set.some((name) => name === '@appc.io/all' || isDefaultSet(name))) return fallback;
  const kept = new Set(named);
  const rules = (fallback.syscalls ?? []).map((rule) => ({
    ...rule,
    names: rule.names.filter((name) => kept.has(name) || NEEDED.has(name)),
  }));
  return { ...fallback, defaultErrnoRet: errnoRet, syscalls: rules.filter(({ names }) => names.length > 0) };
}

function numberOf(errno: string): number {
  const number = ERRNO[errno];
  if (number !== undefined) return number;
  throw new Failure(EXIT.usage, `cannot use errno "${printable(errno)}" in --seccomp: no such error`);
}

// The errors that people choose for a refused call; asm-generic/errno-base.h and errno.h.
const ERRNO: Readonly<Record<string, number>> = {
  EPERM: 1,
  ENOENT: 2,
  EIO: 5,
  ENXIO: 6,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  ENOSPC: 28,
  EROFS: 30,
  EXFULL: 54,
  EMULTIHOP: 72,
  ENOSYS: 38,
  EOPNOTSUPP: 95,
};
