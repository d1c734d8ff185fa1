// SPDX-License-Identifier: Apache-2.0
// Runs the built executables as an ordinary user with ranges of ids, in the data directory of that user.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext } from 'node:test';
import { OrdinaryUser, type UserOptions } from '../../packages/pod-fixtures/src/user.ts';
import { bin, cleanUp, images, skipPods, type Result, type Rkt } from './rkt.ts';

/** Why pods of users cannot be tested here, or false. */
export const skipUsers = skipPods || (!existsSync('/usr/bin/newuidmap') && 'not installed: uidmap');

/** The data directory of a user and the commands of rkt as the user calls them: without --dir. */
export interface UserRkt extends Rkt {
  readonly user: OrdinaryUser;
  /** The same directory, on a machine that is another one in these respects. */
  readonly where: (options: UserOptions) => UserRkt;
  /** Runs a program as the user. */
  readonly execute: (...program: readonly string[]) => Result;
}

/** Makes a user with a data directory, which are removed after the test with all pods. */
export function makeUserRkt(t: TestContext, options: UserOptions = {}): UserRkt {
  const user = new OrdinaryUser();
  const dir = join(user.home, '.local', 'share', 'rkt');
  mkdirSync(dir, { recursive: true });
  for (const path of ['.local', '.local/share', '.local/share/rkt']) user.give(join(user.home, path));
  t.after(() => {
    cleanUp(dir);
    user[Symbol.dispose]();
  });
  return rktOf(user, dir, options);
}

function rktOf(user: OrdinaryUser, dir: string, options: UserOptions): UserRkt {
  const started = { env: user.environment(), cwd: user.home };
  const argv = (program: readonly string[]) => user.argv(program, options);
  const execute = (...program: readonly string[]): Result => {
    const [file, args] = argv(program);
    return spawnSync(file, args, { ...started, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 120_000 });
  };
  const run = (command: string, ...args: readonly string[]) => execute(join(bin, `rkt-${command}`), ...args);
  return {
    user,
    dir,
    run,
    execute,
    where: (other) => rktOf(user, dir, other),
    ok: (command, ...args) => {
      const { status, stdout, stderr } = run(command, ...args);
      if (status !== 0) throw new Error(`rkt-${command} ${args.join(' ')} ended with ${String(status)}: ${stderr}`);
      return stdout.replace(/\n$/, '');
    },
    start: (command, ...args) => {
      const [file, words] = argv([join(bin, `rkt-${command}`), ...args]);
      return spawn(file, words, { ...started, stdio: ['ignore', 'ignore', 'inherit'] });
    },
    image: (name, tag = 'latest') => {
      const reference = `registry.example.com/${name}:${tag}`;
      const store = join(dir, 'store');
      const from = `oci:${join(images, name)}:${tag}`;
      execFileSync('skopeo', ['copy', '-q', '--preserve-digests', from, `oci:${store}:${reference}`]);
      execFileSync('chown', ['-R', `${user.uid}:${user.uid}`, store]);
      return `docker://${reference}`;
    },
  };
}
