// SPDX-License-Identifier: Apache-2.0
import { Failure } from '@rkt/exit';
import { printable } from '@rkt/names';

/** What makes images whole again, as messages say it. */
export function repairOf(...images: readonly string[]): string {
  return `wanted rkt fetch --check ${images.map(printable).join(' ')}`;
}

/** A blob of a store that is missing or not what it should be. */
export class DamagedBlob extends Failure {}

/** Does something with the blobs of an image; a failure because of one of them says how the image is repaired. */
export function naming<T>(image: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof DamagedBlob)) throw error;
    throw new Failure(error.status, `${error.message}: ${repairOf(image)}`, { cause: error });
  }
}
