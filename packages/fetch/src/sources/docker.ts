// SPDX-License-Identifier: Apache-2.0
import { VERSION } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { SCHEMA1 } from '@rkt/formats';
import type { Digest, RegistryReference } from '@rkt/names';
import { makeRegistryClient, type RegistryClient } from '@rkt/registry';
import { readAuthConfig } from '../aci/auth-config.ts';
import { refuseCredentialHelper } from '../credential-helper.ts';
import { findRegistriesFiles } from '../registries-files.ts';
import type { Source, SourceOptions } from './source.ts';

const USER_AGENT = `rkt/${VERSION}`;

/** An image in a registry, or wherever a `registries.conf` says that it is taken from. */
export async function openDocker(reference: RegistryReference, options: SourceOptions): Promise<Source> {
  const files = findRegistriesFiles(options.context.environment);
  // Most machines have none: then nothing of the following is even loaded.
  if (files.found.length === 0) return openRegistry(reference, options);
  const [{ locationsOf, readRegistryRules }, { mirroredSource }] = await Promise.all([
    import('../locations.ts'),
    import('./mirrors.ts'),
  ]);
  const rules = await readRegistryRules(files);
  const locations = locationsOf(reference, { rules, insecure: options.insecure });
  const places = locations.map((location) => ({
    ...location,
    open: () => openRegistry(location.reference, { ...options, insecure: location.insecure }),
  }));
  return mirroredSource(places, options.context.note);
}

/** One registry: credentials and certificates are those of its host, whatever the image is called. */
function openRegistry(reference: RegistryReference, options: SourceOptions): Source {
  const { host, repository, tag, digest } = reference;
  const client = clientOf(host, options);
  const download = (blob: Digest) => client.blob({ repository, digest: blob, size: undefined });
  let converted: Source | undefined;
  return {
    top: async () => {
      // With both a tag and a digest the digest decides: the tag is for people.
      const found = await client.manifest(repository, digest ?? tag ?? 'latest');
      if (found.mediaType !== SCHEMA1) return found;
      options.context.note(`"${host}/${repository}" is of Docker schema 1: making an OCI image of it`);
      const { convertSchema1 } = await import('./schema1.ts');
      converted = await convertSchema1(found, { store: options.store, download });
      return converted.top();
    },
    document: (descriptor, signal) => client.manifest(repository, descriptor.digest, signal),
    blob: (descriptor, offset, signal) =>
      converted?.blob(descriptor, offset, signal) ??
      client.blob({ repository, digest: descriptor.digest, size: descriptor.size, offset, signal }),
    referrers: (subject, wish) => client.referrers({ ...wish, repository, digest: subject }),
    tagged: async (name, signal) => {
      try {
        return await client.manifest(repository, name, signal);
      } catch (error) {
        if (error instanceof Failure && error.status === EXIT.notFound) return undefined;
        throw error;
      }
    },
    messages: async (subject, signal) => {
      const { readMessages } = await import('./messages.ts');
      const { context, lookaside } = options;
      const wish = { environment: context.environment, userAgent: USER_AGENT, lookaside, signal };
      const [served, beside] = await Promise.all([
        client.signedMessages(repository, subject, signal),
        readMessages(reference, subject, wish),
      ]);
      return [...served, ...beside];
    },
    close: async () => {
      await Promise.all([converted?.close(), client.close()]);
    },
  };
}

function clientOf(
  host: string,
  { context, insecure, authFile, authText, tokenHosts, configDirectories }: SourceOptions,
): RegistryClient {
  const { environment, note } = context;
  return makeRegistryClient({
    host,
    insecure,
    environment,
    authFile,
    authText,
    configured: (name) => readAuthConfig(configDirectories).credentialsFor(name),
    tokenHosts,
    note,
    uid: process.geteuid?.() ?? 0,
    helper: refuseCredentialHelper(context),
    userAgent: USER_AGENT,
  });
}
