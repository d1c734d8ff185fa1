// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { readTrustDirectory, trustDirectory, type StrictReader, type TrustFile } from '@rkt/policy';

/** A file of a trust store with the prefix that it is for, undefined for every name. */
export interface Place extends TrustFile {
  readonly prefix: string | undefined;
}

/** How many prefixes a trust store may have. */
const PREFIXES_MAX = 10_000;

/** Every file of the trust store of a directory: those for every name first, then by prefix. */
export function allPlaces(reader: StrictReader, directory: string): Place[] {
  const prefixes = [undefined, ...prefixesBelow(reader, directory)];
  return prefixes.flatMap((prefix) =>
    readTrustDirectory(reader, directory, prefix).map((file) => ({ ...file, prefix })),
  );
}

function prefixesBelow(reader: StrictReader, directory: string): string[] {
  const top = join(directory, 'trustedkeys', 'prefix.d');
  const found: string[] = [];
  const next = (reader.list(top) ?? []).filter((name) => reader.look(join(top, name))?.isDirectory());
  for (let prefix = next.pop(); prefix !== undefined && found.length < PREFIXES_MAX; prefix = next.pop()) {
    found.push(prefix);
    const path = trustDirectory(directory, prefix);
    const below = (reader.list(path) ?? []).filter((name) => reader.look(join(path, name))?.isDirectory());
    next.push(...below.map((name) => `${prefix ?? ''}/${name}`));
  }
  return found.toSorted();
}
