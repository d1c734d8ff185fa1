// SPDX-License-Identifier: Apache-2.0
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What makes the machine of an ordinary user another one, all of it seen by the user's processes alone. */
export interface UserOptions {
  /** The lines of /etc/subuid and /etc/subgid, `FIRST:COUNT` each. */
  readonly ranges?: readonly string[];
  readonly groupRanges?: readonly string[];
  /** Programs that cannot be executed. */
  readonly hidden?: readonly string[];
  /** What root does in the mount namespace of the user first, as a script of sh. */
  readonly before?: string;
}

// No user and no range of this machine is touched: the names are mounted over those of the machine.
const SCRIPT = `
mount -t overlay overlay -o "lowerdir=$1:/etc" /etc || exit
before=$2
shift 2
eval "$before"
exec setpriv "$@"
`;

/**
 * An ordinary user, who exists as long as this object: a name, a home directory and ranges of ids.
 *
 * Needs root, which the user's processes give up before they are executed.
 */
export class OrdinaryUser implements Disposable {
  readonly name = 'rkt-test';
  readonly uid = 54321;
  /** The first subordinate id. */
  readonly first = 1_900_000_000;
  /** A directory of root that the user can enter; removed in the end. */
  readonly directory = mkdtempSync(join(tmpdir(), 'rkt-user-'));
  readonly home = join(this.directory, 'home');

  constructor() {
    chmodSync(this.directory, 0o755);
    mkdirSync(this.home, { mode: 0o700 });
    this.give(this.home);
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Makes the path the user's. */
  give(path: string): void {
    chownSync(path, this.uid, this.uid);
  }

  /** The words that execute a program as the user: the first is the program. The process stays the same throughout. */
  argv(program: readonly string[], options: UserOptions = {}): [file: string, args: string[]] {
    const { hidden = [], before = '' } = options;
    const hide = hidden.map((path) => `mount --bind /dev/null ${path}`);
    const identity = [`--reuid=${this.uid}`, `--regid=${this.uid}`, '--clear-groups'];
    const script = [...hide, before].filter((line) => line !== '').join('\n');
    return [
      'unshare',
      [
        '--mount',
        '--propagation=private',
        'sh',
        '-c',
        SCRIPT,
        'sh',
        this.#etc(options),
        script,
        ...identity,
        ...program,
      ],
    ];
  }

  /** The environment of the user's processes. */
  environment(): NodeJS.ProcessEnv {
    const { PATH, RKT_NODE } = process.env;
    return { PATH, HOME: this.home, USER: this.name, ...(RKT_NODE === undefined ? {} : { RKT_NODE }) };
  }

  #etc({ ranges = [`${this.first}:65536`], groupRanges = ranges }: UserOptions): string {
    const etc = mkdtempSync(join(this.directory, 'etc-'));
    const lines = (list: readonly string[]) => list.map((range) => `${this.name}:${range}\n`).join('');
    const files = {
      passwd: `${readFileSync('/etc/passwd', 'utf8')}${this.name}:x:${this.uid}:${this.uid}::${this.home}:/bin/sh\n`,
      group: `${readFileSync('/etc/group', 'utf8')}${this.name}:x:${this.uid}:\n`,
      subuid: lines(ranges),
      subgid: lines(groupRanges),
    };
    chmodSync(etc, 0o755);
    for (const [file, text] of Object.entries(files)) writeFileSync(join(etc, file), text);
    return etc;
  }
}
