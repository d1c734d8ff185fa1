// SPDX-License-Identifier: Apache-2.0
import { BPF } from './bpf.ts';
import type { Graph, Node } from './graph.ts';

/** System call numbers from `start` to the start of the next interval, and what to do with them. */
export interface Interval {
  readonly start: number;
  readonly node: Node;
  /** How much a compare on the way to this interval costs, relative to others. */
  readonly weight: number;
}

/** The tree of compares that finds a number's interval at the least weighted cost; the accumulator holds the number. */
export function searchTree(graph: Graph, intervals: readonly Interval[]): Node {
  const splits = bestSplits(intervals.map(({ weight }) => weight));
  const build = (first: number, last: number): Node => {
    const interval = at(intervals, first);
    if (first === last) return interval.node;
    const split = at(at(splits, first), last);
    const ways = { yes: build(split, last), no: build(first, split - 1) };
    return graph.jump(BPF.JGE, at(intervals, split).start, ways);
  };
  return build(0, intervals.length - 1);
}

/**
 * For each range of leaves, the first leaf of the right half of the cheapest search tree.
 * Knuth's bounds on where that leaf can be make it quadratic in the number of leaves.
 */
function bestSplits(weights: readonly number[]): readonly (readonly number[])[] {
  const count = weights.length;
  const sums = [0];
  for (const weight of weights) sums.push(at(sums, sums.length - 1) + weight);
  const costs = Array.from({ length: count }, () => Array.from({ length: count }, () => 0));
  const splits = Array.from({ length: count }, (_, row) => Array.from({ length: count }, () => row));
  for (let length = 2; length <= count; length++) {
    for (let first = 0; first + length <= count; first++) {
      const last = first + length - 1;
      const from = Math.max(first + 1, at(at(splits, first), last - 1));
      const to = Math.max(from, Math.min(last, at(at(splits, first + 1), last)));
      const best = cheapest(from, to, (split) => at(at(costs, first), split - 1) + at(at(costs, split), last));
      at(splits, first)[last] = best.split;
      at(costs, first)[last] = best.cost + at(sums, last + 1) - at(sums, first);
    }
  }
  return splits;
}

function cheapest(from: number, to: number, costOf: (split: number) => number): { split: number; cost: number } {
  let best = { split: from, cost: costOf(from) };
  for (let split = from + 1; split <= to; split++) {
    const cost = costOf(split);
    if (cost < best.cost) best = { split, cost };
  }
  return best;
}

function at<T>(list: readonly T[], index: number): T {
  const value = list[index];
  if (value === undefined) throw new RangeError(`no element ${index} in a list of ${list.length}`);
  return value;
}
