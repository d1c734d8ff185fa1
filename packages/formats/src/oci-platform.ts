// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { printable } from '@rkt/names';
import { type Descriptor, type Index, type Platform } from './oci-image.ts';

const ARCHITECTURES: ReadonlyMap<string, string> = new Map([
  ['x64', 'amd64'],
  ['ia32', '386'],
  ['arm64', 'arm64'],
  ['arm', 'arm'],
  ['ppc64', 'ppc64le'],
  ['riscv64', 'riscv64'],
  ['s390x', 's390x'],
  ['loong64', 'loong64'],
]);

/** The platform of this machine in Go's words, which are those of the image specification. */
export function hostPlatform(arch: string = process.arch): Platform {
  return { os: 'linux', architecture: ARCHITECTURES.get(arch) ?? arch };
}

/** The platform that the text is: `OS/ARCHITECTURE[/VARIANT]`. */
export function parsePlatform(text: string): Platform {
  const match = /^([a-z0-9]+)\/([a-z0-9_]+)(?:\/([a-z0-9_.]+))?$/.exec(text);
  const [, os = '', architecture = '', variant] = match ?? [];
  if (match) return { os, architecture, ...(variant === undefined ? {} : { variant }) };
  throw new Failure(EXIT.usage, `cannot parse platform "${printable(text)}": wanted OS/ARCHITECTURE[/VARIANT]`);
}

/** The text of a platform. */
export function printPlatform({ os, architecture, variant }: Platform): string {
  return `${os}/${architecture}${variant === undefined ? '' : `/${variant}`}`;
}

/**
 * The entry of an index that suits a platform best, undefined if none does.
 *
 * Within the operating system and architecture the variants are tried in the order of preference; entries that say
 * no platform come last; attestations, which call themselves unknown/unknown, are never images.
 */
export function choosePlatform({ manifests }: Index, wanted: Platform): Descriptor | undefined {
  const images = manifests.filter(({ annotations }) => annotations?.['vnd.docker.reference.type'] === undefined);
  const matching = images.filter(
    ({ platform }) => platform?.os === wanted.os && platform.architecture === wanted.architecture,
  );
  for (const variant of variantsFor(wanted)) {
    const found = matching.find(({ platform }) => normalVariant(wanted.architecture, platform?.variant) === variant);
    if (found !== undefined) return found;
  }
  return images.find(({ platform }) => platform === undefined);
}

// arm64 "v8" and arm64 without a variant are one platform.
function normalVariant(architecture: string, variant = ''): string {
  return architecture === 'arm64' && variant === 'v8' ? '' : variant;
}

/** The variants that run on a platform, the best first. */
function variantsFor({ architecture, variant }: Platform): string[] {
  const levels: Readonly<Record<string, readonly string[]>> = {
    arm: ['v8', 'v7', 'v6', 'v5'],
    amd64: ['v4', 'v3', 'v2', 'v1'],
  };
  const normal = normalVariant(architecture, variant);
  const known = levels[architecture] ?? [];
  if (normal === '') return architecture === 'arm' ? ['', ...known] : ['', 'v1'];
  const at = known.indexOf(normal);
  return at < 0 ? [normal, ''] : [...known.slice(at), ''];
}
