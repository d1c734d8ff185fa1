// SPDX-License-Identifier: Apache-2.0
import type { LayerLimits } from '../limits.ts';
import { quote, refusal } from '../refusal.ts';

/**
 * A name of a tar as a path beneath the root of the tree: `.` for the root itself, else components joined by one `/`.
 *
 * Names are bytes: nothing is decoded, folded or normalised but `//`, `/./` and a leading `/`; `..` is refused wherever it stands.
 */
export function parsePath(name: string, limits: LayerLimits): string {
  if (name === '') throw refusal('an entry without a name');
  if (name.length > limits.pathBytes + 2) throw refusal(`a path of more than ${limits.pathBytes} bytes`);
  const components = name.split('/').filter((component) => component !== '' && component !== '.');
  if (components.includes('..')) throw refusal(`the path ${quote(name)} has a component ".."`);
  if (components.length > limits.depth) throw refusal(`the path ${quote(name)} is deeper than ${limits.depth}`);
  if (components.some((component) => component.length > limits.componentBytes)) {
    throw refusal(`a component of ${quote(name)} is longer than ${limits.componentBytes} bytes`);
  }
  const path = components.join('/');
  if (path.length > limits.pathBytes) throw refusal(`a path of more than ${limits.pathBytes} bytes`);
  return path === '' ? '.' : path;
}
