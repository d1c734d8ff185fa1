// SPDX-License-Identifier: Apache-2.0
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, Failure, hasCode } from '@rkt/exit';
import { readUuidFile } from '@rkt/pods';

/**
 * The UUIDs or prefixes that a command line names: its operands, or the content of `--uuid-file`, never both.
 */
export function uuidsOf(operands: readonly string[], uuidFile: string | undefined): readonly string[] {
  if (uuidFile === undefined) {
    if (operands.length > 0) return operands;
    throw new Failure(EXIT.usage, 'cannot find pod: no UUID given: try --help');
  }
  if (operands.length > 0) throw new Failure(EXIT.usage, 'cannot use a UUID and --uuid-file together');
  return [readUuidFile(uuidFile)];
}

/** The one UUID or prefix that a command line names. */
export function uuidOf(operands: readonly string[], uuidFile: string | undefined): string {
  const [uuid = '', ...more] = uuidsOf(operands, uuidFile);
  if (more.length > 0) throw new Failure(EXIT.usage, `cannot use ${operands.length} UUIDs: wanted one`);
  return uuid;
}

/** The one UUID or prefix that a command line names, and the operands behind it. */
export function uuidAndRest(
  operands: readonly string[],
  uuidFile: string | undefined,
): { readonly uuid: string; readonly rest: readonly string[] } {
  if (uuidFile !== undefined) return { uuid: readUuidFile(uuidFile), rest: operands };
  const [uuid, ...rest] = operands;
  if (uuid !== undefined) return { uuid, rest };
  throw new Failure(EXIT.usage, 'cannot find pod: no UUID given: try --help');
}

/**
 * Refuses at once, before anything is touched, if the pods belong to somebody else and the caller is not root.
 *
 * The verb is for the message: `cannot stop pods in "/var/lib/rkt": not root: wanted sudo`.
 */
export function requireOwner(dir: string, verb: string): void {
  const user = process.geteuid?.();
  if (user === 0 || user === ownerOf(join(dir, 'pods'))) return;
  throw new Failure(EXIT.notPermitted, `cannot ${verb} pods in "${dir}": not root: wanted sudo`);
}

/** Nobody's yet: then there are no pods, and whoever asks may know that. */
function ownerOf(path: string): number | undefined {
  try {
    return statSync(path).uid;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return process.geteuid?.();
    if (hasCode(error, 'EACCES')) return undefined;
    throw error;
  }
}
