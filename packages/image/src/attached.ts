// SPDX-License-Identifier: Apache-2.0
// What is attached to an image. What it takes to say who signed it is loaded when somebody asks.
import type { Command } from '@rkt/command';
import { attestationsOptions, provenanceOptions, sbomOptions } from './options.ts';

/** rkt-image attestations: what is attached to an image, and who signed it. */
export const attestations: Command<typeof attestationsOptions> = {
  name: 'rkt-image',
  synopsis: 'rkt-image attestations [--full] [--format=FORMAT] IMAGE',
  summary: 'list what is attached to an image, and who signed it',
  options: attestationsOptions,
  main: async (given, operands, context) => {
    const { listAttestations } = await import('./attached/attestations.ts');
    return listAttestations(given, operands, context);
  },
};

/** rkt-image provenance: how an image was built, in the words of whoever says so. */
export const provenance: Command<typeof provenanceOptions> = {
  name: 'rkt-image',
  synopsis: 'rkt-image provenance [--digest=DIGEST] [--format=FORMAT] IMAGE',
  summary: 'show how an image was built, and who says so',
  options: provenanceOptions,
  main: async (given, operands, context) => {
    const { showProvenance } = await import('./attached/provenance.ts');
    return showProvenance(given, operands, context);
  },
};

/** rkt-image sbom: the list of the components of an image. */
export const sbom: Command<typeof sbomOptions> = {
  name: 'rkt-image',
  synopsis: 'rkt-image sbom [--digest=DIGEST] [--packages] IMAGE',
  summary: 'print the list of the components of an image',
  options: sbomOptions,
  main: async (given, operands, context) => {
    const { printComponents } = await import('./attached/components.ts');
    return printComponents(given, operands, context);
  },
};
