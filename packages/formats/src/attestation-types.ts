// SPDX-License-Identifier: Apache-2.0
// What attestations and the lists of components among them are called.

/** The media type of an in-toto statement, signed in an envelope or as it is. */
export const IN_TOTO = 'application/vnd.in-toto+json';

/** The annotation by which BuildKit, and others after it, say what a statement is. */
export const PREDICATE_TYPE = 'in-toto.io/predicate-type';

/** A format of lists of components, software bills of materials. */
export type ComponentsFormat = 'spdx' | 'cyclonedx' | 'syft';

const MEDIA_TYPES: ReadonlyMap<string, ComponentsFormat> = new Map([
  ['application/spdx+json', 'spdx'],
  ['text/spdx+json', 'spdx'],
  ['text/spdx', 'spdx'],
  ['application/vnd.cyclonedx+json', 'cyclonedx'],
  ['application/vnd.cyclonedx', 'cyclonedx'],
  ['application/vnd.syft+json', 'syft'],
]);

/** Predicate types, with or without a version behind them. */
const PREDICATES: readonly (readonly [RegExp, ComponentsFormat])[] = [
  [/^https:\/\/spdx\.dev\/Document(?:\/|$)/, 'spdx'],
  [/^https:\/\/cyclonedx\.org\/bom(?:\/|$)/, 'cyclonedx'],
  [/^https:\/\/syft\.dev\/bom(?:\/|$)/, 'syft'],
];

/** The format of what has this media type or predicate type; undefined if it is no list of components. */
export function componentsFormatOf(type: string): ComponentsFormat | undefined {
  return MEDIA_TYPES.get(type) ?? PREDICATES.find(([pattern]) => pattern.test(type))?.[1];
}
