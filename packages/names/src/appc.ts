// SPDX-License-Identifier: Apache-2.0
// The strings of the appc specification 0.8.11, types.md.
import { EXIT, Failure, printable } from '@rkt/exit';

declare const brand: unique symbol;

/** A name of appc's global namespace, such as `example.com/app`: images, labels and isolators have one. */
export type AcIdentifier = string & { readonly [brand]: 'AcIdentifier' };

/** A name within one image or pod, such as that of a mount point: lower-case letters, digits and inner hyphens. */
export type AcName = string & { readonly [brand]: 'AcName' };

/** The id of an image in appc's format: `sha512-` and the digits of the digest of its uncompressed tar, all 128 of them. */
export type ImageId = `sha512-${string}` & { readonly [brand]: 'ImageId' };

/** The longest name: what fits into a component of a path. */
const NAME_LENGTH_MAX = 255;

/** True if the text is an AC identifier. */
export function isAcIdentifier(text: string): text is AcIdentifier {
  return text.length <= NAME_LENGTH_MAX && /^[a-z0-9]+([-._~/][a-z0-9]+)*$/.test(text);
}

/** True if the text is an AC name. */
export function isAcName(text: string): text is AcName {
  return text.length <= NAME_LENGTH_MAX && /^[a-z0-9]+(-[a-z0-9]+)*$/.test(text);
}

/** True if the text is the whole id of an image in appc's format. */
export function isImageId(text: string): text is ImageId {
  return /^sha512-[0-9a-f]{128}$/.test(text);
}

/** True if the text can begin the id of an image in appc's format: at least two digits of it. */
export function isImageIdPrefix(text: string): text is `sha512-${string}` {
  return /^sha512-[0-9a-f]{2,128}$/.test(text);
}

/** The id that the text is, or a refusal. */
export function parseImageId(text: string): ImageId {
  if (isImageId(text)) return text;
  throw new Failure(
    EXIT.dataRefused,
    `cannot parse image id "${printable(text)}": expected sha512-<128 lower-case hex digits>`,
  );
}
