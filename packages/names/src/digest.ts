// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';

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

/** Text of outsiders in a message: control and direction characters escaped, cut at 200 characters. */
export function printable(text: string): string {
  const escaped = text.replace(
    // C0, DEL, C1, the direction overrides and isolates, line separators, lone surrogates
    /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return escaped.length > 200 ? `${escaped.slice(0, 200)}...` : escaped;
}
