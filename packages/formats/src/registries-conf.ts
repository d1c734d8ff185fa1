// SPDX-License-Identifier: Apache-2.0
// containers-registries.conf(5), version 2: from where images of a name are really taken.
import * as v from 'valibot';
import { EXIT, Failure } from '@rkt/exit';
import { printable } from '@rkt/names';

/** A place that has the images of a registry, too. */
export interface MirrorRule {
  readonly location: string;
  readonly insecure: boolean;
  readonly pulls: 'all' | 'digest-only' | 'tag-only';
}

/** What is said of the images whose names begin with the prefix, `HOST[:PORT][/REPOSITORY[:TAG]]` or `*.DOMAIN`. */
export interface RegistryRule {
  readonly prefix: string;
  /** What takes the place of the prefix; empty for a wildcard that is left as it is. */
  readonly location: string;
  readonly insecure: boolean;
  readonly blocked: boolean;
  readonly mirrors: readonly MirrorRule[];
}

/** The size of the largest file, and how many rules and mirrors there may be in one. */
const TOML_BYTES_MAX = 1024 * 1024;
const RULES_MAX = 10_000;
const MIRRORS_MAX = 100;

const place = () => v.pipe(v.string(), v.maxLength(1000), v.regex(/^[^\s/][^\s]*$/, 'wanted HOST[:PORT][/REPOSITORY]'));
const flag = () => v.optional(v.boolean(), false);

// What later versions add is no reason to fetch nothing.
const file = () =>
  v.object({
    registries: v.optional(v.never('version 1 of the format is not read: wanted [[registry]]')),
    registry: v.optional(
      v.pipe(
        v.array(
          v.object({
            prefix: v.optional(place()),
            location: v.optional(place()),
            insecure: flag(),
            blocked: flag(),
            'mirror-by-digest-only': flag(),
            mirror: v.optional(
              v.pipe(
                v.array(
                  v.object({
                    location: place(),
                    insecure: flag(),
                    'pull-from-mirror': v.optional(v.picklist(['all', 'digest-only', 'tag-only', ''])),
                  }),
                ),
                v.maxLength(MIRRORS_MAX),
              ),
              [],
            ),
          }),
        ),
        v.maxLength(RULES_MAX),
      ),
      [],
    ),
  });

/** Reads a `registries.conf`, or a file of `registries.conf.d`. */
export async function parseRegistriesConf(bytes: Uint8Array, path: string): Promise<RegistryRule[]> {
  const refuse = (why: string) => new Failure(EXIT.configuration, `cannot read "${printable(path)}": ${why}`);
  if (bytes.byteLength > TOML_BYTES_MAX) throw refuse(`it is larger than ${TOML_BYTES_MAX} bytes`);
  // Loaded when it is needed: few machines have such a file.
  const { parse } = await import('smol-toml');
  let data: unknown;
  try {
    data = parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes), { maxDepth: 16 });
  } catch {
    throw refuse('it is not TOML');
  }
  const result = v.safeParse(file(), data, { abortEarly: true });
  if (!result.success) {
    const [issue] = result.issues;
    throw refuse(`${printable(v.getDotPath(issue) ?? 'the document')}: ${printable(issue.message)}`);
  }
  return result.output.registry.map((entry) => ruleOf(entry, refuse));
}

type Entry = v.InferOutput<ReturnType<typeof file>>['registry'][number];

function ruleOf(entry: Entry, refuse: (why: string) => Failure): RegistryRule {
  const { insecure, blocked, mirror, 'mirror-by-digest-only': isDigestOnly } = entry;
  const location = trim(entry.location ?? '');
  const prefix = trim(entry.prefix ?? location);
  const isWildcard = prefix.startsWith('*.');
  if (prefix === '' || (location === '' && !isWildcard)) throw refuse('a [[registry]] without location');
  if (prefix.includes('*', isWildcard ? 1 : 0))
    throw refuse(`prefix "${printable(prefix)}": wanted * at its beginning`);
  const mirrors = mirror.map(({ location: at, insecure: isInsecure, 'pull-from-mirror': pulls }): MirrorRule => {
    if (isDigestOnly && pulls) throw refuse('mirror-by-digest-only and pull-from-mirror at once');
    return { location: trim(at), insecure: isInsecure, pulls: isDigestOnly ? 'digest-only' : pulls || 'all' };
  });
  return { prefix, location, insecure, blocked, mirrors };
}

const trim = (text: string) => text.replace(/\/+$/, '');
