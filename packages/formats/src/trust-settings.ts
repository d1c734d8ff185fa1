// SPDX-License-Identifier: Apache-2.0
// What the administrator says about trust: `trust.json`, and the files `NAME.sigstore.json` beside keys.
import * as v from 'valibot';
import { EXIT, Failure } from '@rkt/exit';
import { isDigest, printable, type Digest } from '@rkt/names';
import { parseJson } from './json.ts';

/** The size of the largest file of settings. */
export const SETTINGS_BYTES_MAX = 1024 * 1024;

const digest = () =>
  v.custom<Digest>(
    (value) => typeof value === 'string' && isDigest(value),
    'wanted sha256:<64 lower-case hexadecimal digits>',
  );

const absolute = () => v.pipe(v.string(), v.regex(/^\/[^\0]*$/, 'wanted an absolute path'));

const word = () => v.pipe(v.string(), v.minLength(1, 'wanted some text'), v.maxLength(2048));

/** `*`, or whole components of an image name. */
const prefix = () =>
  v.pipe(v.string(), v.regex(/^(\*|[^/\s\0]+(\/[^/\s\0]+)*)$/, 'wanted a prefix of image names, or *'));

const attestation = () =>
  v.strictObject({
    prefix: prefix(),
    predicateType: word(),
    /** The name of a file among those that vouch for the image; any of them if it is left out. */
    signer: v.optional(word()),
    builderId: v.optional(word()),
    buildType: v.optional(word()),
    sourceUri: v.optional(word()),
  });

const settings = () =>
  v.strictObject({
    rktKind: v.literal('trust', 'wanted "trust"'),
    rktVersion: v.literal('v1', 'wanted "v1"'),
    allowInsecure: v.optional(v.boolean(), true),
    default: v.optional(v.picklist(['reject', 'insecureAcceptAnything']), 'reject'),
    policy: v.optional(absolute()),
    pinned: v.optional(v.record(prefix(), v.array(digest())), {}),
    requireAttestation: v.optional(v.array(attestation()), []),
  });

const identity = () =>
  v.strictObject({
    issuer: word(),
    san: word(),
    trustedRoot: absolute(),
  });

/** The settings of the administrator. */
export type TrustSettings = v.InferOutput<ReturnType<typeof settings>>;

/** An attestation without which images are refused. */
export type WantedAttestation = TrustSettings['requireAttestation'][number];

/** Whom certificates have to name, and the file of the authorities that may say so. */
export type SigstoreIdentity = v.InferOutput<ReturnType<typeof identity>>;

/** Settings where there is no file. */
export const DEFAULT_SETTINGS: TrustSettings = {
  rktKind: 'trust',
  rktVersion: 'v1',
  allowInsecure: true,
  default: 'reject',
  pinned: {},
  requireAttestation: [],
};

/** Reads `trust.json`: unknown keys, and keys given twice, refuse the file. */
export function parseTrustSettings(bytes: Uint8Array, path: string): TrustSettings {
  return parseConfiguration(settings(), bytes, path);
}

/** Reads a file `NAME.sigstore.json`. */
export function parseSigstoreIdentity(bytes: Uint8Array, path: string): SigstoreIdentity {
  return parseConfiguration(identity(), bytes, path);
}

/** Parses a file of the administrator: what it holds is not understood in part. */
export function parseConfiguration<S extends v.GenericSchema>(
  schema: S,
  bytes: Uint8Array,
  path: string,
): v.InferOutput<S> {
  const what = `"${printable(path)}"`;
  const refuse = (why: string) => new Failure(EXIT.configuration, `cannot read ${what}: ${why}`);
  let data: unknown;
  try {
    data = parseJson(bytes, { what, limitBytes: SETTINGS_BYTES_MAX });
  } catch (error) {
    if (error instanceof Failure) throw new Failure(EXIT.configuration, error.message);
    throw error;
  }
  const result = v.safeParse(schema, data, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw refuse(`${printable(v.getDotPath(issue) ?? 'the document')}: ${printable(issue.message)}`);
}
