// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { EXIT, Failure } from '@rkt/exit';
import { namesIn, readRegular } from '@rkt/files';
import { parseRegistriesFile, type RegistriesFile, type RegistrySection } from '@rkt/formats';
import { printable } from '@rkt/names';
import { prefixesOf, type ImageName } from './image-name.ts';

/** Where podman and skopeo keep what registries.d(5) describes. */
export const REGISTRIES_D = '/etc/containers/registries.d';

const FILE_BYTES_MAX = 1024 * 1024;

/** Where signatures of an image are that its registry does not serve with it. */
export interface SignaturePlaces {
  /** The URL of the directory `REPOSITORY@sha256=HEX` of the image's signatures is below this one. */
  readonly lookaside: string | undefined;
  /** True if signatures are looked for in the registry, as cosign attaches them. */
  readonly useAttachments: boolean;
}

/** Says where signatures of an image are: each field from the narrowest section that has it. What lies there proves itself. */
export async function signaturePlaces(directory: string, name: ImageName): Promise<SignaturePlaces> {
  const merged = await readRegistries(directory);
  const { path, tag, digest } = name;
  const narrow = [digest === undefined ? [] : `${path}@${digest}`, tag === undefined ? [] : `${path}:${tag}`].flat();
  const sections = [...narrow, ...prefixesOf(name).toReversed()].map((scope) => merged.scopes.get(scope));
  const all = [...sections, merged.fallback].filter((section) => section !== undefined);
  const first = <K extends keyof RegistrySection>(key: K) => all.find((section) => section[key] !== undefined)?.[key];
  return { lookaside: first('lookaside'), useAttachments: first('useAttachments') ?? false };
}

/** All files of the directory as one; a scope, or the default, that stands in two of them is a mistake. */
async function readRegistries(directory: string): Promise<RegistriesFile> {
  const scopes = new Map<string, RegistrySection>();
  const places = new Map<string, string>();
  let fallback: RegistrySection | undefined;
  const claim = (what: string, path: string) => {
    const other = places.get(what);
    if (other !== undefined) {
      const text = `cannot read "${printable(path)}": "${printable(what)}" stands in "${printable(other)}" too`;
      throw new Failure(EXIT.configuration, text);
    }
    places.set(what, path);
  };
  for (const file of namesIn(directory).filter((entry) => entry.endsWith('.yaml'))) {
    const path = join(directory, file);
    const bytes = readRegular(path, FILE_BYTES_MAX);
    const found = bytes === undefined ? undefined : await parseRegistriesFile(bytes, path);
    if (found?.fallback !== undefined) {
      claim('default-docker', path);
      ({ fallback } = found);
    }
    for (const [scope, section] of found?.scopes ?? []) {
      claim(scope, path);
      scopes.set(scope, section);
    }
  }
  return { fallback, scopes };
}
