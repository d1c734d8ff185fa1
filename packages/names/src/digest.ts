// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure, printable } from '@rkt/exit';

declare const brand: unique symbol;

/** A digest of the OCI image specification, `sha256:` and 64 lower-case hexadecimal digits; no other algorithm. */
export type Digest = `sha256:${string}` & { readonly [brand]: 'Digest' };

/** True if the text is a digest. */
export function isDigest(text: string): text is Digest {
  return /^sha256:[0-9a-f]{64}$/.test(text);
}

/** The digest that the text is, or a refusal. */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new Failure(
    EXIT.dataRefused,
    `cannot parse digest "${printable(text)}": expected sha256:<64 lower-case hex digits>`,
  );
}

/** The 64 hexadecimal digits of a digest: the name of its blob. */
export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}
