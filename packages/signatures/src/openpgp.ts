// SPDX-License-Identifier: Apache-2.0
import type { Config } from 'openpgp';

/** The library as a module. */
export type OpenPgp = typeof import('openpgp');

/** Loads the library when it is needed first: it costs more than all the rest of a command. */
export const loadOpenPgp = (): Promise<OpenPgp> => import('openpgp');

const RSA_BITS_MIN = 2048;

/**
 * What is stricter than the defaults of the library.
 *
 * Signatures of keys over themselves may still use SHA-1, which many keys in use do: to forge one takes a collision made by the
 * owner of the key.
 */
export function strictConfig({ config, enums }: OpenPgp): Config {
  const { md5, ripemd, sha1, sha224 } = enums.hash;
  return {
    ...config,
    minRSABits: RSA_BITS_MIN,
    rejectMessageHashAlgorithms: new Set([md5, ripemd, sha1, sha224]),
    allowMissingKeyFlags: false,
    allowInsecureVerificationWithReformattedKeys: false,
    enforceGrammar: true,
  };
}
