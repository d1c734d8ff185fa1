// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';

/** The refusal of a layer, for one reason. */
export function refusal(reason: string): Failure {
  return new Failure(EXIT.dataRefused, `cannot unpack layer: ${reason}`);
}

/** Bytes of a layer, one character each, in a message: printable ASCII, the rest as octal, and not too long. */
export function quote(bytes: string): string {
  const cut = bytes.length > 200 ? `${bytes.slice(0, 200)}...` : bytes;
  const escaped = cut.replace(/[^ -~]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`);
  return `"${escaped}"`;
}
