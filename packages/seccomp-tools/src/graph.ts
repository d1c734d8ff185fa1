// SPDX-License-Identifier: Apache-2.0
import { BPF } from './bpf.ts';

/** A conditional jump's operation. */
export type JumpCode = typeof BPF.JEQ | typeof BPF.JGT | typeof BPF.JGE | typeof BPF.JSET;

/** A piece of a filter, from one instruction to all returns reachable from it; the accumulator is what its way there left. */
export type Node =
  | { readonly kind: 'return'; readonly id: number; readonly k: number }
  | { readonly kind: 'load'; readonly id: number; readonly k: number; readonly next: Node }
  | { readonly kind: 'and'; readonly id: number; readonly k: number; readonly next: Node }
  | {
      readonly kind: 'jump';
      readonly id: number;
      readonly code: JumpCode;
      readonly k: number;
      readonly yes: Node;
      readonly no: Node;
    };

/** Makes nodes, equal ones only once, and none that cannot make a difference. */
export class Graph {
  readonly #nodes = new Map<string, Node>();
  readonly #loaded = new Map<string, Node>();

  /** Returns `k`. */
  ret(k: number): Node {
    return this.#intern(`return ${k}`, (id) => ({ kind: 'return', id, k }));
  }

  /** Loads the word at offset `k` of the data, then goes on. */
  load(k: number, next: Node): Node {
    const rest = this.#afterLoad(k, next);
    if (rest.kind === 'return' || rest.kind === 'load') return rest;
    return this.#intern(`load ${k} ${rest.id}`, (id) => ({ kind: 'load', id, k, next: rest }));
  }

  /** Masks the accumulator, then goes on. */
  and(k: number, next: Node): Node {
    if (k === 0xffffffff || next.kind === 'return' || next.kind === 'load') return next;
    return this.#intern(`and ${k} ${next.id}`, (id) => ({ kind: 'and', id, k, next }));
  }

  /** Compares the accumulator with `k`. */
  jump(code: JumpCode, k: number, ways: { readonly yes: Node; readonly no: Node }): Node {
    const { yes, no } = ways;
    if (yes === no) return yes;
    return this.#intern(`jump ${code} ${k} ${yes.id} ${no.id}`, (id) => ({ kind: 'jump', id, code, k, yes, no }));
  }

  /** What is left of a node to do if the word at `offset` is in the accumulator already. */
  #afterLoad(offset: number, node: Node): Node {
    if (node.kind === 'load' && node.k === offset) return this.#afterLoad(offset, node.next);
    if (node.kind !== 'jump') return node;
    const key = `${offset} ${node.id}`;
    const known = this.#loaded.get(key);
    if (known !== undefined) return known;
    const ways = { yes: this.#afterLoad(offset, node.yes), no: this.#afterLoad(offset, node.no) };
    const result = this.jump(node.code, node.k, ways);
    this.#loaded.set(key, result);
    return result;
  }

  #intern(key: string, make: (id: number) => Node): Node {
    const known = this.#nodes.get(key);
    if (known !== undefined) return known;
    const node = make(this.#nodes.size);
    this.#nodes.set(key, node);
    return node;
  }
}
