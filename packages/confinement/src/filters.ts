// SPDX-License-Identifier: Apache-2.0
import { compile, defaultProfile, type Arch, type Instruction, type Profile, type Rule } from 'seccomp-tools';
import { becomesStage1, mounts, type Declaration } from './declaration.ts';

/** The filters of commands, by the name of their file without `.bpf`. */
export type FilterName = 'offline' | 'client' | 'unix' | 'mounts';

/** What talks to others. Pairs of connected sockets stay: Node talks to its children by them. */
const SERVING = ['bind', 'listen', 'accept', 'accept4'];
const NETWORK = ['socket', 'connect', ...SERVING];

const AF_UNIX = { index: 0, value: 1n, valueTwo: 0n, op: 'SCMP_CMP_EQ' } as const;

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
  return declaration.network === 'none' ? 'offline' : declaration.network;
}

/** The filters, compiled for an architecture. What they refuse fails with EPERM, what they do not know with ENOSYS. */
export function compileFilters(arch: Arch): ReadonlyMap<FilterName, readonly Instruction[]> {
  const client = defaultProfile();
  const offline = decide(client, NETWORK, REFUSED);
  const unix = decide(decide(client, SERVING, REFUSED), ['socket'], { action: 'SCMP_ACT_ALLOW', args: [AF_UNIX] });
  const mounting = decide(offline, MOUNTS, { action: 'SCMP_ACT_ALLOW' });
  const profiles: readonly (readonly [FilterName, Profile])[] = [
    ['client', client],
    ['offline', offline],
    ['unix', unix],
    ['mounts', mounting],
  ];
  return new Map(profiles.map(([name, profile]) => [name, compile(profile, { arch })]));
}

const REFUSED = { action: 'SCMP_ACT_ERRNO', errnoRet: 1 } as const;

type Decision = Pick<Rule, 'action' | 'errnoRet'> & Partial<Pick<Rule, 'args'>>;

/** The profile with one rule for these calls, whatever it said of them. */
function decide(profile: Profile, names: readonly string[], rule: Decision): Profile {
  const others = profile.syscalls
    .map((other): Rule => ({ ...other, names: other.names.filter((name) => !names.includes(name)) }))
    .filter((other) => other.names.length > 0);
  return { ...profile, syscalls: [...others, { args: [], ...rule, names: [...names] }] };
}
