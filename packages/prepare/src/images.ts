// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Context } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { exists } from '@rkt/files';
import { type Descriptor, type ImageConfig } from '@rkt/formats';
import { parseReference, printReference, type Digest } from '@rkt/names';
import { indexOf, openStore, type Store } from '@rkt/store';
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
}

/** Looks for each image, and reads the manifest and configuration of those that are there, hashed against their digests. */
export function lookForImages(stores: readonly Store[], images: readonly { readonly image: string }[]): SoughtImage[] {
  return images.map(({ image }) => ({ image, found: findStored(stores, image) }));
}

/** The images, or a refusal if one of them is in no store. */
export function requireImages(sought: readonly SoughtImage[]): FoundImage[] {
  return sought.map(({ image, found }) => {
    if (found !== undefined) return found;
    throw new Failure(EXIT.notFound, `cannot find image "${image}": not in a store: fetch it first`);
  });
}

function findStored(stores: readonly Store[], image: string): FoundImage | undefined {
  const reference = parseReference(image);
  for (const store of stores) {
    const stored = lookUp(store, image);
    if (stored === undefined) continue;
    const { config, manifest, digest, manifestBytes } = store.readImage(stored.digest);
    const { diff_ids: diffIds } = config.rootfs;
    return {
      reference: printReference(reference),
      name: stored.name ?? printReference(reference),
      id: stored.digest,
      nameInStore: stored.name,
      manifest: { digest, size: manifestBytes.byteLength },
      index: digest === stored.digest ? indexOf(stored) : stored.digest,
      store,
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
