// SPDX-License-Identifier: Apache-2.0
// Where images and keys are, by the discovery of the appc specification, discovery.md.
import { EXIT, Failure } from '@rkt/exit';
import { printable, type AcIdentifier } from '@rkt/names';
import { findMetas, type Meta } from './html.ts';
import type { Label } from './manifest.ts';

/** A page as it was received: its text, undefined if there is none at the address (a status of 4xx). */
export type GetPage = (url: string) => Promise<string | undefined>;

/** Where an image is, and its signature. */
export interface Endpoint {
  readonly aci: string;
  readonly signature: string;
}

/** What is looked for. */
export interface DiscoveryRequest {
  readonly name: AcIdentifier;
  /** Those that the user or a dependency asks for. */
  readonly labels: readonly Label[];
  /** Values of labels that are used where nothing is asked for: the system and processor of this machine. */
  readonly defaults: Readonly<Record<string, string>>;
}

/** True if a prefix of discovery or of trust covers a name: it is the name, or a whole number of its first components. */
export function isPrefixOf(prefix: string, name: string): boolean {
  return prefix === name || (prefix !== '' && name.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`));
}

/**
 * Finds where an image may be downloaded, the best address first; a page of the name or of one of its parents says so.
 *
 * The pages are asked for one after the other, from the name up to its host, until one has a template for the name.
 */
export async function discover(request: DiscoveryRequest, get: GetPage): Promise<Endpoint[]> {
  const templates = await findTags(request.name, { tag: 'ac-discovery', what: 'image' }, get);
  const endpoints = render(templates, request);
  if (endpoints.length > 0) return endpoints;
  const asked = ['name', ...request.labels.map(({ name }) => name)].join(', ');
  throw new Failure(
    EXIT.notFound,
    `cannot discover image "${printable(request.name)}": no template can be filled: wanted one with some of ${asked}`,
  );
}

/** Finds the addresses of the keys that sign images of this name: what is there is to be reviewed as any other key. */
export async function discoverPublicKeys(name: AcIdentifier, get: GetPage): Promise<string[]> {
  return findTags(name, { tag: 'ac-discovery-pubkeys', what: 'keys of' }, get);
}

interface Wanted {
  readonly tag: string;
  /** What is looked for, in messages. */
  readonly what: string;
}

/** What the tags of a name say on the first page that has any for the image. */
async function findTags(name: AcIdentifier, { tag, what }: Wanted, get: GetPage): Promise<string[]> {
  const components = name.split('/');
  for (let length = components.length; length > 0; length -= 1) {
    const page = await get(`https://${components.slice(0, length).join('/')}?ac-discovery=1`);
    const found = page === undefined ? [] : findMetas(page).flatMap((meta) => valueFor(name, tag, meta) ?? []);
    if (found.length > 0) return found;
  }
  throw new Failure(
    EXIT.notFound,
    `cannot discover ${what} "${printable(name)}": no page of it or above it has a meta tag "${tag}" for it`,
  );
}

/** The second word of a tag if its first word, the prefix, covers the name. */
function valueFor(name: AcIdentifier, tag: string, meta: Meta): string | undefined {
  if (meta.name !== tag) return undefined;
  const [prefix = '', value, ...more] = meta.content.split(/[\t\n\f\r ]+/).filter((word) => word !== '');
  return value !== undefined && more.length === 0 && isPrefixOf(prefix, name) ? value : undefined;
}

interface Rendered extends Endpoint {
  /** How many labels stand in it. */
  readonly labels: number;
}

/** The templates that can be filled, those first into which most labels go. */
function render(templates: readonly string[], { name, labels, defaults }: DiscoveryRequest): Endpoint[] {
  const values = new Map(Object.entries({ ...defaults, ...Object.fromEntries(labels.map((l) => [l.name, l.value])) }));
  const fill = (known: ReadonlyMap<string, string>) => templates.flatMap((text) => fillTemplate(text, name, known));
  let filled = fill(values);
  // Servers that know no "latest" of their own call it that, as rkt has asked for it.
  if (filled.length === 0 && !values.has('version')) filled = fill(new Map([...values, ['version', 'latest']]));
  const most = Math.max(...filled.map((endpoint) => endpoint.labels));
  return filled.filter((endpoint) => endpoint.labels === most).map(({ aci, signature }) => ({ aci, signature }));
}

function fillTemplate(template: string, name: AcIdentifier, labels: ReadonlyMap<string, string>): Rendered[] {
  const used = new Set<string>();
  const put = (ext: string): string | undefined => {
    let complete = true;
    const text = template.replace(/\{([^{}]*)\}/g, (_, key: string) => {
      if (key === 'name') return name;
      if (key === 'ext') return ext;
      const value = labels.get(key);
      if (value === undefined || !isHarmless(value)) complete = false;
      else used.add(key);
      return encode(value ?? '');
    });
    const url = complete ? URL.parse(text) : null;
    const isPlain = url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
    return isPlain ? url.href : undefined;
  };
  const [aci, signature] = [put('aci'), put('aci.asc')];
  if (!template.includes('{ext}') || aci === undefined || signature === undefined) return [];
  return [{ aci, signature, labels: used.size }];
}

/** The value of a label is part of an address: it must not lead to another place than the template says. */
function isHarmless(value: string): boolean {
  return value !== '' && value !== '.' && value !== '..' && value.isWellFormed();
}

function encode(value: string): string {
  return value.isWellFormed() ? encodeURIComponent(value).replaceAll('%2B', '+') : '';
}
