// SPDX-License-Identifier: Apache-2.0
// What the tests of OpenPGP ask with.
import assert from 'node:assert/strict';
import {
  parsePgpKeys,
  verifyDetached,
  type PgpKey,
  type RefusalCode,
  type TrustedPgpKey,
  type Verdict,
} from '../src/index.ts';

/** The keys of a file, all trusted in the same way. */
export async function trusted(file: Uint8Array, outdated = false): Promise<TrustedPgpKey[]> {
  return (await parsePgpKeys(file, 'test key')).map((key: PgpKey) => ({ key, outdated }));
}

/** The content in one piece. */
export async function* whole(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
}

/** Fails unless the verdict is bad for this reason, said in one printable line. */
export function assertBad(verdict: Verdict, code: RefusalCode, what: string): void {
  assert.equal(verdict.outcome, 'bad', what);
  assert.equal(verdict.code, code, `${what}: ${verdict.reason}`);
  assert.match(verdict.reason, /^[\x20-\x7e]+[^.]$/, what);
}

/** Fails unless the verdict is good, by the key with this fingerprint. */
export function assertGood(
  verdict: Verdict,
  fingerprint: string,
  what: string,
): asserts verdict is Verdict & { outcome: 'good' } {
  assert.equal(verdict.outcome, 'good', `${what}: ${'reason' in verdict ? verdict.reason : ''}`);
  assert.equal(verdict.signer.kind, 'pgp', what);
  assert.equal(verdict.signer.fingerprint, fingerprint, what);
}

/** Verifies the one file of signatures of a content. */
export async function verifyFile(
  content: AsyncIterable<Uint8Array>,
  question: { readonly signature: Uint8Array; readonly keys: readonly TrustedPgpKey[]; readonly now: Date },
) {
  const { signature, ...rest } = question;
  const { verdicts, ...sums } = await verifyDetached(content, { signatures: [signature], ...rest });
  const [verdict = assert.fail('no verdict'), ...more] = verdicts;
  assert.deepEqual(more, []);
  return { verdict, ...sums };
}
