// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, unlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EXIT, Failure, hasCode } from '@rkt/exit';
import { syncDirectory, writeDurably } from '@rkt/files';
import { KEY_BYTES_MAX, makeStrictReader, trustDirectory } from '@rkt/policy';

/** A file to be put into the trust store. */
export interface NewFile {
  /** The administrator's directory. */
  readonly local: string;
  readonly prefix: string | undefined;
  readonly name: string;
  /** Empty for a mask. */
  readonly content: string;
}

/**
 * Puts a file into the trust store, durably, for everybody to read and for its owner to write.
 *
 * What is there already has to be as strict as readers want it, so no link is followed; the same content is not written again.
 */
export function writeTrustFile({ local, prefix, name, content }: NewFile): string {
  const directory = trustDirectory(local, prefix);
  const path = join(directory, name);
  const before = process.umask(0o022);
  try {
    makeDirectories(directory);
    if (makeStrictReader().read(path, KEY_BYTES_MAX)?.toString('latin1') !== content)
      writeDurably(path, content, 0o644);
  } catch (error) {
    throw explained(path, error);
  } finally {
    process.umask(before);
  }
  return path;
}

/** Removes a file of the trust store. */
export function removeTrustFile(path: string): void {
  try {
    unlinkSync(path);
    syncDirectory(dirname(path));
  } catch (error) {
    throw explained(path, error);
  }
}

function makeDirectories(path: string): void {
  if (makeStrictReader().look(path)?.isDirectory()) return;
  const parent = dirname(path);
  makeDirectories(parent);
  mkdirSync(path, { mode: 0o755 });
  syncDirectory(parent);
}

function explained(path: string, error: unknown): unknown {
  if (!hasCode(error, 'EACCES', 'EPERM', 'EROFS')) return error;
  return new Failure(
    EXIT.notPermitted,
    `cannot write "${path}": this user may not: wanted sudo, or --local-config=DIR`,
    { cause: error },
  );
}
