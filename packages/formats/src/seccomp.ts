// SPDX-License-Identifier: Apache-2.0
import * as v from 'valibot';
import { parseForeign } from './foreign.ts';
import { type JsonSource } from './json.ts';
import { parseOwn } from './own.ts';

const profile = v.looseObject({
  defaultAction: v.string(),
  defaultErrnoRet: v.optional(v.number()),
  syscalls: v.optional(
    v.array(v.looseObject({ names: v.array(v.string()), action: v.string(), errnoRet: v.optional(v.number()) })),
  ),
});

/** A seccomp profile as the OCI runtime specification writes it (config-linux.md, "Seccomp"); seccomp-tools checks the rest. */
export type SeccompProfile = v.InferOutput<typeof profile>;

/** Reads a profile; the path is for the message. */
export function parseSeccompProfile(text: string, path: string): SeccompProfile {
  return parseOwn(profile, text, path);
}

const strings = v.optional(v.nullable(v.array(v.string())));
const conditions = v.optional(
  v.nullable(v.object({ arches: strings, caps: strings, minKernel: v.optional(v.nullable(v.string())) })),
);

const syscall = v.object({
  names: strings,
  /** How it was written before `names`. */
  name: v.optional(v.nullable(v.string())),
  action: v.string(),
  errnoRet: v.optional(v.nullable(v.number())),
  args: v.optional(v.nullable(v.array(v.unknown()))),
  includes: conditions,
  excludes: conditions,
});

const foreignProfile = v.object({
  defaultAction: v.string(),
  defaultErrnoRet: v.optional(v.nullable(v.number())),
  flags: strings,
  listenerPath: v.optional(v.nullable(v.string())),
  syscalls: v.optional(v.nullable(v.array(syscall))),
});

/** A profile of another engine: that of the specification, and the conditions under which Docker has a rule count. */
export type ForeignSeccompProfile = v.InferOutput<typeof foreignProfile>;

/** Reads a profile that somebody else wrote. */
export function parseForeignSeccompProfile(bytes: Uint8Array, source: JsonSource): ForeignSeccompProfile {
  return parseForeign(foreignProfile, bytes, source);
}
