// SPDX-License-Identifier: Apache-2.0
import type * as v from 'valibot';
import { EXIT, Failure } from '@rkt/exit';
import { checkForeign, parseJson } from '@rkt/formats';
import { printable } from '@rkt/names';
import { isolatorsOf } from './isolators.ts';
import { imageManifest } from './schema.ts';

/** The manifest of an image in appc's format: the file `manifest` of an ACI. */
export type ImageManifest = v.InferOutput<typeof imageManifest>;

/** How the image is run, if it can be. */
export type App = NonNullable<ImageManifest['app']>;

/** Another image whose files come below those of the image. */
export type Dependency = ImageManifest['dependencies'][number];

/** A label: part of what tells images of one name apart. */
export type Label = ImageManifest['labels'][number];

/** The systems that the specification knows, and their processors. */
const ARCHITECTURES: Readonly<Record<string, readonly string[]>> = {
  linux: ['amd64', 'i386', 'aarch64', 'aarch64_be', 'armv6l', 'armv7l', 'armv7b', 'ppc64le', 's390x'],
  freebsd: ['amd64', 'i386', 'arm'],
  darwin: ['x86_64', 'i386'],
};

/** Reads an image manifest; `what` names it in messages. */
export function parseImageManifest(bytes: Uint8Array, what: string): ImageManifest {
  const manifest: ImageManifest = checkForeign(imageManifest, parseJson(bytes, { what }), what);
  const problem = platformProblem(manifest.labels) ?? annotationProblem(manifest.annotations);
  if (problem !== undefined) throw new Failure(EXIT.dataRefused, `cannot read ${what}: ${problem}`);
  if (manifest.app !== undefined) isolatorsOf(manifest.app, what);
  return manifest;
}

function platformProblem(labels: readonly Label[]): string | undefined {
  const os = valueOf(labels, 'os');
  const arch = valueOf(labels, 'arch');
  if (os === undefined) return arch === undefined ? undefined : 'labels: an arch needs an os';
  const known = Object.hasOwn(ARCHITECTURES, os) ? ARCHITECTURES[os] : undefined;
  if (known === undefined) {
    const systems = Object.keys(ARCHITECTURES).join(', ');
    return `labels: bad os "${printable(os)}": must be one of ${systems}`;
  }
  if (arch === undefined || known.includes(arch)) return undefined;
  return `labels: bad arch "${printable(arch)}" for ${os}: must be one of ${known.join(', ')}`;
}

function annotationProblem(annotations: ImageManifest['annotations']): string | undefined {
  const created = valueOf(annotations, 'created');
  if (created !== undefined && !isTime(created)) {
    return `annotations: bad created "${printable(created)}": expected a time of RFC 3339`;
  }
  for (const name of ['homepage', 'documentation']) {
    const url = valueOf(annotations, name);
    if (url === undefined) continue;
    const { protocol } = URL.parse(url) ?? {};
    if (protocol !== 'http:' && protocol !== 'https:') {
      return `annotations: bad ${name} "${printable(url)}": expected an http or https address`;
    }
  }
  return undefined;
}

function isTime(text: string): boolean {
  return (
    /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/.test(text) &&
    !Number.isNaN(Date.parse(text))
  );
}

function valueOf(
  entries: readonly { readonly name: string; readonly value: string }[],
  wanted: string,
): string | undefined {
  return entries.find(({ name }) => name === wanted)?.value;
}
