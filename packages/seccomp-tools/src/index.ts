// SPDX-License-Identifier: Apache-2.0
export { describeReturn, ERRNO, isAction, RET, returnValue, type Action } from './actions.ts';
export { BPF, BPF_MAXINSNS, decode, encode, type Instruction } from './bpf.ts';
export { compile, unknownSyscalls, type Target } from './compile.ts';
export { defaultProfile } from './default-profile.ts';
export { disassemble } from './disassemble.ts';
export { ProfileError } from './error.ts';
export { interpret } from './interpret.ts';
export { parseProfile, readProfile, type Condition, type Operator, type Profile, type Rule } from './profile.ts';
export { run, simulate, type Call, type Outcome } from './simulate.ts';
export { AUDIT_ARCH, isArch, parameterWidth, SYSCALL_TABLE, syscallName, syscallsOf, type Arch } from './syscalls.ts';
