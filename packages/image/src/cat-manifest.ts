// SPDX-License-Identifier: Apache-2.0
import type { Command } from '@rkt/command';
import { EXIT } from '@rkt/exit';
import { parseJson } from '@rkt/formats';
import { printJson } from '@rkt/human';
import { findImage, isAci, oneImage, requireStore } from './images.ts';
import { catManifestOptions } from './options.ts';

/** rkt-image cat-manifest: the manifest of an image, or its configuration; in appc's format both are the ACI's manifest. */
export const catManifest: Command<typeof catManifestOptions> = {
  name: 'rkt-image',
  synopsis: 'rkt-image cat-manifest [--pretty-print=false] [--config] IMAGE',
  summary: 'print the manifest of an image',
  options: catManifestOptions,
  main: (given, operands, context) => {
    const text = oneImage(operands);
    const store = requireStore(context);
    const { digest } = findImage(store, text);
    const { manifest, manifestBytes, configBytes } = store.readDocuments(digest);
    const bytes = given.config || isAci(manifest) ? configBytes : manifestBytes;
    const what = `image "${digest}"`;
    context.print(
      given['pretty-print'] ? printJson(parseJson(bytes, { what }), 'json-pretty') : bytes.toString().trimEnd(),
    );
    return EXIT.ok;
  },
};
