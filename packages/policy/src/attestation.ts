// SPDX-License-Identifier: Apache-2.0
import { type Claims } from '@rkt/signatures';

/** What an attestation has to say. */
export interface WantedStatement {
  readonly predicateType: string;
  readonly builderId: string | undefined;
  readonly sourceUri: string | undefined;
}

/** Why an attestation is not the one that is wanted; undefined if it is. Texts are compared as they are. */
export function attestationProblem(wanted: WantedStatement, { predicateType, predicate }: Claims): string | undefined {
  if (predicateType !== wanted.predicateType) return `its type is "${predicateType ?? ''}"`;
  if (wanted.builderId !== undefined && !BUILDER.some((path) => textAt(predicate, path) === wanted.builderId)) {
    return `it names another builder than "${wanted.builderId}"`;
  }
  if (wanted.sourceUri !== undefined && !SOURCE.some((path) => textAt(predicate, path) === wanted.sourceUri)) {
    return `it names another source than "${wanted.sourceUri}"`;
  }
  return undefined;
}

/** Where provenance of SLSA names the builder: version 1, then 0.2. */
const BUILDER = ['runDetails.builder.id', 'builder.id'];

/** Where provenance of SLSA names what was built. Dependencies are not it: a foreign build may depend on our source. */
const SOURCE = [
  'buildDefinition.externalParameters.workflow.repository',
  'buildDefinition.externalParameters.configSource.uri',
  'buildDefinition.externalParameters.source.uri',
  'buildDefinition.externalParameters.source',
  'invocation.configSource.uri',
];

function textAt(value: unknown, path: string): string | undefined {
  let found = value;
  for (const key of path.split('.')) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined;
    found = Object.entries(found).find(([name]) => name === key)?.[1];
  }
  return typeof found === 'string' ? found : undefined;
}
