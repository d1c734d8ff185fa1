// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { accessSync, chmodSync, constants, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { EXIT, Failure } from '@rkt/exit';
import { parseReference } from '@rkt/names';
import { imageNameOf, makeStrictReader, type ImageName, type TrustDirectories } from '../src/index.ts';

/** A directory that nobody else can write to, with all that is above it: /tmp is none. */
export function strictDirectory(context: TestContext): string {
  const parent = ['/run', homedir()].find((path) => {
    try {
      accessSync(path, constants.W_OK);
      return makeStrictReader().look(path) !== undefined;
    } catch {
      return false;
    }
  });
  assert.ok(parent !== undefined, 'no directory that nobody else can write to');
  const dir = mkdtempSync(join(parent, 'rkt-policy-test-'));
  chmodSync(dir, 0o755);
  context.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** The directories of vendor and administrator in a fresh place. */
export function trustDirectories(context: TestContext): TrustDirectories {
  const dir = strictDirectory(context);
  return { system: join(dir, 'usr'), local: join(dir, 'etc') };
}

/** Writes a file and the directories above it, with the modes that are wanted. */
export function write(path: string, content: string | Uint8Array, mode = 0o644): string {
  const umask = process.umask(0o022);
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  writeFileSync(path, content);
  chmodSync(path, mode);
  process.umask(umask);
  return path;
}

/** The name of a registry's image. */
export function docker(text: string): ImageName {
  return imageNameOf(parseReference(`docker://${text}`), undefined);
}

/** Forty digits, as the fingerprint of an OpenPGP key has them. */
export function fingerprint(tail: string): string {
  return tail.padStart(40, '0');
}

/** A check for assert.throws: a failure of the configuration whose message matches. */
export const misconfigured = (pattern: RegExp) => failsWith(EXIT.configuration, pattern);

/** A check for assert.throws. */
export function failsWith(status: number, pattern: RegExp) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof Failure, String(error));
    assert.match(error.message, pattern);
    assert.equal(error.status, status, error.message);
    assert.ok(!error.message.includes('\n'));
    return true;
  };
}
