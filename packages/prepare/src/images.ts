// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Context } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { exists } from '@rkt/files';
import { MEDIA_TYPE, parseImageConfig, type Descriptor, type ImageConfig } from '@rkt/formats';
import { parseReference, printable, printReference, type Digest } from '@rkt/names';
import { indexOf, naming, openStore, type Store } from '@rkt/store';
import { type AciOfImage } from './aci.ts';
import { chainIds } from './chain.ts';

/** An image that is in a store, with what its manifest and configuration say. */
export interface FoundImage {
  /** The reference by which it was asked for, in its canonical form. */
  readonly reference: string;
  /** A name that people know it by. */
  readonly name: string;
  readonly id: Digest;
  /** The name that the store has for it; a hint of whoever owns the store. */
  readonly nameInStore: string | undefined;
  /** Its manifest, which an index may have led to. */
  readonly manifest: { readonly digest: Digest; readonly size: number };
  /** The index that the manifest was found in, as far as the store says. */
  readonly index: Digest | undefined;
  readonly store: Store;
  readonly config: ImageConfig;
  readonly layers: readonly Descriptor[];
  readonly diffIds: readonly Digest[];
  /** The chain ids of the layers, the lowest first. */
  readonly chain: readonly Digest[];
  /** What one in appc's format has beside that; it has no diffIDs. */
  readonly aci?: AciOfImage;
  /** What a pod manifest says of how it is run, instead of what it says itself. */
  readonly app?: Pick<AciOfImage, 'app' | 'isFromDocker'>;
}

/**
 * The stores in which images are looked for: the one of --dir, those of --store, and under sudo the one of the calling user.
 *
 * Whose store it is does not matter: every byte is hashed against the digest before it is used.
 */
export function openStores({ dir, environment }: Context, more: readonly string[]): Store[] {
  const home = homeOf(environment['SUDO_UID']);
  const implied = home === undefined ? [] : [join(home, '.local', 'share', 'rkt', 'store')];
  const given = more.map((path) => {
    if (exists(path)) return path;
    throw new Failure(EXIT.notFound, `cannot open store "${path}": no such directory`);
  });
  return [join(dir, 'store'), ...given, ...implied].filter((path) => exists(path)).map((path) => openStore(path));
}

/** The home directory of whoever called sudo; undefined without sudo, or for a user whom /etc/passwd does not know. */
function homeOf(uid: string | undefined): string | undefined {
  if (uid === undefined || !/^[1-9]\d*$/.test(uid)) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8').split('\n');
  const home = users.map((line) => line.split(':')).find((fields) => fields[2] === uid)?.[5];
  return home?.startsWith('/') ? home : undefined;
}

/** An image as the command line names it, and where it was found, if it was. */
export interface SoughtImage {
  readonly image: string;
  readonly found: FoundImage | undefined;
  /** It has to be fetched before it can be used: also if something it depends on is missing, or a file may have changed. */
  readonly isMissing: boolean;
  /** Why it was not found, if that is more than that no store has it. */
  readonly problem: Failure | undefined;
}

/** How images are found. */
export interface FindOptions {
  /** Take images in appc's format alone: without what they depend on, and with all their files. */
  readonly isAlone: boolean;
}

/** Looks for each image, and reads the manifest and configuration of those that are there, hashed against their digests. */
export async function lookForImages(
  stores: readonly Store[],
  images: readonly { readonly image: string }[],
  options: FindOptions,
): Promise<SoughtImage[]> {
  const sought: SoughtImage[] = [];
  for (const { image } of images) sought.push({ image, ...(await findOrMiss(stores, image, options)) });
  return sought;
}

/** The images, or a refusal if one of them is in no store. */
export function requireImages(sought: readonly SoughtImage[]): FoundImage[] {
  return sought.map(({ image, found, problem }) => {
    if (found !== undefined) return found;
    throw (
      problem ?? new Failure(EXIT.notFound, `cannot find image "${printable(image)}": not in a store: fetch it first`)
    );
  });
}

type Sought = Pick<SoughtImage, 'found' | 'isMissing' | 'problem'>;

async function findOrMiss(stores: readonly Store[], image: string, options: FindOptions): Promise<Sought> {
  try {
    const found = await findStored(stores, image, options);
    // A file is fetched each time: it may have changed.
    const isMissing = found === undefined || parseReference(image).kind === 'aci-file';
    return { found, isMissing, problem: undefined };
  } catch (error) {
    if (!(error instanceof Failure) || error.status !== EXIT.notFound) throw error;
    return { found: undefined, isMissing: true, problem: error };
  }
}

async function findStored(
  stores: readonly Store[],
  image: string,
  { isAlone }: FindOptions,
): Promise<FoundImage | undefined> {
  const reference = parseReference(image);
  for (const store of stores) {
    const stored = lookUp(store, image);
    if (stored === undefined) continue;
    const documents = naming(printReference(reference), () => store.readDocuments(stored.digest));
    const { manifest, digest, manifestBytes, configBytes } = documents;
    const head = {
      reference: printReference(reference),
      id: stored.digest,
      manifest: { digest, size: manifestBytes.byteLength },
      index: digest === stored.digest ? indexOf(stored) : stored.digest,
      store,
    };
    if (manifest.config.mediaType === MEDIA_TYPE.appcManifest) {
      store.requireUnchanged(reference);
      const { findAci } = await import('./aci.ts');
      return { ...head, nameInStore: stored.name, ...(await findAci({ reference, store, documents, isAlone })) };
    }
    const config = parseImageConfig(configBytes, { what: `configuration "${manifest.config.digest}"`, manifest });
    const { diff_ids: diffIds } = config.rootfs;
    const { name: nameInStore } = stored;
    return {
      ...head,
      nameInStore,
      name: nameInStore ?? head.reference,
      config,
      layers: manifest.layers,
      diffIds,
      chain: chainIds(diffIds),
    };
  }
  return undefined;
}

function lookUp(store: Store, image: string) {
  try {
    return store.find(parseReference(image));
  } catch (error) {
    if (error instanceof Failure && error.status === EXIT.notFound) return undefined;
    throw error;
  }
}
