// SPDX-License-Identifier: Apache-2.0
// What refers to the images of an OCI layout, as oras, cosign and skopeo leave it there: as entries beside those of the images.
import { Failure } from '@rkt/exit';
import {
  DOCUMENT_BYTES_MAX,
  MEDIA_TYPE,
  parseArtifactManifest,
  parseListedReferrers,
  REF_NAME,
  type ArtifactManifest,
  type LayoutEntry,
  type ListedReferrer,
} from '@rkt/formats';
import type { Digest } from '@rkt/names';
import type { LayoutReader } from './layout.ts';

type Documents = Pick<LayoutReader, 'entries' | 'document'>;

/** A layout with more entries is not searched for signatures. */
const ENTRIES_MAX = 1000;

/** How `cosign save` tells what an entry is. */
const KIND = 'kind';
const KINDS: ReadonlyMap<string, string> = new Map([
  ['sig', 'dev.cosignproject.cosign/sigs'],
  ['att', 'dev.cosignproject.cosign/atts'],
]);

/** Tags that stand for what is attached to an image: of the distribution specification, and of cosign. */
const TAG = /(?:^|:)sha256-[0-9a-f]{64}(?:\.(?:sig|att|sbom))?$/;

/** The entry of a tag, by its name alone or at the end of a whole reference; or the only one that cosign says to be of this kind. */
export function taggedEntry(entries: readonly LayoutEntry[], tag: string): LayoutEntry | undefined {
  const nameOf = ({ annotations }: LayoutEntry) => annotations[REF_NAME] ?? '';
  const named = entries.find((entry) => nameOf(entry) === tag || nameOf(entry).endsWith(`:${tag}`));
  if (named !== undefined) return named;
  const kind = KINDS.get(tag.slice(tag.lastIndexOf('.') + 1));
  const ofKind = entries.filter(({ annotations }) => kind !== undefined && annotations[KIND] === kind);
  return ofKind.length === 1 ? ofKind[0] : undefined;
}

/** The artifacts that name an image as their subject, and those that the index under its tag lists. */
export async function artifactsOf(layout: Documents, subject: Digest): Promise<ListedReferrer[]> {
  const found: ListedReferrer[] = [];
  for (const { digest, size, mediaType } of candidates(layout.entries)) {
    const manifest = await readArtifact(layout, { digest, size, mediaType });
    if (manifest?.subject !== subject) continue;
    const { artifactType, annotations } = manifest;
    found.push({ digest, size, artifactType, annotations });
  }
  const index = layout.entries.find(({ annotations }) => annotations[REF_NAME] === subject.replace(':', '-'));
  if (index === undefined) return found;
  return [...found, ...parseListedReferrers(await layout.document(index.digest), `index "${index.digest}"`)];
}

const candidates = (entries: readonly LayoutEntry[]) =>
  entries.length > ENTRIES_MAX ? [] : entries.filter(({ mediaType }) => mediaType === MEDIA_TYPE.manifest);

/** True for an entry that is no image but attached to one. */
export async function isAttachment(layout: Documents, entry: LayoutEntry): Promise<boolean> {
  const { annotations } = entry;
  if (TAG.test(annotations[REF_NAME] ?? '') || [...KINDS.values()].includes(annotations[KIND] ?? '')) return true;
  // What has a name of its own is meant to be fetched by it, and may well refer to another image.
  if (annotations[REF_NAME] !== undefined || entry.mediaType !== MEDIA_TYPE.manifest) return false;
  return (await readArtifact(layout, entry))?.subject !== undefined;
}

/** An entry as an artifact; undefined for what is none, or cannot be read: then it is no signature either. */
async function readArtifact(
  layout: Documents,
  { digest, size }: Pick<LayoutEntry, 'digest' | 'size' | 'mediaType'>,
): Promise<ArtifactManifest | undefined> {
  if (size > DOCUMENT_BYTES_MAX) return undefined;
  try {
    return parseArtifactManifest(await layout.document(digest), `artifact "${digest}"`);
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}
