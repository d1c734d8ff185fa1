// SPDX-License-Identifier: Apache-2.0
import { defaultProfile, readProfile, type Profile } from '../src/index.ts';

/** A profile of the shape that container engines ship: EPERM by default, three ABIs, rules of ranges and of masks. */
export function dockerShaped(): Profile {
  const allowed = defaultProfile().syscalls[0]?.names ?? [];
  const allow = (names: string[], ...args: object[]) => ({ names, action: 'SCMP_ACT_ALLOW', args });
  return readProfile({
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 1,
    architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
    syscalls: [
      allow([...allowed, 'ioctl', 'ptrace', 'socketpair', 'process_vm_readv', 'socketcall', 'nosuchcall']),
      ...[0, 8, 131072, 131080, 4294967295].map((value) =>
        allow(['personality'], { index: 0, value, op: 'SCMP_CMP_EQ' }),
      ),
      allow(['socket'], { index: 0, value: 38, op: 'SCMP_CMP_LT' }),
      allow(['socket'], { index: 0, value: 39, op: 'SCMP_CMP_EQ' }),
      allow(['socket'], { index: 0, value: 40, op: 'SCMP_CMP_GT' }),
      allow(['clone'], { index: 0, value: 2114060288, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }),
      { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 },
    ],
  });
}
