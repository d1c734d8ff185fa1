// SPDX-License-Identifier: Apache-2.0
import { createReadStream } from 'node:fs';
import type { LayoutReference } from '@rkt/names';
import { openStore } from '@rkt/store';
import { layoutSource } from './layout.ts';
import type { Source } from './source.ts';

/** An image in a directory that is an OCI layout, such as the store of somebody else. */
export function openLayout(reference: LayoutReference): Source {
  const layout = openStore(reference.path);
  return layoutSource(reference, {
    entries: layout.entries(),
    document: (digest) => layout.readBlob(digest),
    blob: (descriptor, offset) =>
      createReadStream('', { fd: layout.openBlob(descriptor), start: offset, highWaterMark: 1024 * 1024 }),
    // A store of ours keeps what refers to an image beside its index.
    referrers: (digest) => layout.artifacts(digest).artifacts,
    close: () => Promise.resolve(),
  });
}
