// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';

/** A key that a web server names for a prefix. */
export interface DiscoveredKey {
  readonly url: string;
}

/**
 * The place where keys of a prefix are discovered: the tags `ac-discovery-pubkeys` of the page at the prefix, or of one above it.
 *
 * Discovery itself is appc's; what it returns goes the way of keys that were given by URL.
 */
export async function discoverPublicKeys(prefix: string): Promise<readonly DiscoveredKey[]> {
  throw new Failure(
    EXIT.usage,
    `cannot discover the keys of "${prefix}": this version does not know how: wanted PUBKEY, a file or an https URL`,
  );
}
