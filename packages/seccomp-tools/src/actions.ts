// SPDX-License-Identifier: Apache-2.0

/** The values that a filter returns (linux/seccomp.h), without their data in the low 16 bits. */
export const RET = {
  KILL_PROCESS: 0x80000000,
  KILL_THREAD: 0x00000000,
  TRAP: 0x00030000,
  ERRNO: 0x00050000,
  USER_NOTIF: 0x7fc00000,
  TRACE: 0x7ff00000,
  LOG: 0x7ffc0000,
  ALLOW: 0x7fff0000,
} as const;

/** The errno values that filters of this package return of their own accord. */
export const ERRNO = { EPERM: 1, ENOSYS: 38 } as const;

/** The actions of an OCI profile, and whether they take `errnoRet`. */
export const actions = {
  SCMP_ACT_KILL: { value: RET.KILL_THREAD, dataMax: 0 },
  SCMP_ACT_KILL_PROCESS: { value: RET.KILL_PROCESS, dataMax: 0 },
  SCMP_ACT_KILL_THREAD: { value: RET.KILL_THREAD, dataMax: 0 },
  SCMP_ACT_TRAP: { value: RET.TRAP, dataMax: 0 },
  // The kernel cuts larger errno values down to its MAX_ERRNO.
  SCMP_ACT_ERRNO: { value: RET.ERRNO, dataMax: 4095 },
  SCMP_ACT_TRACE: { value: RET.TRACE, dataMax: 0xffff },
  SCMP_ACT_ALLOW: { value: RET.ALLOW, dataMax: 0 },
  SCMP_ACT_LOG: { value: RET.LOG, dataMax: 0 },
  SCMP_ACT_NOTIFY: { value: RET.USER_NOTIF, dataMax: 0 },
} as const;

/** The name of an action, as OCI profiles write it. */
export type Action = keyof typeof actions;

/** Whether the text is the name of an action. */
export function isAction(text: string): text is Action {
  return Object.hasOwn(actions, text);
}

/** The value that a filter returns for an action; `errnoRet` defaults to EPERM, as the OCI runtime specification says. */
export function returnValue(action: Action, errnoRet: number = ERRNO.EPERM): number {
  const { value, dataMax } = actions[action];
  return dataMax === 0 ? value : value + errnoRet;
}

/** A value that a filter returns, as text: `ALLOW`, `ERRNO(38)`. */
export function describeReturn(value: number): string {
  const data = value & 0xffff;
  const base = value - data;
  const name = Object.entries(RET).find(([, each]) => each === base)?.[0];
  if (name === undefined) return `0x${value.toString(16).padStart(8, '0')}`;
  return data !== 0 || name === 'ERRNO' ? `${name}(${data})` : name;
}
