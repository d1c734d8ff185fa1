// SPDX-License-Identifier: Apache-2.0
import { BPF_MAXINSNS, DATA, type Instruction } from './bpf.ts';
import { ProfileError } from './error.ts';

/** A system call as a filter sees it, `struct seccomp_data`. */
export interface Call {
  /** An AUDIT_ARCH_* value. */
  readonly arch: number;
  readonly nr: number;
  readonly args?: readonly bigint[];
  readonly instructionPointer?: bigint;
}

/** What a filter did with a call. */
export interface Outcome {
  readonly value: number;
  /** How many instructions were executed. */
  readonly steps: number;
  /** Whether the way to the result looked at an argument or the instruction pointer. */
  readonly readsArguments: boolean;
}

/** Runs a filter on a call and says what it returns: an action with its data, as `describeReturn` prints it. */
export function simulate(program: readonly Instruction[], call: Call): number {
  return run(program, call).value;
}

/** Runs a filter on a call and says what it returns and how it got there. */
export function run(program: readonly Instruction[], call: Call): Outcome {
  if (program.length > BPF_MAXINSNS) throw invalid(program.length, `it has more than ${BPF_MAXINSNS} instructions`);
  const machine: Machine = { a: 0, x: 0, memory: [], data: layOut(call), readsArguments: false };
  // Jumps go forward only, so the loop ends at the latest with the last instruction.
  let at = 0;
  for (let steps = 1; ; steps++) {
    const instruction = program[at];
    if (instruction === undefined) throw invalid(at, 'the filter runs past its end');
    const kind = instruction.code & 0x07;
    if (kind === 0x06) {
      return { value: result(machine, instruction, at), steps, readsArguments: machine.readsArguments };
    }
    at += 1 + (kind === 0x05 ? jump(machine, instruction, at) : step(machine, instruction, at));
  }
}

interface Machine {
  a: number;
  x: number;
  readonly memory: number[];
  readonly data: DataView;
  readsArguments: boolean;
}

function layOut({ arch, nr, args = [], instructionPointer = 0n }: Call): DataView {
  const view = new DataView(new ArrayBuffer(DATA.size));
  view.setUint32(DATA.nr, nr, true);
  view.setUint32(DATA.arch, arch, true);
  view.setBigUint64(DATA.instructionPointer, instructionPointer, true);
  for (const [index, value] of args.entries()) view.setBigUint64(DATA.args + 8 * index, value, true);
  return view;
}

function result(machine: Machine, { code, k }: Instruction, at: number): number {
  if (code === 0x06) return k;
  if (code === 0x16) return machine.a;
  throw unknown(code, at);
}

function jump(machine: Machine, instruction: Instruction, at: number): number {
  const { code, jt, jf, k } = instruction;
  if (code === 0x05) return k;
  const { a } = machine;
  const b = code & 0x08 ? machine.x : k;
  switch (code & ~0x08) {
    case 0x15:
      return a === b ? jt : jf;
    case 0x25:
      return a > b ? jt : jf;
    case 0x35:
      return a >= b ? jt : jf;
    case 0x45:
      return (a & b) !== 0 ? jt : jf;
    default:
      throw unknown(code, at);
  }
}

/** Executes anything but a jump or a return; the next instruction follows, so it returns the distance 0. */
function step(machine: Machine, instruction: Instruction, at: number): 0 {
  const { code } = instruction;
  const kind = code & 0x07;
  if (kind === 0x04) machine.a = compute(machine, instruction, at) >>> 0;
  else if (kind === 0x00) machine.a = source(machine, instruction, at);
  else if (kind === 0x01 && code !== 0x21) machine.x = source(machine, { ...instruction, code: code & ~0x01 }, at);
  else if (code === 0x02) machine.memory[cell(instruction.k, at)] = machine.a;
  else if (code === 0x03) machine.memory[cell(instruction.k, at)] = machine.x;
  else if (code === 0x07) machine.x = machine.a;
  else if (code === 0x87) machine.a = machine.x;
  else throw unknown(code, at);
  return 0;
}

/** What a load puts into a register. */
function source(machine: Machine, { code, k }: Instruction, at: number): number {
  switch (code) {
    case 0x20:
      return loadData(machine, k, at);
    case 0x80:
      return DATA.size;
    case 0x00:
      return k;
    case 0x60:
      return machine.memory[cell(k, at)] ?? 0;
    default:
      throw unknown(code, at);
  }
}

function loadData(machine: Machine, offset: number, at: number): number {
  if (offset % 4 !== 0 || offset >= DATA.size) throw invalid(at, `it loads from offset ${offset}`);
  if (offset >= DATA.instructionPointer) machine.readsArguments = true;
  return machine.data.getUint32(offset, true);
}

function cell(k: number, at: number): number {
  if (k < 16) return k;
  throw invalid(at, `there is no memory cell ${k}`);
}

function compute(machine: Machine, { code, k }: Instruction, at: number): number {
  const { a } = machine;
  const b = code & 0x08 ? machine.x : k;
  switch (code & 0xf0) {
    case 0x00:
      return a + b;
    case 0x10:
      return a - b;
    case 0x20:
      return Math.imul(a, b);
    case 0x30:
      if (b === 0) throw invalid(at, 'it divides by zero');
      return Math.floor(a / b);
    case 0x40:
      return a | b;
    case 0x50:
      return a & b;
    case 0x60:
      return a << (b & 31);
    case 0x70:
      return a >>> (b & 31);
    case 0x80:
      return -a;
    case 0xa0:
      return a ^ b;
    default:
      throw unknown(code, at);
  }
}

function invalid(at: number, reason: string): ProfileError {
  return new ProfileError(`cannot run "the filter": instruction ${at}: ${reason}`);
}

function unknown(code: number, at: number): ProfileError {
  return invalid(at, `unknown operation 0x${code.toString(16)}`);
}
