// SPDX-License-Identifier: Apache-2.0
// Images in appc's format: whoever fetches one fetches what it depends on as well.
import { labelOf, printImageName, resolveDependencies, type Dependency } from '@rkt/appc';
import { EXIT, Failure } from '@rkt/exit';
import { platformLabels } from '@rkt/formats';
import { printable, printReference, type AppcReference, type ArchiveReference, type Reference } from '@rkt/names';
import { urlOf, type Store } from '@rkt/store';
import type { FetchedImage, FetchOptions } from '../fetch-image.ts';
import { discardDamaged, findDamage } from '../repair.ts';
import { importFile } from './file.ts';
import { readStoredAci, type ImportRequest, type StoredAci } from './import.ts';
import { makeSession, type Session } from './session.ts';

/** An image in appc's format, wherever it is. */
export type AciReference = AppcReference | ArchiveReference;

/** Sees to it that an image in appc's format and all that it depends on are in the store, as the pull policy says. */
export async function fetchAci(reference: AciReference, options: FetchOptions): Promise<FetchedImage> {
  await using session = makeSession(options, hostOf(reference));
  const top = await obtain(reference, session);
  await fetchDependencies(top, session);
  checkPlatform(top, options);
  const { manifest } = options.store.readDocuments(top.digest);
  return { id: top.imageId, name: printImageName(top.manifest), mediaType: ACI_MEDIA_TYPE, manifest, size: top.size };
}

const ACI_MEDIA_TYPE = 'application/vnd.oci.image.manifest.v1+json';

/** The host that the user named, if he named one: whom its pages and files may lead us to depends on where it is. */
function hostOf(reference: AciReference): string | undefined {
  if (reference.kind === 'aci-url') return new URL(reference.location).host;
  return reference.kind === 'appc' ? reference.name.split('/')[0] : undefined;
}

/** Sees to it that what an image depends on is there; of several that depend on one image it is fetched for the first. */
async function fetchDependencies(top: StoredAci, session: Session): Promise<void> {
  const found = new Map<string, StoredAci>();
  await resolveDependencies(top, async (dependency) => {
    const key = JSON.stringify(dependency);
    const aci = found.get(key) ?? (await obtainDependency(dependency, session));
    found.set(key, aci);
    return aci;
  });
}

async function obtain(reference: AciReference, session: Session): Promise<StoredAci> {
  const { store, policy } = session.options;
  await checkStored(reference, session);
  // A file is always read: that costs no network, and it may be another than it was.
  if (reference.kind === 'aci-file') {
    const request = requestOf(reference);
    say(session, `using image from file ${reference.location}`);
    const aci = await importFile(reference.location, request, session.options);
    const image = { manifest: aci.digest, downloaded: Date.now(), fresh: 0 };
    store.writeRemote({ url: urlOf(reference), image });
    return aci;
  }
  const stored = policy === 'update' ? undefined : findStored(store, reference);
  const what = reference.kind === 'appc' ? 'image name' : 'URL';
  const text = textOf(reference);
  if (stored !== undefined) {
    say(session, `using image from local store for ${what} ${text}`);
    return stored;
  }
  if (policy === 'never') throw notStored(what, text);
  if (reference.kind === 'aci-url') return session.download(reference.location, requestOf(reference));
  return session.discoverAndDownload(reference, requestOf(reference));
}

/** What is damaged is not found any more, and so it is downloaded again. */
async function checkStored(reference: Reference, { options }: Session): Promise<void> {
  if (!options.check) return;
  const { store, progress } = options;
  for (const { digest } of await findDamage(reference, options)) await discardDamaged(store, digest, progress.note);
}

/** What only those want to read who ask why. */
function say({ options: { context } }: Session, message: string): void {
  if (context.debug) context.note(printable(message));
}

/** A dependency by its id if it has one, else by its name and labels. */
async function obtainDependency(dependency: Dependency, session: Session): Promise<StoredAci> {
  const { imageID, imageName: name, labels } = dependency;
  const { store, policy } = session.options;
  const reference: AppcReference = { kind: 'appc', name, labels };
  if (imageID === undefined) return checkSize(await obtain(reference, session), dependency);
  // Bytes that are fixed need not be asked for again, whatever the pull policy.
  const byId = { kind: 'id', prefix: imageID } as const;
  await checkStored(byId, session);
  const stored = findStored(store, byId);
  if (stored !== undefined) return stored;
  if (policy === 'never') throw notStored('image name', `${name} (${imageID})`);
  const request = { ...requestOf(reference), wanted: { name, labels: [] } };
  return checkSize(await session.discoverAndDownload(reference, request), dependency);
}

function notStored(what: string, text: string): Failure {
  return new Failure(
    EXIT.notFound,
    `unable to fetch image from ${what} "${printable(text)}": not in the store, and the pull policy is never`,
  );
}

/** A size is there to be compared; writers of manifests did not agree on which. */
function checkSize(aci: StoredAci, { imageName, size }: Dependency): StoredAci {
  if (size === undefined || size === aci.aciBlob.size || aci.tarBytes === undefined || size === aci.tarBytes)
    return aci;
  throw new Failure(
    EXIT.dataRefused,
    `cannot use image "${printable(imageName)}" as a dependency: it has ${aci.aciBlob.size} bytes: wanted ${size}`,
  );
}

function findStored(
  store: Store,
  reference: AciReference | { readonly kind: 'id'; readonly prefix: string },
): StoredAci | undefined {
  try {
    return readStoredAci(store, store.find(reference).digest);
  } catch (error) {
    if (error instanceof Failure && error.status === EXIT.notFound) return undefined;
    throw error;
  }
}

/** A reference without what may be secret in it, the query of an address. */
function textOf(reference: AciReference): string {
  const text = printReference(reference);
  return reference.kind === 'aci-url' ? text.replace(/\?.*$/s, '') : text;
}

function requestOf(reference: AciReference): ImportRequest {
  const text = textOf(reference);
  const isLatest = reference.kind === 'appc' && [undefined, 'latest'].includes(labelOf(reference.labels, 'version'));
  return { text, source: text, wanted: reference.kind === 'appc' ? reference : undefined, isLatest };
}

/** An image for another machine may be a surprise; one that names no system or processor is for all. */
function checkPlatform({ manifest }: StoredAci, { platform, progress }: FetchOptions): void {
  const wanted = platformLabels(platform);
  const found = { os: labelOf(manifest.labels, 'os'), arch: labelOf(manifest.labels, 'arch') };
  if ((found.os ?? wanted.os) === wanted.os && (found.arch ?? wanted.arch) === wanted.arch) return;
  progress.note(`the image is for ${printPair(found)}: wanted ${printPair(wanted)}`);
}

function printPair({ os, arch }: { readonly os: string | undefined; readonly arch: string | undefined }): string {
  return printable(`${os ?? 'any system'}/${arch ?? 'any'}`);
}
