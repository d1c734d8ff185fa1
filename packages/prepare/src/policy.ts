// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { printable } from '@rkt/names';
import { type FoundImage } from './images.ts';

/** The decision about one image: a part of `verification.json`. */
export interface Decision {
  readonly image: string;
  readonly id: string;
  readonly outcome: 'skipped';
  readonly reason: string;
}

/**
 * Decides which images may become a pod. Nothing can prove yet who made an image, so the answer is no
 * unless the caller takes the responsibility with `--insecure-options=image`, which is written down.
 */
export function decide(
  images: readonly FoundImage[],
  insecure: ReadonlySet<string>,
): { version: 1; decisions: Decision[] } {
  const [first] = images;
  if (!insecure.has('image') && first !== undefined) {
    throw new Failure(
      EXIT.notPermitted,
      `cannot use image "${printable(first.reference)}": nobody vouches for it: wanted --insecure-options=image`,
    );
  }
  const decisions = images.map(({ reference, id }): Decision => {
    return { image: reference, id, outcome: 'skipped', reason: '--insecure-options=image' };
  });
  return { version: 1, decisions };
}
