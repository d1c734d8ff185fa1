// SPDX-License-Identifier: Apache-2.0
import { type Flag, type Line } from '@rkt/plan';

const NOBODY = 65534;
const SIGKILL = 9;

/** The namespaces of a process of its own but for users and mounts. */
export const OTHER_NAMESPACES: readonly Flag<'namespaces'>[] = ['CLONE_NEWNET', 'CLONE_NEWIPC', 'CLONE_NEWUTS'];

/** What there is to say of such a process. */
export interface ReaderOptions {
  /** What it does, for people. */
  readonly what: string;
  /** How much processor time it may use. */
  readonly timeMs?: number;
  /** It may use the network, which most must not, and this is its environment. */
  readonly network?: Readonly<Record<string, string>> | undefined;
}

/**
 * The plan of a process that reads what strangers made, such as the tar of a layer. It does not outlive whoever started it.
 *
 * It is nobody, without network and capabilities, and can write only to the pipe that is its standard output.
 */
export function readerPlan(program: readonly string[], { what, timeMs, network }: ReaderOptions): Line[] {
  const [file = ''] = program;
  return [
    { op: '#', text: `${what}: nobody, without ${network === undefined ? 'network and ' : ''}capabilities` },
    ...(network === undefined ? [{ op: 'unshare', flags: OTHER_NAMESPACES } as const] : []),
    { op: 'setrlimit', resource: 'RLIMIT_CORE', soft: 0n, hard: 0n },
    { op: 'setrlimit', resource: 'RLIMIT_NOFILE', soft: 64n, hard: 64n },
    { op: 'setrlimit', resource: 'RLIMIT_FSIZE', soft: 0n, hard: 0n },
    ...(timeMs === undefined ? [] : [processorTime(BigInt(Math.ceil(timeMs / 1000)))]),
    { op: 'chdir', path: '/' },
    { op: 'setgroups', gids: [] },
    { op: 'setresgid', rgid: NOBODY, egid: NOBODY, sgid: NOBODY },
    { op: 'capbset', keep: [] },
    { op: 'setresuid', ruid: NOBODY, euid: NOBODY, suid: NOBODY },
    { op: 'capset', effective: [], permitted: [], inheritable: [] },
    { op: 'prctl', option: 'PR_SET_NO_NEW_PRIVS', value: 1 },
    // Whoever changes its ids has to say so after that.
    { op: 'prctl', option: 'PR_SET_PDEATHSIG', value: SIGKILL },
    ...Object.entries(network ?? {}).map(([name, value]): Line => ({ op: 'setenv', name, value })),
    { op: 'exec', file, argv: program },
  ];
}

function processorTime(seconds: bigint): Line {
  return { op: 'setrlimit', resource: 'RLIMIT_CPU', soft: seconds, hard: seconds };
}
