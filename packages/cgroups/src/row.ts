// SPDX-License-Identifier: Apache-2.0
import type { Resources } from './resources.ts';

/** A file of a controller and what to write to it. */
export interface Setting {
  readonly controller: string;
  readonly file: string;
  readonly value: string;
}

/** A limit in the terms of both versions. Settings are written in their order; none: the version cannot express it. */
export interface Limit {
  /** The property of the OCI runtime specification, such as `memory.limit`. */
  readonly resource: string;
  readonly v1: readonly Setting[];
  readonly v2: readonly Setting[];
}

/** What a row makes of a value: the controller, the file and the text of each setting. */
type Conversion<T> = (value: T) => readonly (readonly [controller: string, file: string, value: string | number])[];

/** Some limits of the table. */
export interface Row {
  readonly limit: (resources: Resources) => Limit[];
}

/** A row of the table: the property, how to find a checked value, what to write for it on each version. */
export function row<T>(
  resource: string,
  find: (resources: Resources) => T | undefined,
  { v1, v2 }: { readonly v1: Conversion<T>; readonly v2: Conversion<T> },
): Row {
  const settings = (convert: Conversion<T>, value: T) =>
    convert(value).map(([controller, file, text]) => ({ controller, file, value: String(text) }));
  return {
    limit: (resources) => {
      const value = find(resources);
      return value === undefined ? [] : [{ resource, v1: settings(v1, value), v2: settings(v2, value) }];
    },
  };
}
