// SPDX-License-Identifier: Apache-2.0
import { BPF, DATA } from './bpf.ts';
import type { Graph, JumpCode, Node } from './graph.ts';
import type { Condition, Operator } from './profile.ts';

/** Where to go on if a condition holds, and where if it does not. */
export interface Ways {
  readonly yes: Node;
  readonly no: Node;
}

interface Words {
  readonly high: number;
  readonly low: number;
}

const word = 0xffffffffn;

/** The test of one condition; of a parameter that the kernel cuts to `width` bits, it looks at no others. */
export function test(graph: Graph, given: Condition, options: Ways & { readonly width: 16 | 32 | 64 }): Node {
  const { width } = options;
  const { index, op, value, valueTwo } = width === 64 ? given : { ...given, ...cut(given) };
  const site: Site = { graph, low: DATA.args + 8 * index, width };
  const ways: Ways = { yes: options.yes, no: options.no };
  if (op === 'SCMP_CMP_MASKED_EQ') return maskedEqual(site, { mask: split(value), wanted: split(valueTwo) }, ways);
  const [code, negated] = comparisons[op];
  return compare(site, { code, value: split(value) }, negated ? { yes: ways.no, no: ways.yes } : ways);
}

interface Site {
  readonly graph: Graph;
  /** The offset of the low word of the argument; the high word follows it on little-endian machines. */
  readonly low: number;
  readonly width: 16 | 32 | 64;
}

type Comparison = typeof BPF.JEQ | typeof BPF.JGT | typeof BPF.JGE;

const comparisons: Readonly<Record<Exclude<Operator, 'SCMP_CMP_MASKED_EQ'>, readonly [Comparison, boolean]>> = {
  SCMP_CMP_EQ: [BPF.JEQ, false],
  SCMP_CMP_NE: [BPF.JEQ, true],
  SCMP_CMP_GT: [BPF.JGT, false],
  SCMP_CMP_LE: [BPF.JGT, true],
  SCMP_CMP_GE: [BPF.JGE, false],
  SCMP_CMP_LT: [BPF.JGE, true],
};

/** A negative `int` may be written with its sign extended to 64 bits: what the kernel sees of it is the low word. */
function cut({ value, valueTwo }: Condition): { value: bigint; valueTwo: bigint } {
  return { value: withoutSign(value), valueTwo: withoutSign(valueTwo) };
}

function withoutSign(value: bigint): bigint {
  return value >= 2n ** 64n - 2n ** 31n ? value & word : value;
}

function split(value: bigint): Words {
  return { high: Number(value >> 32n), low: Number(value & word) };
}

function compare(site: Site, wanted: { code: Comparison; value: Words }, ways: Ways): Node {
  const { graph } = site;
  const { code, value } = wanted;
  const low = loadLow(site, graph.jump(code, value.low, ways));
  // Not 64 bits: the high word counts as zero, whatever it is.
  if (site.width !== 64) return value.high === 0 ? low : ways.no;
  if (code === BPF.JEQ) return graph.load(site.low + 4, graph.jump(BPF.JEQ, value.high, { yes: low, no: ways.no }));
  const equal = graph.jump(BPF.JEQ, value.high, { yes: low, no: ways.no });
  return graph.load(site.low + 4, graph.jump(BPF.JGT, value.high, { yes: ways.yes, no: equal }));
}

function maskedEqual(site: Site, condition: { mask: Words; wanted: Words }, ways: Ways): Node {
  const { mask, wanted } = condition;
  const limit = site.width === 16 ? 0xffff : 0xffffffff;
  const low = maskedWord(site, { offset: site.low, mask: (mask.low & limit) >>> 0, wanted: wanted.low }, ways);
  const high = site.width === 64 ? mask.high : 0;
  return maskedWord(site, { offset: site.low + 4, mask: high, wanted: wanted.high }, { yes: low, no: ways.no });
}

function maskedWord(site: Site, part: { offset: number; mask: number; wanted: number }, ways: Ways): Node {
  const { graph } = site;
  const { offset, mask } = part;
  if (mask === 0) return ways.yes;
  const wanted = (part.wanted & mask) >>> 0;
  const jump = (code: JumpCode, k: number, to: Ways) => graph.jump(code, k, to);
  // JSET leaves the accumulator as it is, so that the next condition on the same word need not load it again.
  if (wanted === 0) return graph.load(offset, jump(BPF.JSET, mask, { yes: ways.no, no: ways.yes }));
  if (wanted === mask && isPowerOfTwo(mask)) return graph.load(offset, jump(BPF.JSET, mask, ways));
  return graph.load(offset, graph.and(mask, jump(BPF.JEQ, wanted, ways)));
}

function loadLow({ graph, low, width }: Site, next: Node): Node {
  return graph.load(low, width === 16 ? graph.and(0xffff, next) : next);
}

function isPowerOfTwo(value: number): boolean {
  return (value & (value - 1)) === 0;
}
