// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { parseDigest, type Digest } from '@rkt/names';

/** The chain ids of layers with these diffIDs, the lowest first: OCI image-spec, config.md, "Layer ChainID". */
export function chainIds(diffIds: readonly Digest[]): Digest[] {
  const chain: Digest[] = [];
  for (const diffId of diffIds) {
    const parent = chain.at(-1);
    chain.push(parent === undefined ? diffId : parseDigest(`sha256:${sha256(`${parent} ${diffId}`)}`));
  }
  return chain;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
