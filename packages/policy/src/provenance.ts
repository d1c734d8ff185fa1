// SPDX-License-Identifier: Apache-2.0
// Provenance of SLSA, version 1 and 0.2: how something was built, in the words of whoever says so.

/** What provenance says; everything may be missing, and nothing of it is escaped. */
export interface Provenance {
  readonly builderId: string | undefined;
  readonly buildType: string | undefined;
  /** What was built. Builders put it into different places: more than one is there only if these differ. */
  readonly sources: readonly string[];
  /** The commit of the source. */
  readonly revision: string | undefined;
  readonly startedOn: string | undefined;
  /** What went into it. */
  readonly materials: readonly Material[];
}

/** Something that was used by a build. */
export interface Material {
  readonly uri: string;
  /** Such as `sha256:…` or `gitCommit:…`; undefined if there is none. */
  readonly digest: string | undefined;
}

interface Places {
  readonly builder: string;
  readonly buildType: string;
  /** Where what was built may stand. Materials are not it: a foreign build may use our source. */
  readonly sources: readonly string[];
  readonly revisions: readonly string[];
  readonly started: string;
  readonly materials: string;
}

/** SLSA, "Build: Provenance", version 1, with the parameters of the builders of GitHub, of BuildKit and of others. */
const V1: Places = {
  builder: 'runDetails.builder.id',
  buildType: 'buildDefinition.buildType',
  sources: ['workflow.repository', 'configSource.uri', 'source.uri', 'source'].map(
    (path) => `buildDefinition.externalParameters.${path}`,
  ),
  revisions: ['configSource', 'source'].map((path) => `buildDefinition.externalParameters.${path}.digest`),
  started: 'runDetails.metadata.startedOn',
  materials: 'buildDefinition.resolvedDependencies',
};

/** SLSA, "Provenance", version 0.2. */
const V0_2: Places = {
  builder: 'builder.id',
  buildType: 'buildType',
  sources: ['invocation.configSource.uri'],
  revisions: ['invocation.configSource.digest'],
  started: 'metadata.buildStartedOn',
  materials: 'materials',
};

const PLACES: ReadonlyMap<string, Places> = new Map([
  ['https://slsa.dev/provenance/v1', V1],
  ['https://slsa.dev/provenance/v0.2', V0_2],
]);

/** How many materials are read. */
const MATERIALS_MAX = 1000;

/** What a predicate of this type says as provenance; undefined for a type that is none. */
export function readProvenance(predicateType: string, predicate: unknown): Provenance | undefined {
  const places = PLACES.get(predicateType);
  if (places === undefined) return undefined;
  const sources = [...new Set(places.sources.flatMap((path) => textAt(predicate, path) ?? []))];
  const found = valueAt(predicate, places.materials);
  const entries: readonly unknown[] = Array.isArray(found) ? found.slice(0, MATERIALS_MAX) : [];
  return {
    builderId: textAt(predicate, places.builder),
    buildType: textAt(predicate, places.buildType),
    sources,
    revision:
      places.revisions.map((path) => commitOf(valueAt(predicate, path))).find((commit) => commit !== undefined) ??
      revisionAmong(entries, sources),
    startedOn: textAt(predicate, places.started),
    materials: entries.flatMap((entry) => {
      const uri = textAt(entry, 'uri');
      return uri === undefined ? [] : [{ uri, digest: digestIn(valueAt(entry, 'digest')) }];
    }),
  };
}

/** The commit of the material that is the source: `git+https://host/repository@refs/heads/main` for `https://host/repository`. */
function revisionAmong(entries: readonly unknown[], sources: readonly string[]): string | undefined {
  const plain = (uri: string) => uri.replace(/^git\+/, '').replace(/(?:@(?:refs\/.*|[0-9a-f]{7,64})|#.*)$/, '');
  const wanted = new Set(sources.map(plain));
  for (const entry of entries) {
    const uri = textAt(entry, 'uri');
    const commit = commitOf(valueAt(entry, 'digest'));
    if (uri !== undefined && commit !== undefined && wanted.has(plain(uri))) return commit;
  }
  return undefined;
}

const commitOf = (digest: unknown) => textAt(digest, 'gitCommit') ?? textAt(digest, 'sha1');

/** The digest that says most, with its algorithm. */
function digestIn(digests: unknown): string | undefined {
  const found = ['sha256', 'sha512', 'gitCommit', 'sha1'].flatMap((algorithm) => {
    const value = textAt(digests, algorithm);
    return value === undefined ? [] : [`${algorithm}:${value}`];
  });
  return found[0];
}

function textAt(value: unknown, path: string): string | undefined {
  const found = valueAt(value, path);
  return typeof found === 'string' ? found : undefined;
}

/** The value at a path of member names; undefined where there is none. Only members of the document itself count. */
function valueAt(value: unknown, path: string): unknown {
  let found = value;
  for (const key of path.split('.')) {
    if (typeof found !== 'object' || found === null) return undefined;
    found = Object.getOwnPropertyDescriptor(found, key)?.value;
  }
  return found;
}
