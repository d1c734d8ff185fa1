// SPDX-License-Identifier: Apache-2.0
// Seccomp profiles of other engines: the format of the OCI runtime specification, with the conditions that Docker added.
import { closeSync, constants, openSync } from 'node:fs';
import { release } from 'node:os';
import { EXIT, Failure, hasCode } from '@rkt/exit';
import { readBounded } from '@rkt/files';
import { parseForeignSeccompProfile, type ForeignSeccompProfile, type SeccompProfile } from '@rkt/formats';
import { printable } from '@rkt/names';

const PROFILE_BYTES_MAX = 1024 * 1024;

type Rule = NonNullable<ForeignSeccompProfile['syscalls']>[number];

/** What decides which rules of a profile count. */
export interface Circumstances {
  /** The capabilities that the app can have. */
  readonly capabilities: readonly string[];
  /** As Docker names it, such as `amd64`. */
  readonly arch: string;
  /** Such as `6.18.44`. */
  readonly kernel?: string;
}

/** Reads a profile that the user names; its rules are those that count for this app on this machine. */
export function readForeignProfile(path: string, circumstances: Circumstances): SeccompProfile {
  const what = `seccomp profile "${printable(path)}"`;
  const found = parseForeignSeccompProfile(contentOf(path, what), { what });
  const { defaultAction, defaultErrnoRet, flags, listenerPath, syscalls } = found;
  const refuse = (why: string) => new Failure(EXIT.dataRefused, `cannot use ${what}: ${why}`);
  if (listenerPath || [defaultAction, ...(syscalls ?? []).map(({ action }) => action)].includes('SCMP_ACT_NOTIFY'))
    throw refuse('it leaves decisions to a listener, and a pod has none');
  if (flags && flags.length > 0) throw refuse('it has flags, which cannot be set here');
  const rules = (syscalls ?? []).filter((rule) => counts(rule, circumstances));
  return {
    defaultAction,
    ...(typeof defaultErrnoRet === 'number' ? { defaultErrnoRet } : {}),
    syscalls: rules.flatMap(plain),
  };
}

function contentOf(path: string, what: string): Buffer {
  let fd: number;
  try {
    // Of a pipe without a writer nothing is waited for.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) throw new Failure(EXIT.notFound, `cannot read ${what}: no such file`);
    throw error;
  }
  try {
    return readBounded(fd, path, PROFILE_BYTES_MAX);
  } finally {
    closeSync(fd);
  }
}

/** The rule in the words of the specification. */
function plain({ names: list, name, action, errnoRet, args }: Rule) {
  const all = [...(list ?? []), ...(name ? [name] : [])];
  if (all.length === 0) return [];
  return [
    {
      names: all,
      action,
      ...(typeof errnoRet === 'number' ? { errnoRet } : {}),
      ...(args && args.length > 0 ? { args } : {}),
    },
  ];
}

function counts({ includes, excludes }: Rule, { capabilities, arch, kernel = release() }: Circumstances): boolean {
  const has = (name: string) => capabilities.includes(name);
  if (excludes?.arches?.includes(arch) || excludes?.caps?.some(has)) return false;
  if (excludes?.minKernel && isAtLeast(kernel, excludes.minKernel)) return false;
  if (includes?.arches && includes.arches.length > 0 && !includes.arches.includes(arch)) return false;
  if (includes?.minKernel && !isAtLeast(kernel, includes.minKernel)) return false;
  return includes?.caps?.every(has) ?? true;
}

function isAtLeast(kernel: string, wanted: string): boolean {
  const [[major, minor], [wantedMajor, wantedMinor]] = [numbersOf(kernel), numbersOf(wanted)];
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

function numbersOf(version: string): [major: number, minor: number] {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  return [Number(major), Number(minor)];
}
