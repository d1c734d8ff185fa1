// SPDX-License-Identifier: Apache-2.0
import { describeReturn } from './actions.ts';
import { DATA, type Instruction } from './bpf.ts';
import { AUDIT_ARCH, isArch, syscallName, type Arch } from './syscalls.ts';

/** What the accumulator holds when an instruction is reached: a field of the data, or something else. */
type Held = string | undefined;

/** Prints a filter, one numbered instruction per line, with a comment that says what is loaded, compared or returned. */
export function disassemble(program: readonly Instruction[]): string {
  const held = trackAccumulator(program);
  const arch = findArch(program, held);
  const lines = program.map((instruction, at) => {
    const comment = explain(instruction, held.get(at), arch);
    const text = `${number(at)}  ${print(instruction, at)}`;
    return comment === undefined ? `${text}\n` : `${text.padEnd(36)}  # ${comment}\n`;
  });
  return lines.join('');
}

const arithmetic = ['add', 'sub', 'mul', 'div', 'or', 'and', 'lsh', 'rsh', 'neg', undefined, 'xor'] as const;
const jumps = ['ja', 'jeq', 'jgt', 'jge', 'jset'] as const;
const plain = new Map<number, (k: number) => string>([
  [0x00, (k) => `ld    #${hex(k)}`],
  [0x01, (k) => `ldx   #${hex(k)}`],
  [0x02, (k) => `st    M[${k}]`],
  [0x03, (k) => `stx   M[${k}]`],
  [0x06, (k) => `ret   #${hex(k)}`],
  [0x07, () => 'tax'],
  [0x16, () => 'ret   a'],
  [0x20, (k) => `ld    [${k}]`],
  [0x60, (k) => `ld    M[${k}]`],
  [0x61, (k) => `ldx   M[${k}]`],
  [0x80, () => 'ld    #len'],
  [0x81, () => 'ldx   #len'],
  [0x87, () => 'txa'],
]);

function print(instruction: Instruction, at: number): string {
  const { code, jt, jf, k } = instruction;
  const operand = code & 0x08 ? 'x' : `#${hex(k)}`;
  const operation = code >> 4;
  const known = plain.get(code);
  if (known !== undefined) return known(k);
  const isShort = code < 0x100;
  if (isShort && code === 0x05) return `ja    ${number(at + 1 + k)}`;
  const jump = jumps[operation];
  if (isShort && (code & 0x07) === 0x05 && jump !== undefined && operation > 0) {
    return `${jump.padEnd(4)}  ${operand}, ${number(at + 1 + jt)}, ${number(at + 1 + jf)}`;
  }
  const name = arithmetic[operation];
  if (isShort && (code & 0x07) === 0x04 && name !== undefined) {
    return name === 'neg' ? 'neg' : `${name.padEnd(4)}  ${operand}`;
  }
  return `.word ${hex(code)}, ${jt}, ${jf}, ${hex(k)}`;
}

function explain({ code, k }: Instruction, held: Held, arch: Arch | undefined): string | undefined {
  if (code === 0x06) return describeReturn(k);
  if (code === 0x20) return fieldName(k);
  if ((code & 0x07) !== 0x05 || code === 0x05) return undefined;
  if (held === 'arch') return Object.entries(AUDIT_ARCH).find(([, value]) => value === k)?.[0];
  if (held === 'nr' && arch !== undefined) return syscallName(arch, k);
  return held;
}

function fieldName(offset: number): string {
  if (offset === DATA.nr) return 'nr';
  if (offset === DATA.arch) return 'arch';
  const half = offset % 8 === 0 ? 'low' : 'high';
  return offset < DATA.args ? `instruction pointer, ${half}` : `args[${Math.floor((offset - DATA.args) / 8)}], ${half}`;
}

/** Follows what the accumulator holds along all ways; where ways with different contents meet, nothing is known. */
function trackAccumulator(program: readonly Instruction[]): ReadonlyMap<number, Held> {
  const reached = new Map<number, Held>([[0, undefined]]);
  const reach = (at: number, held: Held) => {
    reached.set(at, reached.has(at) && reached.get(at) !== held ? undefined : held);
  };
  program.forEach(({ code, jt, jf, k }, at) => {
    if (!reached.has(at)) return;
    const before = reached.get(at);
    const kind = code & 0x07;
    if (kind === 0x06) return;
    if (code === 0x05) reach(at + 1 + k, before);
    else if (kind === 0x05) for (const distance of [jt, jf]) reach(at + 1 + distance, before);
    else if (code === 0x20) reach(at + 1, fieldName(k));
    else if (kind === 0x04) reach(at + 1, before === undefined ? undefined : `${before}, changed`);
    else if (kind === 0x00 || code === 0x87) reach(at + 1, undefined);
    else reach(at + 1, before);
  });
  return reached;
}

/** The machine that a filter compares `arch` with first. */
function findArch(program: readonly Instruction[], held: ReadonlyMap<number, Held>): Arch | undefined {
  const first = program.find(({ code }, at) => (code & 0x07) === 0x05 && held.get(at) === 'arch');
  return Object.keys(AUDIT_ARCH)
    .filter(isArch)
    .find((arch) => AUDIT_ARCH[arch] === first?.k);
}

function number(at: number): string {
  return String(at).padStart(4, '0');
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
