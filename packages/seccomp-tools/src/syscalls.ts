// SPDX-License-Identifier: Apache-2.0
import { syscallsAarch64 } from './generated/aarch64.ts';
import { parameterBits } from './generated/parameters.ts';
import { syscallsX8664 } from './generated/x86-64.ts';

/** A machine that filters can be compiled for. */
export type Arch = 'x86_64' | 'aarch64';

/** What the tables of system calls describe. */
export const SYSCALL_TABLE = { kernel: 'Linux 6.18', last: 469 } as const;

/** The kernel's AUDIT_ARCH_* of each machine (linux/audit.h): what a filter reads as `arch`. */
export const AUDIT_ARCH: Readonly<Record<Arch, number>> = { x86_64: 0xc000003e, aarch64: 0xc00000b7 };

const tables: Readonly<Record<Arch, ReadonlyMap<string, number>>> = {
  x86_64: new Map(Object.entries(syscallsX8664)),
  aarch64: new Map(Object.entries(syscallsAarch64)),
};
const names: Readonly<Record<Arch, ReadonlyMap<number, string>>> = {
  x86_64: invert(tables.x86_64),
  aarch64: invert(tables.aarch64),
};
const bits = new Map(Object.entries(parameterBits));

/** Whether the text names a machine that filters can be compiled for. */
export function isArch(text: string): text is Arch {
  return Object.hasOwn(AUDIT_ARCH, text);
}

/** The system calls of a machine: name to number. */
export function syscallsOf(arch: Arch): ReadonlyMap<string, number> {
  return tables[arch];
}

/** The name of a system call, if the number is one. */
export function syscallName(arch: Arch, number: number): string | undefined {
  return names[arch].get(number);
}

/** How many low bits of a parameter the kernel looks at: it ignores the rest of the register. */
export function parameterWidth(name: string, index: number): 16 | 32 | 64 {
  const width = bits.get(name)?.[index];
  return width === 16 || width === 32 ? width : 64;
}

function invert(table: ReadonlyMap<string, number>): ReadonlyMap<number, string> {
  return new Map([...table].map(([name, number]) => [number, name]));
}
