// SPDX-License-Identifier: Apache-2.0
import { hexOf, printable, type Digest } from '@rkt/names';
import { objectOf, parse, type JsonObject } from './json.ts';
import { Refused } from './refusal.ts';
import { NO_CLAIMS, type Claims } from './verdict.ts';

/** The most subjects that a statement may have. */
const SUBJECTS_MAX = 4096;

/** What cosign calls the signature of an image. */
export const SIGN_PREDICATE_TYPE = 'https://sigstore.dev/cosign/sign/v1';

const STATEMENT_TYPES: readonly unknown[] = ['https://in-toto.io/Statement/v1', 'https://in-toto.io/Statement/v0.1'];

/** An in-toto statement, whoever makes it. */
export interface Statement {
  readonly statement: JsonObject;
  readonly predicateType: string;
  readonly predicate: unknown;
  /** What stands under `sha256` for each of its subjects. */
  readonly digests: readonly unknown[];
}

/** Reads an in-toto statement. */
export function parseStatement(bytes: Uint8Array): Statement {
  const statement = objectOf(parse(bytes, bytes.byteLength), 'the statement');
  if (!STATEMENT_TYPES.includes(statement['_type']))
    throw new Refused('wrong-type', `it signs "${printable(String(statement['_type']))}": wanted an in-toto statement`);
  const { predicateType, subject, predicate } = statement;
  if (typeof predicateType !== 'string') throw new Refused('malformed', 'the statement has no predicate type');
  if (!Array.isArray(subject) || subject.length === 0 || subject.length > SUBJECTS_MAX)
    throw new Refused('malformed', 'the statement is about no subject, or about too many');
  const digests = subject.map((one) => objectOf(objectOf(one, 'a subject')['digest'], '"digest"')['sha256']);
  return { statement, predicateType, predicate, digests };
}

/**
 * What an in-toto statement says, if one of its subjects has the digest under the same algorithm.
 *
 * To be called once the signature has proved good. `predicateType`, if given, is the only one that will do: an SBOM by the same key
 * is no approval of an image.
 */
export function readStatement(bytes: Uint8Array, digest: Digest, wantedType?: string): Claims {
  const { statement, predicateType, predicate, digests } = parseStatement(bytes);
  if (wantedType !== undefined && predicateType !== wantedType)
    throw new Refused(
      'wrong-type',
      `it is an attestation of type "${printable(predicateType)}", not a signature of an image`,
    );
  if (!digests.includes(hexOf(digest))) {
    const [first] = digests;
    const other = typeof first === 'string' ? `sha256:${printable(first)}` : 'something else';
    throw new Refused('wrong-digest', `it is about ${other}, not ${digest}`);
  }
  return { ...NO_CLAIMS, digest, predicateType, predicate, statement };
}
