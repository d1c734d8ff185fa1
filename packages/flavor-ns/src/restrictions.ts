// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { UNLIMITED, type PodApp, type PodManifest, type RuntimeConfig } from '@rkt/formats';
import { flagSets, type Flag, type Line } from '@rkt/plan';
import { comment, FD } from './host.ts';

/** What the restrictions of an app are made of. */
export interface Restricted {
  readonly pod: PodManifest;
  readonly app: PodApp;
  readonly config: RuntimeConfig;
  readonly landlock: number;
  /** The descriptor by which the user namespace is joined: of the namespace, or of a process in it; null for none. */
  readonly userNamespaceFd: number | null;
  /** The program instead of the app's own, for rkt-enter. */
  readonly command?: {
    readonly args: readonly string[];
    readonly environment: readonly string[];
    readonly interactive: boolean;
  };
}

/**
 * The last part of an app's plan: everything that takes rights away, and the program.
 *
 * rkt-enter executes the same lines, so that whoever enters has exactly the rights of the app.
 */
export function restrictions(restricted: Restricted): Line[] {
  const { config, userNamespaceFd, app, command } = restricted;
  const { user, rlimits, oomScoreAdj, cwd } = config.process;
  const interactive = command?.interactive ?? app.interactive;
  return [
    comment('restrictions: from here on rights only go away; rkt-enter executes the same lines'),
    ...(interactive ? [] : [{ op: 'setsid' } as const]),
    { op: 'keyctl', operation: 'KEYCTL_JOIN_SESSION_KEYRING', name: '' },
    ...(oomScoreAdj === 0
      ? []
      : [{ op: 'write', path: '/proc/self/oom_score_adj', text: String(oomScoreAdj) } as const]),
    ...rlimits.map(limit),
    { op: 'umask', mode: user.umask },
    ...(userNamespaceFd === null ? [] : [{ op: 'setns', fd: userNamespaceFd, flags: ['CLONE_NEWUSER'] } as const]),
    { op: 'chdir', path: cwd },
    ...identity(config),
    ...(interactive ? [{ op: 'openpty', path: '/dev/ptmx', fd: FD.terminalPeer } as const] : []),
    ...(config.process.noNewPrivileges ? [{ op: 'prctl', option: 'PR_SET_NO_NEW_PRIVS', value: 1 } as const] : []),
    ...landlock(restricted),
    ...program(restricted),
  ];
}

function identity({ process: { user, capabilities } }: RuntimeConfig): Line[] {
  const bounding = named(capabilities.bounding);
  const { uid, gid } = user;
  return [
    { op: 'setgroups', gids: user.additionalGids },
    { op: 'setresgid', rgid: gid, egid: gid, sgid: gid },
    { op: 'capbset', keep: bounding },
    // Without it the change of the user would empty the permitted set before capset says what stays.
    { op: 'prctl', option: 'PR_SET_KEEPCAPS', value: 1 },
    { op: 'setresuid', ruid: uid, euid: uid, suid: uid },
    {
      op: 'capset',
      effective: named(capabilities.effective),
      permitted: named(capabilities.permitted),
      inheritable: named(capabilities.inheritable),
    },
  ];
}

// Abstract sockets belong to the network namespace: an app in the host's would reach every one of them.
function landlock({ landlock: abi, pod }: Restricted): Line[] {
  if (abi < 6 || pod.network !== 'host' || pod.insecureOptions.includes('landlock')) return [];
  return [
    {
      op: 'landlock_create_ruleset',
      fd: FD.landlock,
      access_fs: [],
      access_net: [],
      scoped: ['LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET'],
    },
    { op: 'landlock_restrict_self', fd: FD.landlock },
  ];
}

function program({ config, command }: Restricted): Line[] {
  const args = command?.args ?? config.process.args;
  const environment = command?.environment ?? config.process.env;
  const [file = ''] = args;
  return [
    ...environment.map((variable): Line => {
      const equals = variable.indexOf('=');
      return { op: 'setenv', name: variable.slice(0, equals), value: variable.slice(equals + 1) };
    }),
    ...(config.linux.seccomp === undefined ? [] : [{ op: 'seccomp', flags: [], filter: 'seccomp.bpf' } as const]),
    { op: 'exec', file, argv: args },
  ];
}

const CAPABILITIES: readonly Flag<'capability'>[] = flagSets.capability;
const RESOURCES: readonly Flag<'resource'>[] = flagSets.resource;

function named(names: readonly string[]): Flag<'capability'>[] {
  return CAPABILITIES.filter((name) => names.includes(name));
}

function limit({ type, soft, hard }: RuntimeConfig['process']['rlimits'][number]): Line {
  const resource = RESOURCES.find((name) => name === type);
  if (resource === undefined) throw new Failure(EXIT.usage, `cannot limit "${type}": no such resource`);
  const value = (amount: number) => (amount === UNLIMITED ? 'RLIM_INFINITY' : BigInt(amount));
  return { op: 'setrlimit', resource, soft: value(soft), hard: value(hard) };
}
