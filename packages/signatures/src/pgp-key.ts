// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import type { PgpKey } from './keys.ts';

/**
 * All OpenPGP public keys of a file, armored or binary: every one, or the file is refused.
 *
 * `what` names the file in messages, such as `key "/etc/rkt/x.asc"`.
 */
export async function parsePgpKeys(bytes: Uint8Array, what: string): Promise<readonly PgpKey[]> {
  throw new Failure(EXIT.dataRefused, `cannot use ${what}: not built yet, ${bytes.length} bytes`);
}
