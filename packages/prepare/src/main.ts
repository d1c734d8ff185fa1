// SPDX-License-Identifier: Apache-2.0
import { type Command, type Context } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { createPod, movePod, releaseRanges, type Pod } from '@rkt/pods';
import { writeDurably } from '@rkt/files';
import { type Verification } from '@rkt/formats';
import { removeOwnTree, type Caller } from '@rkt/rootless';
import { parseArguments, type PrepareArguments } from './arguments.ts';
import { composePod, type Composed } from './compose.ts';
import { filtersOf, type Filter } from './filters.ts';
import { lookForImages, openStores, requireImages, type FoundImage } from './images.ts';
import { parseInsecureOptions } from './insecure.ts';
import { unpackLayers } from './layers.ts';
import { options } from './options.ts';
import { settleOwner } from './owner.ts';
import { decide } from './policy.ts';
import { writePod } from './write-pod.ts';

/** rkt-prepare: from images in the store to a pod directory that says all that root will do. */
export const prepare: Command<typeof options> = {
  name: 'rkt-prepare',
  synopsis: 'rkt-prepare [OPTION]... IMAGE [APP-OPTION]... [-- ARG... [---]]',
  summary: 'prepare a pod: unpack images and write down what root will do',
  options,
  rawArguments: true,
  main: async (_given, argv, context) => {
    const given = parseArguments(argv);
    const stores = openStores(context, given.pod.store);
    if (given.pod['print-images'] || given.pod['print-missing']) {
      const missing = () => lookForImages(stores, given.images).filter(({ found }) => found === undefined);
      for (const { image } of given.pod['print-missing'] ? missing() : given.images) context.print(image);
      return EXIT.ok;
    }
    if (given.images.length === 0) throw new Failure(EXIT.usage, 'must provide at least one image');
    const insecure = parseInsecureOptions(given.pod['insecure-options']);
    const sought = lookForImages(stores, given.images);
    if (given.pod['if-stored'] && sought.some(({ found }) => found === undefined)) return EXIT.notFound;
    const images = requireImages(sought);
    const verification = await decide(context, { images, given: given.pod, insecure });
    const filters = await filtersOf(given, insecure);
    // Others than the caller read what a pod is made of: its apps.
    process.umask(0o022);
    const caller = await settleOwner(context);
    await unpackLayers(context, images, caller);
    context.print(makePod(context, { given, images, insecure, filters, verification, caller }));
    return EXIT.ok;
  },
};

interface Settled {
  readonly given: PrepareArguments;
  readonly images: readonly FoundImage[];
  readonly insecure: ReadonlySet<string>;
  readonly filters: readonly (Filter | undefined)[];
  readonly verification: readonly Verification[];
  /** Who calls, if that is not root. */
  readonly caller: Caller | undefined;
}

/** Makes the pod's directory; nothing of it stays if that fails. Returns the UUID. */
function makePod(
  { dir, environment, note }: Context,
  { given, images, insecure, filters, verification, caller }: Settled,
): string {
  const { pod, lock } = createPod(dir);
  using _held = lock;
  try {
    saveUuid(given.pod['uuid-file-save'], pod);
    const composed: Composed = composePod({ dir, pod, given, images, insecure, filters, environment, caller });
    for (const warning of writePod(dir, pod, { ...composed, verification })) note(warning);
    movePod(dir, pod, 'prepared');
    return pod.uuid;
  } catch (error) {
    removeOwnTree(dir, pod.path);
    releaseRanges(dir, (uuid) => uuid === pod.uuid);
    throw error;
  }
}

// Without a newline, as rkt always wrote it: scripts read the file whole.
function saveUuid(file: string | undefined, { uuid }: Pod): void {
  if (file !== undefined) writeDurably(file, uuid);
}
