// SPDX-License-Identifier: Apache-2.0
// containers-policy.json(5): which signatures images need, as podman and skopeo read it.
import * as v from 'valibot';
import { parseConfiguration } from './trust-settings.ts';

const text = () => v.pipe(v.string(), v.minLength(1, 'wanted some text'));
const texts = () => v.pipe(v.array(text()), v.minLength(1, 'wanted at least one'));
const base64 = () => v.pipe(text(), v.base64('wanted base64'));
const base64s = () => v.pipe(v.array(base64()), v.minLength(1, 'wanted at least one'));

const signedIdentity = () =>
  v.variant('type', [
    v.strictObject({ type: v.picklist(['matchExact', 'matchRepoDigestOrExact', 'matchRepository']) }),
    v.strictObject({ type: v.literal('exactReference'), dockerReference: text() }),
    v.strictObject({ type: v.literal('exactRepository'), dockerRepository: text() }),
    v.strictObject({ type: v.literal('remapIdentity'), prefix: text(), signedPrefix: text() }),
  ]);

const signedBy = () =>
  v.pipe(
    v.strictObject({
      type: v.literal('signedBy'),
      keyType: v.literal('GPGKeys', 'wanted "GPGKeys"'),
      keyPath: v.optional(text()),
      keyPaths: v.optional(texts()),
      keyData: v.optional(base64()),
      signedIdentity: v.optional(signedIdentity()),
    }),
    v.check(
      (found) => count(found, ['keyPath', 'keyPaths', 'keyData']) === 1,
      'wanted one of keyPath, keyPaths, keyData',
    ),
  );

const fulcio = () =>
  v.pipe(
    v.strictObject({
      caPath: v.optional(text()),
      caData: v.optional(base64()),
      oidcIssuer: text(),
      subjectEmail: text(),
    }),
    v.check((found) => count(found, ['caPath', 'caData']) === 1, 'wanted one of caPath, caData'),
  );

const pki = () =>
  v.pipe(
    v.strictObject({
      caRootsPath: v.optional(text()),
      caRootsData: v.optional(base64()),
      caIntermediatesPath: v.optional(text()),
      caIntermediatesData: v.optional(base64()),
      subjectEmail: v.optional(text()),
      subjectHostname: v.optional(text()),
    }),
    v.check((found) => count(found, ['caRootsPath', 'caRootsData']) === 1, 'wanted one of caRootsPath, caRootsData'),
    v.check(
      (found) => count(found, ['caIntermediatesPath', 'caIntermediatesData']) <= 1,
      'wanted at most one of caIntermediatesPath, caIntermediatesData',
    ),
    v.check(
      (found) => count(found, ['subjectEmail', 'subjectHostname']) >= 1,
      'wanted subjectEmail or subjectHostname',
    ),
  );

const KEYS = ['keyPath', 'keyPaths', 'keyData', 'keyDatas', 'fulcio', 'pki'] as const;
const REKOR = ['rekorPublicKeyPath', 'rekorPublicKeyPaths', 'rekorPublicKeyData', 'rekorPublicKeyDatas'] as const;

const sigstoreSigned = () =>
  v.pipe(
    v.strictObject({
      type: v.literal('sigstoreSigned'),
      keyPath: v.optional(text()),
      keyPaths: v.optional(texts()),
      keyData: v.optional(base64()),
      keyDatas: v.optional(base64s()),
      fulcio: v.optional(fulcio()),
      pki: v.optional(pki()),
      rekorPublicKeyPath: v.optional(text()),
      rekorPublicKeyPaths: v.optional(texts()),
      rekorPublicKeyData: v.optional(base64()),
      rekorPublicKeyDatas: v.optional(base64s()),
      signedIdentity: v.optional(signedIdentity()),
    }),
    v.check((found) => count(found, KEYS) === 1, `wanted one of ${KEYS.join(', ')}`),
    v.check((found) => count(found, REKOR) <= 1, `wanted at most one of ${REKOR.join(', ')}`),
    v.check(
      (found) => found.fulcio === undefined || count(found, REKOR) === 1,
      `fulcio: wanted one of ${REKOR.join(', ')}`,
    ),
    v.check((found) => found.pki === undefined || count(found, REKOR) === 0, `pki: wanted none of ${REKOR.join(', ')}`),
  );

const requirement = () =>
  v.variant(
    'type',
    [v.strictObject({ type: v.picklist(['insecureAcceptAnything', 'reject']) }), signedBy(), sigstoreSigned()],
    'wanted insecureAcceptAnything, reject, signedBy or sigstoreSigned',
  );

const requirements = () => v.pipe(v.array(requirement()), v.minLength(1, 'wanted at least one requirement'));

const policy = () =>
  v.strictObject({
    default: requirements(),
    transports: v.optional(v.record(v.string(), v.record(v.string(), requirements())), {}),
  });

function count(found: Readonly<Record<string, unknown>>, names: readonly string[]): number {
  return names.filter((name) => found[name] !== undefined).length;
}

/** The whole policy. */
export type ContainersPolicy = v.InferOutput<ReturnType<typeof policy>>;

/** One requirement: all of a list have to be met. */
export type ContainersRequirement = ContainersPolicy['default'][number];

/** How the name in a signature is compared with the name of the image. */
export type SignedIdentity = v.InferOutput<ReturnType<typeof signedIdentity>>;

/** Reads a policy file: unknown keys, and keys given twice, refuse it whole. */
export function parseContainersPolicy(bytes: Uint8Array, path: string): ContainersPolicy {
  return parseConfiguration(policy(), bytes, path);
}
