// SPDX-License-Identifier: Apache-2.0
// The configuration files of rkt's administrator: JSON objects with a kind and a version.
import * as v from 'valibot';
import { EXIT, Failure } from '@rkt/exit';
import { checkForeign } from './foreign.ts';
import { parseJson } from './json.ts';

const FILE_BYTES_MAX = 1024 * 1024;

const version = v.literal('v1');
const text = v.pipe(v.string(), v.nonEmpty());
const hosts = v.pipe(v.array(text), v.nonEmpty(), v.maxLength(1000));
// A colon in a name would end it: RFC 7617.
const user = v.pipe(text, v.excludes(':'));

const aws = v.object({ accessKeyID: text, secretAccessKey: text, awsRegion: v.optional(text) });

const auth = v.intersect([
  v.object({ rktKind: v.literal('auth'), rktVersion: version, domains: hosts }),
  v.variant('type', [
    v.object({ type: v.literal('basic'), credentials: v.object({ user, password: text }) }),
    v.object({ type: v.literal('oauth'), credentials: v.object({ token: text }) }),
    v.object({ type: v.literal('aws'), credentials: aws }),
  ]),
]);

const dockerAuth = v.object({
  rktKind: v.literal('dockerAuth'),
  rktVersion: version,
  registries: hosts,
  credentials: v.object({ user, password: text }),
});

/** How to log in to servers, the kind `auth`, or to registries, the kind `dockerAuth`. */
export type AuthConfig = v.InferOutput<typeof auth> | v.InferOutput<typeof dockerAuth>;

/** A key of Amazon's, and the region that requests are signed for; without one it is that of the host. */
export type AwsCredentials = v.InferOutput<typeof aws>;

/** Reads a file of `auth.d`; the path is for the message. */
export function parseAuthConfig(bytes: Uint8Array, path: string): AuthConfig {
  const what = `"${path}"`;
  try {
    const data = parseJson(bytes, { what, limitBytes: FILE_BYTES_MAX });
    const { rktKind } = checkForeign(v.object({ rktKind: v.picklist(['auth', 'dockerAuth']) }), data, what);
    return rktKind === 'auth' ? checkForeign(auth, data, what) : checkForeign(dockerAuth, data, what);
  } catch (error) {
    // It is the administrator who is wrong, not a stranger.
    if (error instanceof Failure) throw new Failure(EXIT.configuration, error.message, { cause: error });
    throw error;
  }
}
