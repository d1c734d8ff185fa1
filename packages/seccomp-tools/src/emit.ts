// SPDX-License-Identifier: Apache-2.0
import { BPF, BPF_MAXINSNS, type Instruction } from './bpf.ts';
import { ProfileError } from './error.ts';
import type { Node } from './graph.ts';

// A conditional jump has 8 bits for each distance.
const reach = 255;

/** Lays the instructions of a node and all that follows it out in a row, jumping forward only. */
export function emit(root: Node): Instruction[] {
  // Built from the end: every target of a jump is laid out before the jump, so its distance is known.
  const reversed: Instruction[] = [];
  const places = new Map<Node, number>();
  layOut(root, { reversed, places });
  if (reversed.length > BPF_MAXINSNS) {
    throw new ProfileError(
      `cannot compile "the profile": the filter has ${reversed.length} instructions: the kernel takes ${BPF_MAXINSNS}`,
    );
  }
  return reversed.toReversed();
}

interface Layout {
  readonly reversed: Instruction[];
  readonly places: Map<Node, number>;
}

function layOut(node: Node, layout: Layout): void {
  const { reversed, places } = layout;
  if (places.has(node)) return;
  switch (node.kind) {
    case 'return':
      reversed.push({ code: BPF.RET, jt: 0, jf: 0, k: node.k });
      break;
    case 'load':
    case 'and':
      layOut(node.next, layout);
      fallInto(node.next, layout);
      reversed.push({ code: node.kind === 'load' ? BPF.LD_ABS : BPF.AND, jt: 0, jf: 0, k: node.k });
      break;
    case 'jump':
      layOut(node.no, layout);
      layOut(node.yes, layout);
      bringNear(node.no, layout);
      // The second island may push the first target out of reach by one.
      bringNear(node.yes, layout);
      bringNear(node.no, layout);
      reversed.push({
        code: node.code,
        jt: distance(node.yes, layout),
        jf: distance(node.no, layout),
        k: node.k,
      });
      break;
  }
  places.set(node, reversed.length - 1);
}

function distance(target: Node, { reversed, places }: Layout): number {
  const place = places.get(target);
  if (place === undefined) throw new Error('the target of a jump is not laid out yet');
  return reversed.length - 1 - place;
}

/** Makes the target the very next instruction. */
function fallInto(target: Node, layout: Layout): void {
  if (distance(target, layout) > 0) addIsland(target, layout);
}

/** Makes the target reachable by a conditional jump that stands next. */
function bringNear(target: Node, layout: Layout): void {
  if (distance(target, layout) > reach) addIsland(target, layout);
}

/** Puts an unconditional jump to the target here, or a copy of it if it is as short; from now on the target is here. */
function addIsland(target: Node, layout: Layout): void {
  const { reversed, places } = layout;
  reversed.push(
    target.kind === 'return'
      ? { code: BPF.RET, jt: 0, jf: 0, k: target.k }
      : { code: BPF.JA, jt: 0, jf: 0, k: distance(target, layout) },
  );
  places.set(target, reversed.length - 1);
}
