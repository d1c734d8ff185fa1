// SPDX-License-Identifier: Apache-2.0
// The image manifest of the appc specification 0.8.11, aci.md: strict about types, loose about keys that it does not name.
import * as v from 'valibot';
import { isAcIdentifier, isAcName, isImageIdPrefix, type AcIdentifier, type AcName } from '@rkt/names';
import { LAYERS_MAX } from '@rkt/formats';

/** The lengths of lists: far above what images in use have, and low enough for loops over two of them. */
const LABELS_MAX = 100;
/** The characters of all labels together: they become the name of the image in the index of the store. */
const LABELS_LENGTH_MAX = 8192;
const ENTRIES_MAX = 10_000;

const PATH_LENGTH_MAX = 4095;
export const PORT_MAX = 65_535;
export const ID_MAX = 0xffff_fffe;

/** A list that a writer in Go may have left out or made null. */
export const list = <S extends v.GenericSchema>(schema: S, max: number) =>
  v.optional(
    v.pipe(
      v.nullable(v.pipe(v.array(schema), v.maxLength(max))),
      v.transform((value) => value ?? []),
    ),
    [],
  );

export const identifier = v.custom<AcIdentifier>(
  (value) => typeof value === 'string' && isAcIdentifier(value),
  'expected an AC identifier such as example.com/app',
);

export const acName = v.custom<AcName>(
  (value) => typeof value === 'string' && isAcName(value),
  'expected lower-case letters, digits and inner hyphens',
);

const words = v.pipe(v.string(), v.excludes('\0', 'expected a string without NUL'));

export const absolutePath = v.pipe(
  words,
  v.maxLength(PATH_LENGTH_MAX),
  v.startsWith('/', 'expected an absolute path'),
  v.check((path) => !path.split('/').includes('..'), 'expected a path without ".."'),
);

/** Names are unique: who asks for one gets one answer. */
export const unique = <T extends { readonly name: string }>() =>
  v.check<T[], string>(
    (entries) => new Set(entries.map(({ name }) => name)).size === entries.length,
    'expected each name once',
  );

export const labels = v.pipe(
  list(v.object({ name: identifier, value: v.string() }), LABELS_MAX),
  unique(),
  v.check((found) => !found.some(({ name }) => name === 'name'), 'expected no label "name"'),
  v.check(
    (found) => found.reduce((sum, { name, value }) => sum + name.length + value.length, 0) <= LABELS_LENGTH_MAX,
    `expected no more than ${LABELS_LENGTH_MAX} characters`,
  ),
);

const program = v.pipe(
  v.array(words),
  v.maxLength(ENTRIES_MAX),
  v.check((argv) => argv.length === 0 || argv[0] !== '', 'expected a program'),
);

const port = v.pipe(
  v.object({
    name: acName,
    protocol: v.string(),
    port: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(PORT_MAX)),
    count: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 1),
    socketActivated: v.optional(v.boolean(), false),
  }),
  v.check(({ port: first, count }) => first + count - 1 <= PORT_MAX, 'expected no port above 65535'),
);

export const strings = v.optional(
  v.pipe(
    v.nullable(v.record(v.string(), v.string())),
    v.transform((value) => value ?? {}),
  ),
  {},
);

export const app = v.object({
  exec: v.pipe(
    v.nullable(program),
    v.transform((argv) => argv ?? []),
  ),
  user: v.pipe(words, v.nonEmpty()),
  group: v.pipe(words, v.nonEmpty()),
  supplementaryGIDs: list(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(ID_MAX)), ENTRIES_MAX),
  eventHandlers: v.pipe(
    list(v.object({ name: v.picklist(['pre-start', 'post-stop']), exec: v.pipe(program, v.nonEmpty()) }), 2),
    unique(),
  ),
  workingDirectory: v.optional(v.union([v.literal(''), absolutePath]), ''),
  environment: list(
    v.object({
      name: v.pipe(v.string(), v.regex(/^[A-Za-z_][A-Za-z_0-9.-]*$/, 'expected the name of a variable')),
      value: words,
    }),
    ENTRIES_MAX,
  ),
  mountPoints: list(v.object({ name: acName, path: absolutePath, readOnly: v.optional(v.boolean(), false) }), 1000),
  ports: list(port, 1000),
  isolators: list(v.object({ name: identifier, value: v.unknown() }), 1000),
  userAnnotations: strings,
  userLabels: strings,
});

const dependency = v.object({
  imageName: identifier,
  // A shorter prefix would fix nothing: others can be found that have it.
  imageID: v.optional(
    v.custom<string>(
      (value) => typeof value === 'string' && isImageIdPrefix(value) && value.length >= 'sha512-'.length + 64,
      'expected sha512-<64 to 128 lower-case hex digits>',
    ),
  ),
  labels,
  size: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
});

export const annotations = v.pipe(list(v.object({ name: identifier, value: v.string() }), ENTRIES_MAX), unique());

export const version = v.pipe(
  v.string(),
  v.regex(/^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/, 'expected a semantic version'),
);

/** What a writer in Go may have left out or made null. */
export const nullable = <S extends v.GenericSchema>(schema: S) =>
  v.optional(
    v.pipe(
      v.nullable(schema),
      v.transform((value) => value ?? undefined),
    ),
  );

/** The schema of an image manifest, but for what its values have to do with each other. */
export const imageManifest = v.object({
  acKind: v.literal('ImageManifest'),
  acVersion: version,
  name: identifier,
  labels,
  app: nullable(app),
  dependencies: list(dependency, LAYERS_MAX - 1),
  // Its length is bounded by that of the document.
  pathWhitelist: list(absolutePath, Number.MAX_SAFE_INTEGER),
  annotations,
});
