// SPDX-License-Identifier: Apache-2.0
import { VERSION } from '@rkt/command';
import type { RegistryReference } from '@rkt/names';
import { makeRegistryClient } from '@rkt/registry';
import { askCredentialHelper, refuseCredentialHelper } from '../credential-helper.ts';
import type { Source, SourceOptions } from './source.ts';

/** An image in a registry. */
export function openDocker(
  { host, repository, tag, digest }: RegistryReference,
  { context, insecure, authFile, authText, tokenHosts }: SourceOptions,
): Source {
  const { environment, note } = context;
  const client = makeRegistryClient({
    host,
    insecure,
    environment,
    authFile,
    authText,
    tokenHosts,
    note,
    uid: process.geteuid?.() ?? 0,
    helper: authText === undefined ? askCredentialHelper(context) : refuseCredentialHelper(context),
    userAgent: `rkt/${VERSION}`,
  });
  return {
    // With both a tag and a digest the digest decides: the tag is for people.
    top: () => client.manifest(repository, digest ?? tag ?? 'latest'),
    document: (descriptor) => client.manifest(repository, descriptor.digest),
    blob: (descriptor, offset, signal) =>
      client.blob({ repository, digest: descriptor.digest, size: descriptor.size, offset, signal }),
    close: () => client.close(),
  };
}
