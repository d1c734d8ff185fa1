// SPDX-License-Identifier: Apache-2.0
import type { Context } from '@rkt/command';
import { EXIT } from '@rkt/exit';
import { layOut, printJson } from '@rkt/human';
import { makeStrictReader, trustedFor, type TrustDirectories } from '@rkt/policy';
import { parseSigstoreIdentity } from '@rkt/formats';
import { allPlaces, type Place } from './places.ts';
import { readKeys } from './read-keys.ts';
import { prefixOf, type Scope } from './scope.ts';

/** What is to be listed. */
export interface Listing {
  readonly directories: TrustDirectories;
  readonly scope: Scope | undefined;
  readonly format: string | undefined;
  readonly legend: boolean;
  readonly context: Context;
}

/** A file of the trust store as a row. */
interface Row {
  readonly prefix: string;
  readonly kind: string;
  readonly name: string;
  /** User ids, or the name that certificates have to have. */
  readonly who: readonly string[];
  readonly state: string;
  readonly path: string;
}

/** Lists who is trusted: for the names of the scope, or all files with their masks. */
export async function listKeys({ directories, scope, format, legend, context }: Listing): Promise<number> {
  const reader = makeStrictReader();
  const all = [...allPlaces(reader, directories.system), ...allPlaces(reader, directories.local)];
  const counting = scope === undefined ? undefined : trustedFor(reader, directories, prefixOf(scope));
  const places = all.filter(({ path }) => counting === undefined || counting.includes(path));
  const rows = await rowsOf(places, context.environment);
  if (format !== undefined) {
    context.print(printJson(rows, format === 'json' ? 'json' : 'json-pretty'));
    return EXIT.ok;
  }
  const cells = rows.map(({ prefix, kind, name, who, state, path }) => [
    prefix,
    kind,
    name,
    who[0] ?? '-',
    state,
    path,
  ]);
  const lines = layOut(legend ? [['PREFIX', 'KIND', 'KEY', 'WHO', 'STATE', 'FILE'], ...cells] : cells);
  for (const line of lines) context.print(line);
  return EXIT.ok;
}

async function rowsOf(places: readonly Place[], environment: Context['environment']): Promise<Row[]> {
  const keys = places.filter(({ kind, bytes }) => kind !== 'identity' && bytes.byteLength > 0);
  const sources = keys.map(({ path, bytes }) => ({ location: path, base64: bytes.toString('base64') }));
  const described = new Map((await readKeys(sources, environment)).map((source) => [source.location, source]));
  return places.map(({ prefix = '*', kind, name, path, bytes }): Row => {
    const row = { prefix, kind, name, path };
    if (bytes.byteLength === 0) return { ...row, who: [], state: 'mask' };
    if (kind === 'identity') return { ...row, who: [parseSigstoreIdentity(bytes, path).san], state: 'trusted' };
    const source = described.get(path);
    const [key, ...more] = source?.keys ?? [];
    if (key === undefined || more.length > 0 || key.name !== name) {
      return { ...row, who: [], state: source?.refusal === undefined ? 'not what its name says' : 'unreadable' };
    }
    return { ...row, who: key.userIds, state: stateOf(key) };
  });
}

function stateOf({
  revoked,
  expires,
  problem,
}: {
  revoked: boolean;
  expires?: string | undefined;
  problem?: string | undefined;
}): string {
  if (revoked) return 'revoked';
  if (expires !== undefined && Date.parse(expires) <= Date.now()) return 'expired';
  return problem === undefined ? 'trusted' : 'useless';
}
