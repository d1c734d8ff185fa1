// SPDX-License-Identifier: Apache-2.0
import { type Claims } from '@rkt/signatures';
import { readProvenance } from './provenance.ts';

/** What an attestation has to say. */
export interface WantedStatement {
  readonly predicateType: string;
  readonly builderId: string | undefined;
  readonly buildType: string | undefined;
  readonly sourceUri: string | undefined;
}

/** Why an attestation is not the one that is wanted; undefined if it is. Texts are compared as they are. */
export function attestationProblem(
  wanted: WantedStatement,
  { predicateType = '', predicate }: Claims,
): string | undefined {
  if (predicateType !== wanted.predicateType) return `its type is "${predicateType}"`;
  const { builderId, buildType, sourceUri } = wanted;
  if (builderId === undefined && buildType === undefined && sourceUri === undefined) return undefined;
  const said = readProvenance(predicateType, predicate);
  if (said === undefined) return 'its type is none of provenance: nobody can say where it names builder and source';
  if (builderId !== undefined && said.builderId !== builderId) return `it names another builder than "${builderId}"`;
  if (buildType !== undefined && said.buildType !== buildType) return `it names another build type than "${buildType}"`;
  // One that names two sources in two places may mean either.
  const [source, ...more] = said.sources;
  if (sourceUri !== undefined && (source !== sourceUri || more.length > 0)) {
    return `it names another source than "${sourceUri}"`;
  }
  return undefined;
}
