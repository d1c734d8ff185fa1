// SPDX-License-Identifier: Apache-2.0
import { printArgument, type IdMapping } from './arguments.ts';
import type { Flag, FlagSet } from './flags.ts';
import { operations, type Argument, type ArgumentKind } from './operations.ts';

/** What the argument of a kind is in TypeScript. */
type ValueOf<K extends ArgumentKind> = K extends 'fd' | 'mode' | 'uint' | 'id'
  ? number
  : K extends 'fd?'
    ? number | null
    : K extends 'dirfd'
      ? number | 'AT_FDCWD'
      : K extends 'limit'
        ? bigint | 'RLIM_INFINITY'
        : K extends 'strings'
          ? readonly string[]
          : K extends 'ids'
            ? readonly number[]
            : K extends 'idmap'
              ? readonly IdMapping[]
              : K extends `flags:${infer S extends FlagSet}`
                ? readonly Flag<S>[]
                : K extends `one:${infer S extends FlagSet}`
                  ? Flag<S>
                  : string;

/** The name of an operation. */
export type OperationName = keyof typeof operations;

/** One operation with its arguments as properties, named as in the table. */
export type OpOf<N extends OperationName> = {
  readonly op: N;
} & {
  readonly [A in (typeof operations)[N]['args'][number] as A[0]]: ValueOf<A[1]>;
};

/** An operation of a plan: `{ op: 'mkdir', path: '/a', mode: 0o755 }`. */
export type Op = { [N in OperationName]: OpOf<N> }[OperationName];

/** A comment of a plan: one line for each line of the text, a blank line for an empty one. */
export interface Comment {
  readonly op: '#';
  readonly text: string;
}

/** The arguments of the operation, in order. */
export function argumentsOf(name: OperationName): readonly Argument[] {
  return operations[name].args;
}

/** True if this is the name of an operation. */
export function isOperationName(name: string): name is OperationName {
  return Object.hasOwn(operations, name);
}

/** True if these are an operation and exactly its arguments, each one printable. */
export function isOp(value: Readonly<Record<string, unknown>>): value is Op {
  const name = value['op'];
  if (typeof name !== 'string' || !isOperationName(name)) return false;
  const args = argumentsOf(name);
  return (
    Object.keys(value).length === args.length + 1 &&
    args.every(([argument, kind]) => printArgument(kind, value[argument]) !== undefined)
  );
}

/** A line of a plan: an operation or a comment. */
export type Line = Op | Comment;
