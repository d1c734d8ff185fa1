// SPDX-License-Identifier: Apache-2.0
import { ProfileError } from './error.ts';

/** One instruction of classic BPF, `struct sock_filter`; all fields are unsigned. */
export interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** The operations that compiled filters use: just those that the kernel's cache of constant actions understands. */
export const BPF = {
  LD_ABS: 0x20,
  AND: 0x54,
  JA: 0x05,
  JEQ: 0x15,
  JGT: 0x25,
  JGE: 0x35,
  JSET: 0x45,
  RET: 0x06,
} as const;

/** Where a filter finds the fields of `struct seccomp_data`. */
export const DATA = { nr: 0, arch: 4, instructionPointer: 8, args: 16, size: 64 } as const;

/** The most instructions that the kernel takes in one filter. */
export const BPF_MAXINSNS = 4096;

const size = 8;

/** The filter as the bytes of `struct sock_filter[]`, in the byte order of all machines supported: little endian. */
export function encode(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * size);
  const view = new DataView(bytes.buffer);
  program.forEach(({ code, jt, jf, k }, at) => {
    view.setUint16(at * size, code, true);
    view.setUint8(at * size + 2, jt);
    view.setUint8(at * size + 3, jf);
    view.setUint32(at * size + 4, k, true);
  });
  return bytes;
}

/** Reads what `encode` writes; throws a ProfileError if the length is not that of a filter. */
export function decode(bytes: Uint8Array): Instruction[] {
  const count = bytes.length / size;
  if (!Number.isInteger(count) || count === 0 || count > BPF_MAXINSNS) {
    const wanted = `a multiple of ${size} from ${size} to ${size * BPF_MAXINSNS}`;
    throw new ProfileError(`cannot read "the filter": it has ${bytes.length} bytes: expected ${wanted}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: count }, (_, at) => ({
    code: view.getUint16(at * size, true),
    jt: view.getUint8(at * size + 2),
    jf: view.getUint8(at * size + 3),
    k: view.getUint32(at * size + 4, true),
  }));
}
