// SPDX-License-Identifier: Apache-2.0
import { signerText } from '@rkt/policy';
import type { AttachedThing } from './ask.ts';
import type { Finding } from './protocol.ts';

/** Who signed a thing, or why that cannot be said. Whoever prints it escapes it. */
export function signedByText({ finding }: AttachedThing): string {
  const { verified, signer, reason = '' } = finding;
  if (verified) return `verified: ${textOf(signer)}`;
  // A name that nobody has proved helps to find the key, and must not look like one that somebody has.
  const named = signer === undefined ? '' : `, which names ${textOf(signer)}`;
  return `not verified: ${reason}${named}`;
}

function textOf(signer: Finding['signer']): string {
  return signerText(signer?.kind === 'pgp' ? { ...signer, fingerprint: signer.fingerprint } : signer);
}
