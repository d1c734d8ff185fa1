// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { type ComponentsFormat } from '@rkt/formats';

/** Name, version and package URL; empty texts where the list has none. */
export type Package = readonly [name: string, version: string, address: string];

/** How many packages of a list are read. */
const PACKAGES_MAX = 100_000;

/** The packages of a list of components, in its order. Entries of other shapes are passed over. */
export function packagesIn(format: ComponentsFormat | undefined, document: unknown): Package[] {
  switch (format) {
    case 'spdx':
      return entriesOf(document, 'packages').map((entry) => packageOf(entry, 'versionInfo', addressOfSpdx(entry)));
    case 'cyclonedx':
      return componentsOf(document).map((entry) => packageOf(entry, 'version', textOf(entry, 'purl')));
    case 'syft':
      return entriesOf(document, 'artifacts').map((entry) => packageOf(entry, 'version', textOf(entry, 'purl')));
    case undefined:
      throw new Failure(EXIT.dataRefused, 'cannot read the list of components: its format is not known');
  }
}

function packageOf(entry: unknown, version: string, address: string): Package {
  return [textOf(entry, 'name'), textOf(entry, version), address];
}

/** SPDX 2.3, "External reference": one of them may be a package URL. */
function addressOfSpdx(entry: unknown): string {
  const references = listOf(entry, 'externalRefs');
  const found = references.find((reference) => textOf(reference, 'referenceType') === 'purl');
  return textOf(found, 'referenceLocator');
}

/** CycloneDX, "Components": one may hold others. */
function componentsOf(document: unknown): unknown[] {
  const found: unknown[] = [];
  const next = entriesOf(document, 'components').toReversed();
  for (let entry = next.pop(); entry !== undefined && found.length < PACKAGES_MAX; entry = next.pop()) {
    found.push(entry);
    next.push(...listOf(entry, 'components').toReversed());
  }
  return found;
}

function entriesOf(document: unknown, key: string): readonly unknown[] {
  const found = memberOf(document, key);
  if (!Array.isArray(found)) {
    throw new Failure(EXIT.dataRefused, `cannot read the list of components: it has no "${key}"`);
  }
  return found.slice(0, PACKAGES_MAX).filter(isObject);
}

function listOf(value: unknown, key: string): readonly unknown[] {
  const found = memberOf(value, key);
  return Array.isArray(found) ? found.filter(isObject) : [];
}

function textOf(value: unknown, key: string): string {
  const found = memberOf(value, key);
  return typeof found === 'string' ? found : '';
}

function memberOf(value: unknown, key: string): unknown {
  return isObject(value) ? Object.getOwnPropertyDescriptor(value, key)?.value : undefined;
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
