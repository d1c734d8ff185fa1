// SPDX-License-Identifier: Apache-2.0
import type { Context, Given } from '@rkt/command';
import { Failure } from '@rkt/exit';
import { parseReference, type Reference, type RegistryReference } from '@rkt/names';
import { findCredentials, type Credentials } from '@rkt/registry';
import { readAuthConfig } from './aci/auth-config.ts';
import { askCredentialHelper } from './credential-helper.ts';
import { locationsOf, readRegistryRules } from './locations.ts';
import type { options } from './options.ts';
import { findRegistriesFiles } from './registries-files.ts';

/** Entries of a file of credentials, by `HOST/REPOSITORY`: containers-auth.json(5). */
export type AuthEntries = Readonly<Record<string, { readonly auth: string } | { readonly identitytoken: string }>>;

/**
 * The credentials of a user for the registries of images, and for their mirrors, from the files of other tools and the helpers
 * that these name. What rkt's own configuration says of a host is left out, since it counts before.
 */
export async function askHelpers(
  given: Given<typeof options>,
  operands: readonly string[],
  context: Context,
): Promise<AuthEntries> {
  // Nothing is going to be asked of a registry, and a helper may want a password from the user.
  if (given['pull-policy'] === 'never') return {};
  const { environment } = context;
  const configuration = readAuthConfig(
    [given['system-config'], given['local-config'], given['user-config'] ?? []].flat(),
  );
  const entries: [string, AuthEntries[string]][] = [];
  for (const { host, repository } of await placesOf(operands, environment)) {
    if (configuration.credentialsFor(host) !== undefined) continue;
    const found = await findCredentials(
      { host, repository },
      { environment, helper: askCredentialHelper(context), uid: process.geteuid?.() ?? 0 },
    );
    if (found !== undefined) entries.push([`${host}/${repository}`, entryOf(found)]);
  }
  return Object.fromEntries(entries);
}

/** Where images of registries may come from, each place once. What cannot be parsed is left to rkt-fetch, which refuses it. */
async function placesOf(
  operands: readonly string[],
  environment: Context['environment'],
): Promise<readonly RegistryReference[]> {
  const rules = await readRegistryRules(findRegistriesFiles(environment));
  const insecure = { http: false, tls: false };
  const references = operands.flatMap((operand) => attempt(() => [parseReference(operand)]) ?? []);
  const places = references
    .filter((reference: Reference) => reference.kind === 'docker')
    .flatMap((reference) => attempt(() => locationsOf(reference, { rules, insecure })) ?? [])
    .map(({ reference }) => reference);
  return [...new Map(places.map((place) => [`${place.host}/${place.repository}`, place])).values()];
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

function entryOf(credentials: Credentials): AuthEntries[string] {
  if (credentials.kind === 'identity') return { identitytoken: credentials.token };
  const { username, password } = credentials;
  return { auth: Buffer.from(`${username}:${password}`).toString('base64') };
}
