// SPDX-License-Identifier: Apache-2.0
// The files of an OCI image layout: `oci-layout` and `index.json`.
import * as v from 'valibot';
import { EXIT, Failure } from '@rkt/exit';
import { isDigest, printable, type Digest } from '@rkt/names';
import { checkForeign, parseForeign } from './foreign.ts';
import { parseJson } from './json.ts';
import { MEDIA_TYPE } from './media-types.ts';

/** The annotation that names an entry of a layout: OCI image-spec, annotations.md. */
export const REF_NAME = 'org.opencontainers.image.ref.name';

/**
 * The annotation that leads from the OCI form of a manifest to the Docker manifest that it was made from: digest, size and media type.
 *
 * Other tools look at no entry of a layout that is of a Docker media type, and converting changes the digest. So the layout
 * shows them the OCI form, and us the bytes that the registry served.
 */
export const ORIGINAL = 'org.rkt.original';

/** An entry of `index.json`, with the keys that this version does not know. */
export interface LayoutEntry {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly annotations: Readonly<Record<string, string>>;
  /** The digest in `index.json`: the same, or for a Docker manifest the one of its OCI form. */
  readonly shown: Digest;
  /** The entry as it was read, to be written back. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** What `index.json` says. Entries of unknown shape are kept in `raw` and shown to nobody. */
export interface LayoutIndex {
  readonly entries: readonly LayoutEntry[];
  readonly raw: Readonly<Record<string, unknown>>;
}

const record = v.record(v.string(), v.unknown());

const document = v.looseObject({ schemaVersion: v.literal(2), manifests: v.array(v.unknown()) });

const entry = v.looseObject({
  mediaType: v.string(),
  digest: v.custom<Digest>((value) => typeof value === 'string' && isDigest(value)),
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  annotations: v.optional(v.nullable(v.record(v.string(), v.string()))),
});

/** An `index.json` without entries. */
export const EMPTY_LAYOUT_INDEX: LayoutIndex = {
  entries: [],
  raw: { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [] },
};

/** Checks the marker file `oci-layout`. */
export function parseLayoutMarker(bytes: Uint8Array, path: string): void {
  const what = `"${printable(path)}"`;
  const { imageLayoutVersion: version } = parseForeign(v.object({ imageLayoutVersion: v.string() }), bytes, { what });
  if (/^1\.\d+\.\d+$/.test(version)) return;
  throw new Failure(EXIT.dataRefused, `cannot read ${what}: layout version "${printable(version)}": wanted 1.0.0`);
}

/** The text of the marker file `oci-layout`. */
export function printLayoutMarker(): string {
  return '{"imageLayoutVersion":"1.0.0"}\n';
}

/** Reads `index.json`. */
export function parseLayoutIndex(bytes: Uint8Array, path: string): LayoutIndex {
  const what = `"${printable(path)}"`;
  const data = parseJson(bytes, { what });
  const { manifests } = checkForeign(document, data, what);
  const raw = checkForeign(record, data, what);
  return { raw, entries: manifests.flatMap((value) => entryOf(value) ?? []) };
}

function entryOf(value: unknown): LayoutEntry | undefined {
  const result = v.safeParse(entry, value);
  if (!result.success) return undefined;
  const { mediaType, digest, size } = result.output;
  const annotations = result.output.annotations ?? {};
  const described = originalOf(annotations) ?? { mediaType, digest, size };
  return { ...described, annotations, shown: digest, raw: result.output };
}

interface Described {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
}

function originalOf({ [ORIGINAL]: text = '' }: Readonly<Record<string, string>>): Described | undefined {
  const [digest = '', size = '', mediaType = '', ...more] = text.split(' ');
  if (!isDigest(digest) || !/^\d{1,15}$/.test(size) || mediaType === '' || more.length > 0) return undefined;
  return { digest, size: Number(size), mediaType };
}

/** The value of the annotation that leads to an original. */
export function printOriginal({ mediaType, digest, size }: Described): string {
  return `${digest} ${size} ${mediaType}`;
}

/** An index in which `change` says what becomes of each entry: another entry, the same, or undefined for none. */
export function changeLayoutIndex(
  layout: LayoutIndex,
  change: (entry: LayoutEntry) => object | undefined,
  added: readonly object[] = [],
): LayoutIndex {
  const manifests: unknown[] = Array.isArray(layout.raw['manifests']) ? layout.raw['manifests'] : [];
  const kept = manifests.flatMap((value) => {
    const known = entryOf(value);
    return known === undefined ? [value] : (change(known) ?? []);
  });
  const raw = { ...layout.raw, manifests: [...kept, ...added] };
  return { raw, entries: raw.manifests.flatMap((value) => entryOf(value) ?? []) };
}

/** The text of `index.json`. */
export function printLayoutIndex({ raw }: LayoutIndex): string {
  return `${JSON.stringify(raw, null, 2)}\n`;
}
