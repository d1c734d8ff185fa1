// SPDX-License-Identifier: Apache-2.0
import * as v from 'valibot';
import { isDigest, type Digest } from '@rkt/names';
import { parseOwn } from './own.ts';

const digest = v.custom<Digest>((value) => typeof value === 'string' && isDigest(value));

/** What a server says to recognise a file by, if it does. */
const validators = {
  etag: v.optional(v.string()),
  lastModified: v.optional(v.string()),
};

const remote = v.strictObject({
  version: v.literal(1),
  /** Where it is downloaded from: an address of http, https or file. */
  url: v.string(),
  /** What was downloaded last. */
  image: v.optional(
    v.strictObject({
      /** The manifest of the image in the store. */
      manifest: digest,
      /** Milliseconds since 1970: when it was downloaded, and until when the server need not be asked again. */
      downloaded: v.number(),
      fresh: v.number(),
      ...validators,
    }),
  ),
  /** What is being downloaded, of which a part is there. */
  partial: v.optional(v.strictObject(validators)),
});

/** What the store remembers of a file that was downloaded, or is being: `remote/HEX.json`, named by the digest of the address. */
export type Remote = v.InferOutput<typeof remote>;

/** Reads a record of a download; the path is for the message. */
export function parseRemote(text: string, path: string): Remote {
  return parseOwn(remote, text, path);
}

/** The text of a record of a download. */
export function printRemote(record: Omit<Remote, 'version'>): string {
  return `${JSON.stringify({ version: 1, ...record }, null, 2)}\n`;
}
