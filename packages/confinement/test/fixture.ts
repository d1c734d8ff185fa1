// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { parsePlan, type Line } from '@rkt/plan';
import { launcher, type Declaration } from '../src/index.ts';

/** An executable that needs nothing. */
export const nothing: Declaration = {
  user: 'any',
  capabilities: [],
  network: 'none',
  reads: [],
  writes: [],
  runs: [],
  environment: [],
};

/** An installation whose stage1 tells what it was given. */
export interface Installation {
  readonly place: string;
  readonly start: (words: readonly string[], options?: StartOptions) => Handed;
}

export interface StartOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** What stands in /etc/passwd, for root. */
  readonly passwd?: string;
}

/** What a launcher hands to stage1: the mode, the plan, the words behind it, `$REGISTRY_AUTH_FILE`, and its standard input. */
export interface Handed {
  readonly status: number | null;
  readonly stderr: string;
  readonly mode: string;
  readonly plan: readonly Line[];
  readonly words: readonly string[];
  readonly authFile: string;
  readonly input: string;
}

/** Makes an installation of one executable with this declaration, where everybody can go. */
export function install(t: TestContext, declaration: Declaration): Installation {
  const place = mkdtempSync(join(tmpdir(), 'rkt-launcher-'));
  t.after(() => rmSync(place, { recursive: true, force: true }));
  chmodSync(place, 0o755);
  for (const path of ['bin', 'lib/rkt', 'home']) mkdirSync(join(place, path), { recursive: true });
  symlinkSync(process.execPath, join(place, 'lib', 'rkt', 'node'));
  // Words may contain anything but NUL.
  writeFileSync(join(place, 'lib', 'rkt', 'stage1'), '#!/bin/sh\nprintf "%s\\0" "$@" "${REGISTRY_AUTH_FILE:-}"\ncat\n');
  const program = join(place, 'bin', 'rkt-x');
  writeFileSync(program, launcher({ name: 'rkt-x', declaration, flags: ['--flag'] }));
  for (const path of [program, join(place, 'lib', 'rkt', 'stage1')]) chmodSync(path, 0o755);
  const start: Installation['start'] = (words, { env = {}, passwd } = {}) => {
    const by = passwd === undefined ? [] : withPasswd(join(place, 'passwd'), passwd);
    const [first = '', ...rest] = [...by, program, ...words];
    const { status, stdout, stderr } = spawnSync(first, rest, {
      encoding: 'utf8',
      input: '',
      env: { PATH: process.env['PATH'], HOME: join(place, 'home'), ...env },
    });
    const [mode = '', , plan = '', ...others] = stdout.split('\0');
    return {
      status,
      stderr,
      mode,
      plan: plan === '' ? [] : parsePlan(plan, 'confinement'),
      words: others.slice(0, -2),
      authFile: others.at(-2) ?? '',
      input: others.at(-1) ?? '',
    };
  };
  return { place, start };
}

/** Words that run a command with another /etc/passwd, in a mount namespace that ends with it. */
function withPasswd(file: string, text: string): readonly string[] {
  writeFileSync(file, text);
  const script = 'mount --bind "$1" /etc/passwd && shift && exec "$@"';
  return ['unshare', '--mount', '--propagation=private', 'sh', '-c', script, 'sh', file];
}
