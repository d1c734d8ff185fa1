// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { platformLabels, type Platform } from '@rkt/formats';
import { printable, type AcIdentifier } from '@rkt/names';
import type { ImageManifest, Label } from './manifest.ts';

/** What an image has to be: of the name, and with these labels whatever others it has. */
export interface Wanted {
  readonly name: AcIdentifier;
  readonly labels: readonly Label[];
}

/** The value of a label; undefined if there is none. */
export function labelOf(labels: readonly Label[], wanted: string): string | undefined {
  return labels.find(({ name }) => name === wanted)?.value;
}

/** The name of an image as people know it: `NAME[:VERSION]`. */
export function printImageName({ name, labels }: Pick<ImageManifest, 'name' | 'labels'>): string {
  const version = labelOf(labels, 'version');
  return version === undefined ? name : `${name}:${version}`;
}

/**
 * Refuses an image that is not the one wanted: aci.md, "Dependency Matching".
 *
 * A label that was not asked for may have any value, and one that was asked for must be there.
 */
export function checkWanted({ name, labels }: ImageManifest, wanted: Wanted): void {
  const problem = wantedProblem({ name, labels }, wanted);
  if (problem === undefined) return;
  throw new Failure(EXIT.dataRefused, `cannot use image "${printable(wanted.name)}": ${problem}`);
}

function wantedProblem(found: Pick<ImageManifest, 'name' | 'labels'>, wanted: Wanted): string | undefined {
  if (found.name !== wanted.name) {
    return `error when reading the app name: "${printable(wanted.name)}" expected but "${printable(found.name)}" found`;
  }
  for (const { name, value } of wanted.labels) {
    const has = labelOf(found.labels, name);
    if (has === undefined) return `requested label "${name}" not provided by the image manifest`;
    if (has !== value) {
      return `requested value for label "${name}": "${printable(value)}" differs from fetched aci label value: "${printable(has)}"`;
    }
  }
  return undefined;
}

/** True if an image runs on a platform: one that names no system or processor runs on all. */
export function isForPlatform(labels: readonly Label[], platform: Platform): boolean {
  const host = platformLabels(platform);
  return (['os', 'arch'] as const).every((name) => {
    const value = labelOf(labels, name);
    return value === undefined || value === host[name];
  });
}
