// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';

/** The names of the trees of layers with these diffIDs, the lowest first: the digits of the chain ids, OCI image-spec, config.md, "Layer ChainID". */
export function treeNames(diffIds: readonly string[]): string[] {
  const chain: string[] = [];
  for (const diffId of diffIds) {
    const parent = chain.at(-1);
    chain.push(
      parent === undefined ? diffId : `sha256:${createHash('sha256').update(`${parent} ${diffId}`).digest('hex')}`,
    );
  }
  return chain.map((id) => id.slice('sha256:'.length));
}
