// SPDX-License-Identifier: Apache-2.0
import { VERSION } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import type { RegistryReference } from '@rkt/names';
import { makeRegistryClient } from '@rkt/registry';
import { readAuthConfig } from '../aci/auth-config.ts';
import { askCredentialHelper } from '../credential-helper.ts';
import type { Source, SourceOptions } from './source.ts';

const USER_AGENT = `rkt/${VERSION}`;

/** An image in a registry. */
export function openDocker(
  reference: RegistryReference,
  { context, insecure, authFile, tokenHosts, lookaside, configDirectories }: SourceOptions,
): Source {
  const { host, repository, tag, digest } = reference;
  const { environment, note } = context;
  const client = makeRegistryClient({
    host,
    insecure,
    environment,
    authFile,
    configured: (name) => readAuthConfig(configDirectories).credentialsFor(name),
    tokenHosts,
    note,
    uid: process.geteuid?.() ?? 0,
    helper: askCredentialHelper(context),
    userAgent: USER_AGENT,
  });
  return {
    // With both a tag and a digest the digest decides: the tag is for people.
    top: () => client.manifest(repository, digest ?? tag ?? 'latest'),
    document: (descriptor, signal) => client.manifest(repository, descriptor.digest, signal),
    blob: (descriptor, offset, signal) =>
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
      const options = { environment, userAgent: USER_AGENT, lookaside, signal };
      const [served, beside] = await Promise.all([
        client.signedMessages(repository, subject, signal),
        readMessages(reference, subject, options),
      ]);
      return [...served, ...beside];
    },
    close: () => client.close(),
  };
}
