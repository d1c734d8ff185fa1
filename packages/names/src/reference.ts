// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure, printable } from '@rkt/exit';
import { isImageIdPrefix, type AcIdentifier } from './appc.ts';
import { isAddress, isFile, parseAppc, parseArchive, parseCimd, printAppc } from './appc-reference.ts';
import { isDigest, type Digest } from './digest.ts';

/** An image in a registry, as the distribution specification names it. */
export interface RegistryReference {
  readonly kind: 'docker';
  /** Host with optional port, such as `docker.io` or `127.0.0.1:5000`. */
  readonly host: string;
  /** The repository, such as `library/busybox`. */
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: Digest | undefined;
}

/** An image in an OCI layout: a directory, or an archive of one; or in an archive of `docker save`. */
export interface LayoutReference {
  readonly kind: 'oci' | 'oci-archive' | 'docker-archive';
  readonly path: string;
  readonly tag: string | undefined;
}

/** A file in appc's format, an ACI: on this machine, by the path as it was given, or at an address. */
export type ArchiveReference =
  { readonly kind: 'aci-file'; readonly location: string } | { readonly kind: 'aci-url'; readonly location: string };

/** An image of appc by its name, which discovery turns into an address. */
export interface AppcReference {
  readonly kind: 'appc';
  readonly name: AcIdentifier;
  /** What is asked for beside the name, such as `version`; in the order of their names. */
  readonly labels: readonly { readonly name: AcIdentifier; readonly value: string }[];
}

/** An image of the store by its id: at least 8 digits of a manifest digest, or 2 of the id of an image in appc's format. */
export interface StoredReference {
  readonly kind: 'id';
  readonly prefix: string;
}

/** An image as the user writes it. */
export type Reference = RegistryReference | LayoutReference | ArchiveReference | AppcReference | StoredReference;

const HOST = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?$/;
const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const ID = /^sha256[:-][0-9a-f]{8,64}$/;

/**
 * The reference that the text is: `docker://HOST/REPO[:TAG|@DIGEST]`, `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`,
 * `docker-archive:FILE[:REF]`, a path or address of an ACI, with `aci:` before it or not, an appc name
 * `NAME[:VERSION][,LABEL=VALUE]`, `sha256:HEX` or `sha512-HEX`.
 *
 * A path is one that is absolute, has a component `.` or `..`, or ends in `.aci`; what lies in the working directory does not matter.
 */
export function parseReference(text: string): Reference {
  if (ID.test(text)) return { kind: 'id', prefix: text.replace('sha256-', 'sha256:') };
  if (/^sha256[:-]/.test(text)) throw refused(text, 'wanted sha256:<8 to 64 lower-case hex digits>');
  if (text.startsWith('sha512-')) return parseImageIdPrefix(text);
  if (text.startsWith('docker://')) return parseRegistry(text, text.slice('docker://'.length));
  if (text.startsWith('docker:')) return parseRegistry(text, text.slice('docker:'.length));
  if (text.startsWith('oci-archive:')) return parseLayout(text, 'oci-archive');
  if (text.startsWith('docker-archive:')) return parseLayout(text, 'docker-archive');
  if (text.startsWith('oci:')) return parseLayout(text, 'oci');
  const found = text.startsWith('aci:')
    ? parseArchive(text.slice('aci:'.length))
    : text.startsWith('cimd:')
      ? parseCimd(text)
      : isFile(text) || isAddress(text)
        ? parseArchive(text)
        : parseAppc(text);
  if (typeof found !== 'string') return found;
  throw refused(text, found);
}

function parseImageIdPrefix(text: string): StoredReference {
  if (isImageIdPrefix(text)) return { kind: 'id', prefix: text };
  throw refused(text, 'wanted sha512-<2 to 128 lower-case hex digits>');
}

/** The canonical text of a reference: what the store records as the name of an image. */
export function printReference(reference: Reference): string {
  switch (reference.kind) {
    case 'docker': {
      const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
      const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
      return `docker://${reference.host}/${reference.repository}${tag}${digest}`;
    }
    case 'oci':
    case 'oci-archive':
    case 'docker-archive':
      return `${reference.kind}:${reference.path}${reference.tag === undefined ? '' : `:${reference.tag}`}`;
    case 'aci-file':
    case 'aci-url':
      return reference.location;
    case 'appc':
      return printAppc(reference);
    case 'id':
      return reference.prefix;
  }
}

function parseRegistry(text: string, rest: string): RegistryReference {
  const [name = '', digest, ...more] = rest.split('@');
  if (more.length > 0 || (digest !== undefined && !isDigest(digest))) {
    throw refused(text, 'wanted @sha256:<64 lower-case hex digits> at its end');
  }
  const { host, path } = splitHost(name);
  const colon = path.lastIndexOf(':');
  const repository = colon < 0 ? path : path.slice(0, colon);
  const tag = colon < 0 ? undefined : path.slice(colon + 1);
  if (!HOST.test(host)) throw refused(text, `"${printable(host)}" is not a host`);
  if (!REPOSITORY.test(repository) || repository.length > 255) {
    throw refused(text, `"${printable(repository)}" is not a repository: wanted lower-case path components`);
  }
  if (tag !== undefined && !TAG.test(tag)) throw refused(text, `"${printable(tag)}" is not a tag`);
  const named = tag ?? (digest === undefined ? 'latest' : undefined);
  return { kind: 'docker', host, repository, tag: named, digest };
}

/** A first component with a dot or a colon, or `localhost`, is a host; without one the image is of docker.io, as docker reads it. */
function splitHost(name: string): { host: string; path: string } {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  if (first === 'localhost' || /[.:]/.test(first)) {
    const path = name.slice(slash + 1);
    const official = first === 'docker.io' && !path.includes('/');
    return { host: first, path: official ? `library/${path}` : path };
  }
  return { host: 'docker.io', path: slash < 0 ? `library/${name}` : name };
}

function parseLayout(text: string, kind: LayoutReference['kind']): LayoutReference {
  const rest = text.slice(kind.length + 1);
  const colon = rest.indexOf(':');
  const path = colon < 0 ? rest : rest.slice(0, colon);
  const tag = colon < 0 ? undefined : rest.slice(colon + 1);
  if (path === '' || path.includes('\0')) throw refused(text, `wanted a path after "${kind}:"`);
  if (tag === '') throw refused(text, 'the tag is empty');
  return { kind, path, tag };
}

function refused(text: string, why: string): Failure {
  return new Failure(EXIT.usage, `cannot parse image reference "${printable(text)}": ${why}`);
}
