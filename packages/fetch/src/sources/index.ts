// SPDX-License-Identifier: Apache-2.0
import type { LayoutReference, RegistryReference } from '@rkt/names';
import type { Source, SourceOptions } from './source.ts';

/** A reference to an image outside of the store that has a manifest or index. */
export type SourceReference = RegistryReference | LayoutReference;

/** Opens the source of a reference. Each is loaded when it is needed: whoever reads a directory needs no HTTP. */
export async function openSource(reference: SourceReference, options: SourceOptions): Promise<Source> {
  switch (reference.kind) {
    case 'docker':
      return (await import('./docker.ts')).openDocker(reference, options);
    case 'oci':
      return (await import('./oci.ts')).openLayout(reference);
    case 'oci-archive':
      return (await import('./oci-archive.ts')).openArchive(reference);
    case 'docker-archive':
      return (await import('./docker-archive.ts')).openDockerArchive(reference, options);
  }
}
