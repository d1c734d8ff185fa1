// SPDX-License-Identifier: Apache-2.0
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { exists } from '@rkt/files';
import type { Digest, RegistryReference } from '@rkt/names';
import { imageNameOf, REGISTRIES_D, signaturePlaces } from '@rkt/policy';
import { readLookaside } from '@rkt/registry';

/** What reading signatures beside a registry takes. */
export interface MessagesOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly userAgent: string;
  /** The directory or URL that stands for all that registries.d says. */
  readonly lookaside: string | undefined;
  readonly signal: AbortSignal;
}

/** Where root's podman and skopeo keep signatures that nobody has given another place. */
const SYSTEM_LOOKASIDE = '/var/lib/containers/sigstore';

/** Reads the signed messages about an image that lie beside its registry, where containers-registries.d(5) says. */
export async function readMessages(
  reference: RegistryReference,
  digest: Digest,
  { environment, userAgent, lookaside, signal }: MessagesOptions,
): Promise<Buffer[]> {
  const base = lookaside === undefined ? await configuredPlace(reference, environment) : urlOf(lookaside);
  const { repository } = reference;
  return readLookaside({ base, repository, digest, environment, userAgent, signal });
}

const urlOf = (place: string) => (/^(https?|file):\/\//.test(place) ? place : pathToFileURL(resolve(place)).href);

async function configuredPlace(
  reference: RegistryReference,
  { HOME: home = '' }: MessagesOptions['environment'],
): Promise<string> {
  const own = join(home, '.config', 'containers', 'registries.d');
  // The user's directory stands for the one of the machine, as with podman and skopeo.
  const directory = home.startsWith('/') && exists(own) ? own : REGISTRIES_D;
  const { lookaside } = await signaturePlaces(directory, imageNameOf(reference, undefined));
  if (lookaside !== undefined) return lookaside;
  const isRoot = process.geteuid?.() === 0 || !home.startsWith('/');
  return pathToFileURL(isRoot ? SYSTEM_LOOKASIDE : join(home, '.local', 'share', 'containers', 'sigstore')).href;
}
