// SPDX-License-Identifier: Apache-2.0
import * as v from 'valibot';

const list = v.array(v.string());

const declaration = v.strictObject({
  /** Who runs it: `root`, or `any` user. */
  user: v.string(),
  /** What root keeps of its capabilities, by name; `all` for a command that becomes stage1. Ordinary users have none. */
  capabilities: list,
  /** `client` may connect to registries, `unix` to programs of this machine that have a socket in a directory; `none` has no sockets. */
  network: v.picklist(['none', 'unix', 'client']),
  /**
   * Files and directories, with all that is beneath. They may begin with `$DIR`, rkt's data directory, `$LIB`, that of its
   * programs, or with a variable of the caller such as `$HOME`; `$WORDS` stands for what the words of the command line name.
   */
  reads: list,
  /** The same for what is made, changed and removed; `$WORDS` stands for the directories of the words. */
  writes: list,
  /** Programs: of rkt itself, or by a pattern of names on PATH. */
  runs: list,
  /** Variables of the caller that it gets besides those that every command gets; `*` for all. */
  environment: list,
});

/** What an executable needs of the system: the content of `privileges.json` beside it. */
export type Declaration = v.InferOutput<typeof declaration>;

/** Checks what was read of a `privileges.json`; the path is for the message. */
export function parseDeclaration(value: unknown, path: string): Declaration {
  const { success, output, issues } = v.safeParse(declaration, value);
  if (success) return output;
  const [issue] = issues;
  throw new Error(`${path}: ${v.getDotPath(issue) ?? ''}: ${issue.message}`);
}

/** True for a command that becomes stage1 and executes the plan of a pod: what binds it would bind the pod. */
export function becomesStage1({ capabilities }: Declaration): boolean {
  return capabilities.includes('all');
}

/** True for a command whose helpers mount: the kernel lets nobody mount whose files Landlock restricts. */
export function mounts({ capabilities }: Declaration): boolean {
  return capabilities.includes('CAP_SYS_ADMIN') || capabilities.includes('all');
}
