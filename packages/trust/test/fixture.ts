// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { runBin, type Result } from '@rkt/pod-fixtures';

export const root = process.geteuid?.() === 0;

/** Directories of trust that nobody else can write to. */
export interface Place {
  readonly path: string;
  readonly local: string;
  readonly system: string;
  readonly trust: (...words: readonly string[]) => Result;
  /** Writes a file below the place. */
  readonly write: (path: string, content: string | Uint8Array) => string;
  /** The files of the administrator's trust store with their content. */
  readonly files: () => Record<string, string>;
}

export function makePlace(context: TestContext): Place {
  const path = mkdtempSync(join(root ? '/run' : (process.env['HOME'] ?? '/'), 'rkt-trust-test-'));
  chmodSync(path, 0o755);
  context.after(() => rmSync(path, { recursive: true, force: true }));
  const [local, system] = [join(path, 'etc'), join(path, 'usr')];
  const store = join(local, 'trustedkeys');
  return {
    path,
    local,
    system,
    trust: (...words) => runBin('rkt-trust', [`--local-config=${local}`, `--system-config=${system}`, ...words]),
    write: (name, content) => {
      const file = join(path, name);
      mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
      writeFileSync(file, content, { mode: 0o644 });
      return file;
    },
    files: () => {
      const entries = existsSync(store) ? readdirSync(store, { recursive: true, withFileTypes: true }) : [];
      const found = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
      return Object.fromEntries(found.map((file) => [file.slice(store.length + 1), readFileSync(file, 'latin1')]));
    },
  };
}

/** Fails unless a command was refused with one line and this status. */
export function assertRefused({ status, stdout, stderr }: Result, expected: number, pattern: RegExp): void {
  assert.equal(status, expected, stderr);
  assert.match(stderr, pattern);
  assert.match(stderr, /^rkt-trust: [^\n]*\n$/);
  assert.equal(stdout, '');
}
