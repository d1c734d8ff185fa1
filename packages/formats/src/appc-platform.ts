// SPDX-License-Identifier: Apache-2.0
import { type Platform } from './oci-image.ts';

const ARCHITECTURES: ReadonlyMap<string, string> = new Map([
  ['386', 'i386'],
  ['arm64', 'aarch64'],
  ['arm/v6', 'armv6l'],
  ['arm/v7', 'armv7l'],
  ['arm', 'armv7l'],
]);

/** The labels `os` and `arch` that images in appc's format for a platform have, in appc's words for processors. */
export function platformLabels({ os, architecture, variant }: Platform): {
  readonly os: string;
  readonly arch: string;
} {
  const exact = variant === undefined ? undefined : ARCHITECTURES.get(`${architecture}/${variant}`);
  return { os, arch: exact ?? ARCHITECTURES.get(architecture) ?? architecture };
}
