// SPDX-License-Identifier: Apache-2.0
import { messageOf } from './refusal.ts';
import type { RefusalCode } from './verdict.ts';

/** What an error of the OpenPGP library means. */
export interface Explanation {
  readonly code: RefusalCode;
  readonly reason: string;
}

/** The library has words and no codes; what is not in this table is still refused, with its words. */
const table: readonly (readonly [pattern: RegExp, code: RefusalCode, reason: string])[] = [
  [/^Signed digest did not match|^Signature verification failed/, 'wrong-signature', 'it does not fit the content'],
  [/^Signature creation time is in the future/, 'signature-in-future', 'it was made in the future'],
  [/^Signature is expired/, 'signature-expired', 'it has expired'],
  [/^Insecure (message )?hash algorithm|^Hash algorithm too weak/, 'weak', 'its hash algorithm is too weak'],
  [/keys shorter than|considered too weak/, 'weak', 'its key is too weak'],
  [/[Kk]ey is revoked/, 'key-revoked', 'its key is revoked'],
  [/[Kk]ey is expired/, 'key-expired', 'its key has expired'],
  [/^Key is newer than the signature/, 'key-unusable', 'it is older than its key'],
  [/Signature creation time is in the future/, 'key-unusable', 'its key says nothing about that time'],
  [/None of the key flags is set|Missing embedded signature/, 'key-unusable', 'its key may not sign'],
  [
    /^Unknown critical|[Uu]nsupported|Unknown elliptic|eckey-utils|Support for .* is disabled/,
    'unsupported',
    'it is of a kind that is not supported',
  ],
  [/^Could not find valid signing key packet/, 'key-unusable', 'its key may not sign'],
  [/^Could not find|self-|Self-/, 'key-unusable', 'its key is not signed by itself'],
];

/** What an error of the library says of a signature. */
export function explain(error: unknown): Explanation {
  const words = messageOf(error);
  const row = table.find(([pattern]) => pattern.test(words));
  if (row === undefined) return { code: 'failed', reason: `the verifier failed: ${words}` };
  return { code: row[1], reason: row[2] };
}
