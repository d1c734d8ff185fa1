// SPDX-License-Identifier: Apache-2.0
// Docker image manifest, version 2, schema 1: a chain of version 1 in one document, most often inside a signature (JWS).
import * as v from 'valibot';
import { EXIT, Failure } from '@rkt/exit';
import { isDigest, type Digest } from '@rkt/names';
import { checkChain, CHAIN_MAX, parseV1Image, type V1Image } from './docker-v1.ts';
import { checkForeign, parseForeign } from './foreign.ts';
import { parseJson, type JsonSource } from './json.ts';
import { LAYERS_MAX, orNull } from './oci-image.ts';

const SIGNED = 'application/vnd.docker.distribution.manifest.v1+prettyjws';

/** What a schema 1 manifest is without its signature. */
export const SCHEMA1 = 'application/vnd.docker.distribution.manifest.v1+json';

const signed = v.object({
  signatures: orNull(v.pipe(v.array(v.object({ protected: v.string() })), v.maxLength(100))),
});

const format = v.object({
  formatLength: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  formatTail: v.string(),
});

const manifest = v.object({
  schemaVersion: v.literal(1),
  fsLayers: v.pipe(
    v.array(
      v.object({
        blobSum: v.custom<Digest>((value) => typeof value === 'string' && isDigest(value), 'expected sha256:<64 hex>'),
      }),
    ),
    v.minLength(1),
    v.maxLength(CHAIN_MAX),
  ),
  signatures: v.optional(v.unknown()),
  history: v.pipe(v.array(v.object({ v1Compatibility: v.string() })), v.maxLength(CHAIN_MAX)),
});

/** An image of schema 1. */
export interface Schema1 {
  /** The links of its chain, the top one first. */
  readonly chain: readonly V1Image[];
  /** The layers of the links that have one, the lowest first. */
  readonly layers: readonly Digest[];
}

/** True if a document of this media type, or of none, is of schema 1: the first registries called everything JSON. */
export function isSchema1(bytes: Uint8Array, mediaType: string | undefined): boolean {
  if (mediaType !== undefined) return mediaType === SIGNED || mediaType === SCHEMA1;
  const claims = v.object({ schemaVersion: v.literal(1), fsLayers: v.array(v.unknown()) });
  try {
    return v.is(claims, parseJson(bytes, { what: 'manifest' }));
  } catch (error) {
    if (error instanceof Failure) return false;
    throw error;
  }
}

/**
 * What is inside of the signature: the bytes that the digest of the manifest is of. The signature is looked at by nobody, since
 * anybody could have made it; all parts of it have to mean the same bytes.
 */
export function schema1Payload(bytes: Buffer, source: JsonSource): Buffer {
  const refuse = (why: string) => new Failure(EXIT.dataRefused, `cannot read ${source.what}: ${why}`);
  const { signatures = [] } = parseForeign(signed, bytes, source);
  const payloads = signatures.map(({ protected: header }) => {
    const { formatLength, formatTail } = parseForeign(format, fromBase64(header, refuse), source);
    if (formatLength > bytes.byteLength) throw refuse('its signature is of more bytes than there are');
    return Buffer.concat([bytes.subarray(0, formatLength), fromBase64(formatTail, refuse)]);
  });
  const [first = bytes, ...more] = payloads;
  if (more.every((payload) => payload.equals(first))) return first;
  throw refuse('its signatures are of different documents');
}

function fromBase64(text: string, refuse: (why: string) => Failure): Buffer {
  if (/^[A-Za-z0-9_-]*={0,2}$/.test(text)) return Buffer.from(text, 'base64url');
  throw refuse('its signature is not base64');
}

/** Reads a manifest without its signature. */
export function parseSchema1(payload: Buffer, source: JsonSource): Schema1 {
  const { what } = source;
  const refuse = (why: string) => new Failure(EXIT.dataRefused, `cannot read ${what}: ${why}`);
  const data = parseJson(payload, source);
  const { fsLayers, history, signatures } = checkForeign(manifest, data, what);
  if (signatures !== undefined) throw refuse('it is signed within its signature');
  if (fsLayers.length !== history.length) {
    throw refuse(`it has ${history.length} entries of history for ${fsLayers.length} layers`);
  }
  const chain = history.map(({ v1Compatibility }, index) =>
    parseV1Image(Buffer.from(v1Compatibility), { what: `history ${index} of ${what}` }),
  );
  checkChain(chain, what);
  const layers = fsLayers.flatMap(({ blobSum }, index) => (chain[index]?.throwaway === true ? [] : [blobSum]));
  if (layers.length > LAYERS_MAX) throw refuse(`it has ${layers.length} layers: at most ${LAYERS_MAX} are taken`);
  return { chain, layers: layers.toReversed() };
}
