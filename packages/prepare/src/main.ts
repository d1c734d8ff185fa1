// SPDX-License-Identifier: Apache-2.0
import { type Command, type Context } from '@rkt/command';
import { EXIT } from '@rkt/exit';
import { createPod, movePod, releaseRanges, type Pod } from '@rkt/pods';
import { writeDurably } from '@rkt/files';
import { type PodVolume, type Verification } from '@rkt/formats';
import { removeOwnTree, type Caller } from '@rkt/rootless';
import { addApp, podToAddTo } from './add-app.ts';
import { type PrepareArguments } from './arguments.ts';
import { askedVolumes, imagesOfVolumes, settleVolumes } from './asked-volumes.ts';
import { checkVolumes } from './check-volumes.ts';
import { composePod, type Composed } from './compose.ts';
import { devicesOf, type AppDevices } from './devices.ts';
import { filtersOf, type Filter } from './filters.ts';
import { lookForImages, openStores, requireImages, type FoundImage } from './images.ts';
import { insecureOptionsOf } from './insecure.ts';
import { unpackLayers } from './layers.ts';
import { options } from './options.ts';
import { settleOwner } from './owner.ts';
import { decide } from './policy.ts';
import { requireApps, settleArguments } from './settle.ts';
import { writePod } from './write-pod.ts';

/** rkt-prepare: from images in the store to a pod directory that says all that root will do. */
export const prepare: Command<typeof options> = {
  name: 'rkt-prepare',
  synopsis: 'rkt-prepare [OPTION]... IMAGE [APP-OPTION]... [-- ARG... [---]]',
  summary: 'prepare a pod: unpack images and write down what root will do',
  options,
  rawArguments: true,
  main: async (_given, argv, context) => {
    const given = await settleArguments(argv, context);
    const stores = openStores(context, given.pod.store);
    const asked = askedVolumes(given);
    const wanted = [...given.images, ...imagesOfVolumes(asked)];
    const look = async () => lookForImages(stores, wanted, { isAlone: given.pod['no-dependencies'] });
    if (given.pod['print-images'] || given.pod['print-missing']) {
      // Those of a pod manifest are in a store, or the pod is refused.
      const images = given.pod['pod-manifest'] === undefined ? wanted : [];
      const missing = given.pod['print-missing'] && images.length > 0 ? await look() : undefined;
      for (const { image } of missing?.filter(({ isMissing }) => isMissing) ?? images) context.print(image);
      return EXIT.ok;
    }
    requireApps(given);
    const adds = given.pod['add-to'];
    const pod = adds === undefined ? undefined : podToAddTo(context.dir, adds);
    const insecure = insecureOptionsOf(given.pod);
    const sought = await look();
    if (given.pod['if-stored'] && sought.some(({ isMissing }) => isMissing)) return EXIT.notFound;
    const required = requireImages(sought);
    const images = await asGiven(required.slice(0, given.images.length), given);
    const ofVolumes = required.slice(given.images.length);
    const verification = await decide(context, { images: [...images, ...ofVolumes], given: given.pod, insecure });
    const devices = await devicesOf(given);
    const filters = await filtersOf(given, { insecure, images });
    // Others than the caller read what a pod is made of: its apps.
    process.umask(0o022);
    const caller = await settleOwner(context);
    await unpackLayers(context, { roots: images, others: ofVolumes }, caller);
    const found = new Map(ofVolumes.map((image, index) => [wanted[images.length + index]?.image ?? '', image]));
    const volumes = settleVolumes(asked, found);
    const settled = await withImageDefaults(given, images, context.note);
    const all = { given: settled, images, volumes, devices, insecure, filters, verification, caller };
    if (pod === undefined) context.print(makePod(context, all));
    else await addApp(context, pod, all);
    return EXIT.ok;
  },
};

/** What a pod manifest says of an app takes the place of what its image says. */
async function asGiven(images: FoundImage[], given: PrepareArguments): Promise<FoundImage[]> {
  if (given.pod['pod-manifest'] === undefined) return images;
  const { withApps } = await import('./pod-manifest.ts');
  return withApps(images, given);
}

/** Images in appc's format say more about how they are run than others: where the user says nothing, that counts. */
async function withImageDefaults(
  given: PrepareArguments,
  images: readonly FoundImage[],
  note: Context['note'],
): Promise<PrepareArguments> {
  if (images.every(({ aci }) => aci === undefined)) return given;
  const { aciWarnings, withDefaults } = await import('./aci-defaults.ts');
  for (const { name, aci } of images) for (const warning of aci ? aciWarnings(name, aci) : []) note(warning);
  const settled = given.images.map((said, index) => {
    const aci = images[index]?.aci;
    return aci === undefined ? said : withDefaults(said, aci);
  });
  return { ...given, images: settled };
}

/** What is known of a pod, or of an app that is added to one, before anything of it is made. */
export interface Settled {
  readonly given: PrepareArguments;
  readonly images: readonly FoundImage[];
  readonly volumes: readonly PodVolume[];
  readonly devices: readonly AppDevices[];
  readonly insecure: ReadonlySet<string>;
  readonly filters: readonly (Filter | undefined)[];
  readonly verification: readonly Verification[];
  /** Who calls, if that is not root. */
  readonly caller: Caller | undefined;
}

/** Makes the pod's directory; nothing of it stays if that fails. Returns the UUID. */
function makePod({ dir, environment, note }: Context, { verification, ...settled }: Settled): string {
  const { pod, lock } = createPod(dir);
  using _held = lock;
  try {
    saveUuid(settled.given.pod['uuid-file-save'], pod);
    const composed: Composed = composePod({ dir, pod, environment, ...settled });
    checkVolumes(pod, composed.manifest);
    for (const warning of [...composed.warnings, ...writePod(dir, pod, { ...composed, verification })]) note(warning);
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
