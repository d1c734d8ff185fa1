// SPDX-License-Identifier: Apache-2.0
// containers-registries.d(5): where signatures of images lie that a registry does not serve.
import * as v from 'valibot';
import { EXIT, Failure } from '@rkt/exit';
import { printable } from '@rkt/names';

/** What a section says; a key that is left out is taken from the next wider section. */
export interface RegistrySection {
  /** `http`, `https` or `file` URL of a directory. */
  readonly lookaside?: string | undefined;
  /** True if signatures are looked for in the registry, beside the image. */
  readonly useAttachments?: boolean | undefined;
}

/** What one file says. */
export interface RegistriesFile {
  readonly fallback: RegistrySection | undefined;
  readonly scopes: ReadonlyMap<string, RegistrySection>;
}

/** The size of the largest file. */
const YAML_BYTES_MAX = 1024 * 1024;

const url = () => v.pipe(v.string(), v.regex(/^(https?|file):\/\/[^\s]+$/, 'wanted a URL of http, https or file'));

// The keys for writing are somebody else's; so are those that later versions add.
const section = () =>
  v.object({
    lookaside: v.optional(url()),
    sigstore: v.optional(url()),
    'use-sigstore-attachments': v.optional(v.boolean()),
  });

const file = () =>
  v.nullable(
    v.strictObject({
      'default-docker': v.optional(section()),
      docker: v.optional(v.record(v.string(), section()), {}),
    }),
  );

/** Reads a file of `registries.d`. */
export async function parseRegistriesFile(bytes: Uint8Array, path: string): Promise<RegistriesFile> {
  const refuse = (why: string) => new Failure(EXIT.configuration, `cannot read "${printable(path)}": ${why}`);
  if (bytes.byteLength > YAML_BYTES_MAX) throw refuse(`it is larger than ${YAML_BYTES_MAX} bytes`);
  // Loaded when it is needed: few machines have such files.
  const { parse } = await import('yaml');
  let data: unknown;
  try {
    // Aliases would let a small text stand for a large one.
    data = parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes), { maxAliasCount: 0, logLevel: 'error' });
  } catch {
    throw refuse('it is not YAML');
  }
  const result = v.safeParse(file(), data, { abortEarly: true });
  if (!result.success) {
    const [issue] = result.issues;
    throw refuse(`${printable(v.getDotPath(issue) ?? 'the document')}: ${printable(issue.message)}`);
  }
  const { 'default-docker': fallback, docker = {} } = result.output ?? {};
  return {
    fallback: fallback && sectionOf(fallback),
    scopes: new Map(Object.entries(docker).map(([scope, found]) => [scope, sectionOf(found)])),
  };
}

function sectionOf(found: v.InferOutput<ReturnType<typeof section>>): RegistrySection {
  return { lookaside: found.lookaside ?? found.sigstore, useAttachments: found['use-sigstore-attachments'] };
}
