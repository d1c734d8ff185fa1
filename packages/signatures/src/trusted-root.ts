// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import type { TrustedRoot } from './keys.ts';

/** The trusted root that a trusted_root.json describes; `what` names the file in messages. */
export async function parseTrustedRoot(bytes: Uint8Array, what: string): Promise<TrustedRoot> {
  throw new Failure(EXIT.dataRefused, `cannot use ${what}: not built yet, ${bytes.length} bytes`);
}
