// SPDX-License-Identifier: Apache-2.0
import type * as v from 'valibot';
import { EXIT, Failure } from '@rkt/exit';
import { checkForeign, parseJson } from '@rkt/formats';
import { isolatorsOf } from './isolators.ts';
import { podManifest } from './pod-schema.ts';

/** The manifest of a pod in appc's format. */
export type AppcPod = v.InferOutput<typeof podManifest>;

/** An app of it. */
export type AppcPodApp = AppcPod['apps'][number];

/** A volume of it. */
export type AppcVolume = AppcPod['volumes'][number];

/** Reads a pod manifest; `what` names it in messages. */
export function parsePodManifest(bytes: Uint8Array, what: string): AppcPod {
  const manifest: AppcPod = checkForeign(podManifest, parseJson(bytes, { what }), what);
  const volumes = new Set(manifest.volumes.map(({ name }) => name));
  for (const { name, image, app, mounts } of manifest.apps) {
    const cannot = `cannot read ${what}: app "${name}"`;
    if (image.id === '' && image.name === '') {
      throw new Failure(EXIT.dataRefused, `${cannot}: no image ID for app "${name}"`);
    }
    if (app !== undefined) isolatorsOf(app, `${what}: app "${name}"`);
    const dangling = mounts.find(({ volume, appVolume }) => appVolume === undefined && !volumes.has(volume));
    if (dangling === undefined) continue;
    throw new Failure(
      EXIT.dataRefused,
      `${cannot}: dangling mount point "${dangling.path}": volume "${dangling.volume}" not found`,
    );
  }
  return manifest;
}
