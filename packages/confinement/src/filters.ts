// SPDX-License-Identifier: Apache-2.0
import { compile, defaultProfile, type Arch, type Instruction, type Profile, type Rule } from 'seccomp-tools';
import { becomesStage1, mounts, type Declaration } from './declaration.ts';

/** The filters of commands, by the name of their file without `.bpf`. */
export type FilterName = 'offline' | 'client' | 'mounts';

/** What talks to others. Pairs of connected sockets stay: Node talks to its children by them. */
const NETWORK = ['socket', 'connect', 'bind', 'listen', 'accept', 'accept4'];

/** What stage1 does for a command that mounts, and the default profile has for nobody. */
const MOUNTS = [
  'chroot',
  'clone',
  'clone3',
  'fsconfig',
  'fsmount',
  'fsopen',
  'keyctl',
  'mount',
  'mount_setattr',
  'move_mount',
  'open_tree',
  'pivot_root',
  'setdomainname',
  'sethostname',
  'setns',
  'umount2',
  'unshare',
];

/** The filter of an executable, or undefined for one whose filter would become that of a pod. */
export function filterOf(declaration: Declaration): FilterName | undefined {
  if (becomesStage1(declaration)) return undefined;
  if (mounts(declaration)) return 'mounts';
  return declaration.network === 'client' ? 'client' : 'offline';
}

/** The filters, compiled for an architecture. What they refuse fails with EPERM, what they do not know with ENOSYS. */
export function compileFilters(arch: Arch): ReadonlyMap<FilterName, readonly Instruction[]> {
  const client = defaultProfile();
  const offline = decide(client, NETWORK, { action: 'SCMP_ACT_ERRNO', errnoRet: 1 });
  const mounting = decide(offline, MOUNTS, { action: 'SCMP_ACT_ALLOW' });
  const profiles: readonly (readonly [FilterName, Profile])[] = [
    ['client', client],
    ['offline', offline],
    ['mounts', mounting],
  ];
  return new Map(profiles.map(([name, profile]) => [name, compile(profile, { arch })]));
}

/** The profile with one rule for these calls, whatever it said of them. */
function decide(profile: Profile, names: readonly string[], rule: Pick<Rule, 'action' | 'errnoRet'>): Profile {
  const others = profile.syscalls
    .map((other): Rule => ({ ...other, names: other.names.filter((name) => !names.includes(name)) }))
    .filter((other) => other.names.length > 0);
  return { ...profile, syscalls: [...others, { ...rule, names: [...names], args: [] }] };
}
