// SPDX-License-Identifier: Apache-2.0
import type { Bad, RefusalCode, Signer } from './verdict.ts';

/** The verdict that a signature is not good; the reason is printable already. */
export function refuse(code: RefusalCode, reason: string, signer?: Signer): Bad {
  return { outcome: 'bad', code, reason, signer };
}
