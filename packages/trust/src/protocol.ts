// SPDX-License-Identifier: Apache-2.0
// What rkt-trust and the process that reads keys for it say to each other.
import * as v from 'valibot';
import { EXIT, Failure } from '@rkt/exit';
import { parseJson } from '@rkt/formats';

/** Where a file of keys is: its bytes, or a URL to get it from. */
const source = () =>
  v.strictObject({
    /** Where it is, for messages. */
    location: v.string(),
    base64: v.optional(v.pipe(v.string(), v.base64())),
    url: v.optional(v.string()),
    allowHttp: v.optional(v.boolean(), false),
  });

const time = () => v.pipe(v.string(), v.isoTimestamp());

const key = () =>
  v.strictObject({
    kind: v.picklist(['pgp', 'key']),
    /** The name of its file in the trust store. */
    name: v.pipe(v.string(), v.regex(/^([0-9a-f]{40}|[0-9a-f]{64}(\.pub)?)$/)),
    fingerprint: v.pipe(v.string(), v.regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/)),
    algorithm: v.string(),
    bits: v.number(),
    userIds: v.array(v.string()),
    subkeys: v.array(v.strictObject({ fingerprint: v.string(), algorithm: v.string(), bits: v.number() })),
    created: v.optional(time()),
    expires: v.optional(time()),
    revoked: v.boolean(),
    /** Why nothing that it signs can be good. */
    problem: v.optional(v.string()),
    /** What belongs into its file in the trust store. */
    content: v.pipe(v.string(), v.maxLength(512 * 1024)),
  });

/** With which statuses a source is refused. */
export const REFUSALS = [EXIT.dataRefused, EXIT.notFound, EXIT.unavailable, EXIT.notPermitted] as const;

const described = () =>
  v.strictObject({
    location: v.string(),
    keys: v.array(key()),
    /** Why there are none. */
    refusal: v.optional(v.strictObject({ status: v.picklist(REFUSALS), message: v.string() })),
  });

const request = () =>
  v.strictObject({
    sources: v.array(source()),
    /** An image name whose keys are looked for on its web pages besides. */
    discover: v.optional(v.strictObject({ name: v.string(), allowHttp: v.boolean() })),
    /** Variables of the caller that say how servers are reached. */
    environment: v.optional(v.record(v.string(), v.string()), {}),
  });
const answer = () => v.strictObject({ sources: v.array(described()) });

/** What is to be described. */
export type KeyRequest = v.InferInput<ReturnType<typeof request>>;

/** A file of keys that is to be described. */
export type KeySource = v.InferInput<ReturnType<typeof source>>;

/** A key, described. */
export type DescribedKey = v.InferOutput<ReturnType<typeof key>>;

/** A file of keys, described. */
export type DescribedSource = v.InferOutput<ReturnType<typeof described>>;

const BYTES_MAX = 64 * 1024 * 1024;

/** Reads the request of rkt-trust. */
export function parseRequest(bytes: Uint8Array) {
  return parse(request(), bytes);
}

/** Reads the answer of the process that parsed what strangers wrote: believed for what keys are, never for what to do. */
export function parseAnswer(bytes: Uint8Array): DescribedSource[] {
  return parse(answer(), bytes).sources;
}

function parse<S extends v.GenericSchema>(schema: S, bytes: Uint8Array): v.InferOutput<S> {
  const result = v.safeParse(schema, parseJson(bytes, { what: 'a description of keys', limitBytes: BYTES_MAX }));
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new Failure(EXIT.bug, `cannot read a description of keys: ${v.getDotPath(issue) ?? ''}: ${issue.message}`);
}
