// SPDX-License-Identifier: Apache-2.0
// How rkt writes images in appc's format: paths, addresses, names with labels, and its own URIs for all of them.
import { printable } from '@rkt/exit';
import { isAcIdentifier, type AcIdentifier } from './appc.ts';
import type { AppcReference, ArchiveReference } from './reference.ts';

type Labels = AppcReference['labels'];

const LABELS_MAX = 100;

/** True for the text of an address: nothing else begins with a scheme and two slashes. */
export function isAddress(text: string): boolean {
  return /^[a-zA-Z][a-zA-Z0-9+.-]*:\/\//.test(text);
}

/** True for the text of a path: no appc name looks like one. */
export function isFile(text: string): boolean {
  if (isAddress(text)) return false;
  return text.startsWith('/') || text.split('/').some((part) => part === '.' || part === '..') || isBareFile(text);
}

function isBareFile(text: string): boolean {
  return text.endsWith('.aci') && !/[:,]/.test(text);
}

/** The file that a path or an address is; else what is wrong with it. */
export function parseArchive(text: string): ArchiveReference | string {
  if (text === '' || text.includes('\0')) return 'wanted a path or an address';
  // A name without a directory is given one, so that it is a path wherever it is read again.
  if (!isAddress(text)) return { kind: 'aci-file', location: isFile(text) ? text : `./${text}` };
  const url = URL.parse(text);
  if (url === null || !['file:', 'http:', 'https:'].includes(url.protocol)) {
    return 'wanted an address with file, http or https, or docker://HOST/REPO[:TAG|@DIGEST]';
  }
  if (!url.pathname.endsWith('.aci')) return 'wanted an address whose path ends in .aci';
  if (url.username !== '' || url.password !== '') return 'wanted credentials in auth.d, not in the address';
  if (url.protocol !== 'file:') return { kind: 'aci-url', location: url.href.replace(/#.*$/, '') };
  const path = url.host === '' ? decode(url.pathname) : undefined;
  return path === undefined || path.includes('\0') ? 'wanted file:///PATH' : { kind: 'aci-file', location: path };
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    // It knows no other error than a malformed escape.
    return undefined;
  }
}

/** The appc name that a text is, `NAME[:VERSION][,LABEL=VALUE]...`; else what is wrong with it. */
export function parseAppc(text: string): AppcReference | string {
  const [head = '', ...rest] = text.split(',');
  const [name = '', version, ...more] = head.split(':');
  if (more.length > 0) return 'wanted one colon at most, behind the name';
  if (!isAcIdentifier(name)) {
    return 'wanted docker://HOST/REPO[:TAG|@DIGEST], oci:DIR[:TAG], oci-archive:FILE, a path or address of an ACI, an appc name, sha256:<hex> or sha512-<hex>';
  }
  if (version === '') return 'the version is empty';
  const pairs = rest.map((pair) => splitPair(pair));
  const labels = labelsOf([...(version === undefined ? [] : [['version', version] as const]), ...pairs]);
  return typeof labels === 'string' ? labels : { kind: 'appc', name, labels };
}

function splitPair(pair: string): readonly [string, string] {
  const equals = pair.indexOf('=');
  return equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
}

function labelsOf(pairs: readonly (readonly [string, string])[]): Labels | string {
  const labels: { name: AcIdentifier; value: string }[] = [];
  if (pairs.length > LABELS_MAX) return `it has more than ${LABELS_MAX} labels`;
  for (const [name, value] of pairs) {
    if (!isAcIdentifier(name) || value === '') return `"${printable(name)}" is no label: wanted LABEL=VALUE`;
    if (name === 'name') return 'wanted no label "name"';
    if (labels.some((label) => label.name === name)) return `label "${name}" is given twice`;
    labels.push({ name, value });
  }
  return labels.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** The text of an appc name, as `parseAppc` reads it; one with labels that have no such form is printed as a URI. */
export function printAppc(reference: AppcReference): string {
  const { name, labels } = reference;
  if (labels.some(({ value }) => value === '' || value.includes(','))) return printCimd(reference);
  const version = labels.find((label) => label.name === 'version' && !/[:,]/.test(label.value));
  const others = labels.filter((label) => label !== version).map((label) => `,${label.name}=${label.value}`);
  return `${name}${version === undefined ? '' : `:${version.value}`}${others.join('')}`;
}

const APPC = 'cimd:appc:v=0:';
const ARCHIVE = 'cimd:aci-archive:v=0:';

/** The image that one of rkt's own URIs means; else what is wrong with it. */
export function parseCimd(text: string): AppcReference | ArchiveReference | string {
  const wanted = `wanted ${APPC}NAME[?LABEL=VALUE] or ${ARCHIVE}URL`;
  if (text.startsWith(ARCHIVE)) return parseArchive(decode(text.slice(ARCHIVE.length)) ?? '');
  const [name = '', query = '', ...more] = text.startsWith(APPC) ? text.slice(APPC.length).split('?') : [];
  if (!isAcIdentifier(name) || more.length > 0) return wanted;
  const pairs = query === '' ? [] : query.split('&').map(splitPair);
  const labels = labelsOf(pairs.map(([key, value]) => [decode(key) ?? '', decode(value) ?? ''] as const));
  return typeof labels === 'string' ? labels : { kind: 'appc', name, labels };
}

/** rkt's own URI of an image by its name and labels: its name in a store. Two are equal if their texts are. */
export function printCimd({ name, labels }: Pick<AppcReference, 'name' | 'labels'>): string {
  const sorted = labels.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const query = sorted.map((label) => `${encode(label.name)}=${encode(label.value)}`);
  return `${APPC}${name}${query.length === 0 ? '' : `?${query.join('&')}`}`;
}

/** rkt's own URI of an ACI at an address. */
export function printArchiveCimd(url: string): string {
  return `${ARCHIVE}${encode(url)}`;
}

function encode(text: string): string {
  // Half of a surrogate pair, which JSON can hold, has no encoding.
  return encodeURIComponent(text.toWellFormed());
}
