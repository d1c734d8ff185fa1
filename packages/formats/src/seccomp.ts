// SPDX-License-Identifier: Apache-2.0
import * as v from 'valibot';
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
