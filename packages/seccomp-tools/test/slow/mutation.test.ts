// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  BPF,
  compile,
  defaultProfile,
  interpret,
  ProfileError,
  simulate,
  type Instruction,
  type Profile,
} from '../../src/index.ts';
import { borderCalls } from '../arbitrary.ts';
import { dockerShaped } from '../docker-shaped.ts';

/** Each instruction changed in one field, in several ways. */
function* mutants(program: readonly Instruction[]): Generator<{ at: number; mutant: Instruction[]; what: string }> {
  for (const [at, original] of program.entries()) {
    const { code, jt, jf, k } = original;
    const isJump = code % 8 === 5;
    const variants: Instruction[] = [
      ...[k + 1, k - 1, (k ^ 0x80000000) >>> 0, (k ^ 2) >>> 0].map((other) => ({ ...original, k: other >>> 0 })),
      ...(isJump ? neighbours(jt, jf).map((other) => ({ ...original, jt: other })) : []),
      ...(isJump ? neighbours(jf, jt).map((other) => ({ ...original, jf: other })) : []),
    ];
    for (const variant of variants) {
      const what = `${at}: ${JSON.stringify(original)} as ${JSON.stringify(variant)}`;
      yield { at, mutant: program.with(at, variant), what };
    }
  }
}

/** Other distances that an instruction can hold: a byte. */
function neighbours(distance: number, other: number): number[] {
  return [distance + 1, distance - 1, other].filter((each) => each !== distance && each >= 0 && each <= 255);
}

function isCaught(
  mutant: readonly Instruction[],
  wanted: readonly { call: Parameters<typeof simulate>[1]; value: number }[],
) {
  try {
    return wanted.some(({ call, value }) => simulate(mutant, call) !== value);
  } catch (error) {
    // The kernel would refuse to load it.
    if (error instanceof ProfileError) return true;
    throw error;
  }
}

/**
 * Whether no call tells the two apart. All that a filter does is compare words with constants, so words just below, at and
 * above each constant stand for all words; no filter here decides on more than two arguments at once.
 */
function isEquivalent(one: readonly Instruction[], other: readonly Instruction[]): boolean {
  const words = representatives([...one, ...other]);
  const numbers = words.get(0) ?? [];
  const offsets = [...words.keys()].filter((offset) => offset >= 16);
  const pairs = offsets.flatMap((first, at) => offsets.slice(at + 1).map((second) => [first, second] as const));
  return pairs.every(([first, second]) =>
    (words.get(first) ?? []).every((a) =>
      (words.get(second) ?? []).every((b) =>
        numbers.every((nr) => {
          const args = [0n, 0n, 0n, 0n, 0n, 0n];
          args[(first - 16) >> 3] = BigInt(a);
          args[(second - 16) >> 3] = BigInt(b);
          const call = { arch: 0xc000003e, nr, args };
          return simulate(one, call) === simulate(other, call);
        }),
      ),
    ),
  );
}

/** For each word of the data that a filter loads, the values that stand for all. */
function representatives(program: readonly Instruction[]): Map<number, number[]> {
  const words = new Map<number, Set<number>>();
  let offset = 0;
  for (const { code, k } of program) {
    // In the layout of `emit`, the compares of a word follow its load.
    if (code === BPF.LD_ABS) offset = k;
    const set = words.get(offset) ?? new Set([0, 0xffffffff]);
    words.set(offset, set);
    for (const near of code % 8 === 5 ? [k - 1, k, k + 1] : []) set.add(near >>> 0);
    for (let bit = 1; code === BPF.JSET && bit <= 0x40000000; bit *= 2) set.add((k & bit) >>> 0);
  }
  return new Map([...words].map(([each, set]) => [each, [...set]]));
}

for (const [title, profile] of Object.entries<Profile>({ default: defaultProfile(), docker: dockerShaped() })) {
  test(`the calls of the ${title} profile's tests tell at least 99 % of mutated filters from the right one`, (t) => {
    const program = compile(profile, { arch: 'x86_64' });
    const wanted = borderCalls(profile, 'x86_64').map((call) => ({
      call,
      value: interpret(profile, call, { arch: 'x86_64' }),
    }));
    let count = 0;
    let equivalent = 0;
    const survivors: string[] = [];
    for (const { mutant, what } of mutants(program)) {
      const caught = isCaught(mutant, wanted);
      if (!caught && isEquivalent(program, mutant)) {
        equivalent += 1;
        continue;
      }
      count += 1;
      if (!caught) survivors.push(what);
    }
    t.diagnostic(
      `${count} filters, ${survivors.length} not told from the right one; ${equivalent} more decide the same`,
    );
    assert.ok(count > 500);
    assert.ok(survivors.length <= count / 100, `${survivors.length} of ${count} survive:\n${survivors.join('\n')}`);
  });
}
