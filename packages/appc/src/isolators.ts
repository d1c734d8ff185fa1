// SPDX-License-Identifier: Apache-2.0
import * as v from 'valibot';
import { EXIT, Failure } from '@rkt/exit';
import { checkForeign } from '@rkt/formats';
import type { App } from './manifest.ts';

/** What the isolators of an app say, those that rkt knows. Quantities are as they are written, such as `42Mi` or `500m`. */
export interface Isolators {
  readonly memory: string | undefined;
  readonly cpu: string | undefined;
  readonly cpuShares: number | undefined;
  readonly oomScoreAdj: number | undefined;
  readonly capabilities: { readonly mode: 'retain' | 'remove'; readonly set: readonly string[] } | undefined;
  readonly seccomp: SeccompSet | undefined;
  /** The names of the others. */
  readonly ignored: readonly string[];
}

/** A set of system calls that are allowed, or that are not. */
export interface SeccompSet {
  readonly mode: 'retain' | 'remove';
  readonly set: readonly string[];
  /** What a refused call returns; if nothing is said, whatever the engine chooses. */
  readonly errno?: string | undefined;
}

const quantity = v.pipe(
  v.string(),
  v.regex(/^\d{1,15}(?:\.\d{1,15})?(?:[mkKMGTPE]|[KMGTPE]i|[eE][+-]?\d{1,2})?$/, 'expected a quantity such as 42Mi'),
);

const limits = (isDefault: boolean) =>
  v.object({
    default: v.optional(v.literal(isDefault), isDefault),
    request: v.optional(v.nullable(quantity)),
    limit: v.optional(v.nullable(quantity)),
  });

const capabilities = v.object({
  set: v.pipe(v.array(v.pipe(v.string(), v.regex(/^CAP_[A-Z0-9_]{1,60}$/))), v.nonEmpty(), v.maxLength(100)),
});

const seccomp = v.object({
  set: v.pipe(v.array(v.pipe(v.string(), v.regex(/^@?[a-zA-Z0-9_./-]{1,100}$/))), v.nonEmpty(), v.maxLength(2000)),
  errno: v.optional(v.union([v.literal(''), v.pipe(v.string(), v.regex(/^E[A-Z0-9]{1,20}$/))])),
});

const integer = v.pipe(v.number(), v.integer());

/** Isolators whose value is checked and then used, or that say what every app of rkt's has anyway. */
const USED = new Set([
  'resource/memory',
  'resource/cpu',
  'os/linux/cpu-shares',
  'os/linux/oom-score-adj',
  'os/linux/no-new-privileges',
  ...['capabilities', 'seccomp'].flatMap((kind) => [`os/linux/${kind}-retain-set`, `os/linux/${kind}-remove-set`]),
]);

/** What the isolators of an app say; a known one that is malformed, or contradicts another, is refused. */
export function isolatorsOf({ isolators }: App, what: string): Isolators {
  const refuse = (why: string) => new Failure(EXIT.dataRefused, `cannot read ${what}: app.isolators: ${why}`);
  const value: Value = (name, schema) => {
    const given = isolators.filter((isolator) => isolator.name === name);
    // Of memory and processor time the last word counts, as rkt had it.
    if (given.length > 1 && !name.startsWith('resource/')) throw refuse(`${name} is given twice`);
    const [last] = given.slice(-1);
    return last && checkForeign(schema, last.value, `${what}: isolator ${name}`);
  };
  for (const name of ['block-bandwidth', 'block-iops', 'network-bandwidth']) value(`resource/${name}`, limits(true));
  value('os/linux/no-new-privileges', v.boolean());
  return {
    memory: value('resource/memory', limits(false))?.limit ?? undefined,
    cpu: value('resource/cpu', limits(false))?.limit ?? undefined,
    cpuShares: value('os/linux/cpu-shares', v.pipe(integer, v.minValue(2), v.maxValue(262_144))),
    oomScoreAdj: value('os/linux/oom-score-adj', v.pipe(integer, v.minValue(-1000), v.maxValue(1000))),
    capabilities: oneOf('capabilities', { value, schema: capabilities, refuse }),
    seccomp: oneOf('seccomp', { value, schema: seccomp, refuse }),
    ignored: [...new Set(isolators.map(({ name }) => name))].filter((name) => !USED.has(name)),
  };
}

/** The value of the isolator of a name, checked by a schema. */
type Value = <S extends v.GenericSchema>(name: string, schema: S) => v.InferOutput<S> | undefined;

interface Wanted<S> {
  readonly value: Value;
  readonly schema: S;
  readonly refuse: (why: string) => Failure;
}

/** Of a set that is kept and one that is removed there can be one only. */
function oneOf<S extends typeof capabilities | typeof seccomp>(
  kind: string,
  { value, schema, refuse }: Wanted<S>,
): (v.InferOutput<S> & { readonly mode: 'retain' | 'remove' }) | undefined {
  const names = [`os/linux/${kind}-retain-set`, `os/linux/${kind}-remove-set`] as const;
  const [retain, remove] = [value(names[0], schema), value(names[1], schema)];
  if (retain !== undefined && remove !== undefined) throw refuse(`cannot have both ${names[0]} and ${names[1]}`);
  if (retain !== undefined) return { ...retain, mode: 'retain' };
  return remove && { ...remove, mode: 'remove' };
}
