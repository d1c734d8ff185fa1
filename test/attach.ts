// SPDX-License-Identifier: Apache-2.0
// Signatures as cosign makes them, and what attaches them to images of a registry.
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const IN_TOTO = 'application/vnd.in-toto+json';

/** The predicate type by which cosign signs an image. */
const SIGN = 'https://sigstore.dev/cosign/sign/v1';

/** What a manifest points at. */
export interface Described {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** An artifact: its manifest, and the blobs that this points at. */
export interface Artifact {
  readonly manifest: Buffer;
  readonly blobs: readonly Buffer[];
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes);

/** The digest of these bytes. */
export const digestOf = (bytes: Uint8Array): string => `sha256:${sha256(bytes).digest('hex')}`;

/** These bytes as a manifest points at them. */
export const describe = (bytes: Uint8Array, mediaType: string): Described => ({
  mediaType,
  digest: digestOf(bytes),
  size: bytes.byteLength,
});

/** The tag for an image: of what cosign attaches with an ending, of the list of its referrers without. */
export const tagOf = (digest: string, ending = ''): string => `${digest.replace(':', '-')}${ending}`;

/** A key pair, with the public key as a file of the trust store. */
export function makeKey() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const fingerprint = sha256(publicKey.export({ format: 'der', type: 'spki' })).digest('hex');
  const pem = String(publicKey.export({ format: 'pem', type: 'spki' }));
  return { privateKey, pem, fileName: `${fingerprint}.pub` };
}

/** What cosign kept under the tag `.sig` before bundles. */
export function cosignImage(digest: string, repository: string, privateKey: KeyObject): Artifact {
  const payload = json({
    critical: {
      identity: { 'docker-reference': repository },
      image: { 'docker-manifest-digest': digest },
      type: 'cosign container image signature',
    },
    optional: null,
  });
  const annotations = { 'dev.cosignproject.cosign/signature': sign('sha256', payload, privateKey).toString('base64') };
  const config = json({
    architecture: '',
    os: '',
    config: {},
    rootfs: { type: 'layers', diff_ids: [digestOf(payload)] },
  });
  const layer = { ...describe(payload, 'application/vnd.dev.cosign.simplesigning.v1+json'), annotations };
  return artifactOf({ config: describe(config, 'application/vnd.oci.image.config.v1+json'), layers: [layer] }, [
    config,
    payload,
  ]);
}

/** A bundle that refers to an image, which cosign has made since: a signature, unless it has another predicate type. */
export function bundleArtifact(subject: Described, privateKey: KeyObject, predicateType = SIGN): Artifact {
  const content = bundleOf(statementOf(subject, predicateType), privateKey);
  return referrer(subject, {
    type: BUNDLE,
    content,
    annotations: { 'dev.sigstore.bundle.predicateType': predicateType },
  });
}

/** A payload in an envelope with one signature. */
export function envelopeOf(payload: Buffer, privateKey: KeyObject): object {
  const head = `DSSEv1 ${IN_TOTO.length} ${IN_TOTO} ${payload.length} `;
  const sig = sign('sha256', Buffer.concat([Buffer.from(head), payload]), privateKey).toString('base64');
  return { payload: payload.toString('base64'), payloadType: IN_TOTO, signatures: [{ sig, keyid: '' }] };
}

/** A bundle of a payload that a bare key has signed. */
export function bundleOf(payload: Buffer, privateKey: KeyObject): Buffer {
  const verificationMaterial = { publicKey: { hint: '' }, tlogEntries: [] };
  return json({ mediaType: BUNDLE, verificationMaterial, dsseEnvelope: envelopeOf(payload, privateKey) });
}

/** What cosign kept under the tag `.att` before bundles. */
export function attestationImage(payloads: readonly Buffer[], privateKey: KeyObject): Artifact {
  const envelopes = payloads.map((payload) => json(envelopeOf(payload, privateKey)));
  const config = json({ architecture: '', os: '', rootfs: { type: 'layers', diff_ids: [] } });
  const layers = envelopes.map((bytes) => describe(bytes, 'application/vnd.dsse.envelope.v1+json'));
  const described = describe(config, 'application/vnd.oci.image.config.v1+json');
  return artifactOf({ config: described, layers }, [config, ...envelopes]);
}

/** What a referrer is made of. */
export interface ReferrerContent {
  readonly type: string;
  readonly content: Buffer;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** An artifact of one layer that refers to an image. */
export function referrer(subject: Described, { type, content, annotations = {} }: ReferrerContent): Artifact {
  const config = describe(Buffer.from('{}'), 'application/vnd.oci.empty.v1+json');
  const layers = [describe(content, type)];
  return artifactOf({ artifactType: type, config, layers, subject, annotations }, [Buffer.from('{}'), content]);
}

/** An in-toto statement about an image that nobody has signed. */
export function statementOf(subject: Pick<Described, 'digest'>, predicateType: string, predicate: object = {}): Buffer {
  const about = [{ name: '_', digest: { sha256: subject.digest.slice('sha256:'.length) } }];
  return json({ _type: 'https://in-toto.io/Statement/v0.1', subject: about, predicateType, predicate });
}

/** What BuildKit puts beside an image into its index: statements by their predicate types. */
export function buildkitManifest(statements: ReadonlyMap<string, Buffer>): Artifact {
  const blobs = [...statements.values()];
  const config = json({
    architecture: 'unknown',
    os: 'unknown',
    rootfs: { type: 'layers', diff_ids: blobs.map(digestOf) },
  });
  const layers = [...statements].map(([type, bytes]) => ({
    ...describe(bytes, IN_TOTO),
    annotations: { 'in-toto.io/predicate-type': type },
  }));
  const described = describe(config, 'application/vnd.oci.image.config.v1+json');
  return artifactOf({ config: described, layers }, [config, ...blobs]);
}

/** An index of an image and of the statements about it, as BuildKit pushes it. */
export function buildkitIndex(image: Described, attestation: Artifact, about: string = image.digest): Buffer {
  const annotations = { 'vnd.docker.reference.digest': about, 'vnd.docker.reference.type': 'attestation-manifest' };
  const { mediaType, digest, size } = image;
  const manifests = [
    { mediaType, digest, size, platform: { os: 'linux', architecture: 'amd64' } },
    { ...describe(attestation.manifest, MANIFEST), annotations, platform: { os: 'unknown', architecture: 'unknown' } },
  ];
  return json({ schemaVersion: 2, mediaType: INDEX, manifests });
}

const artifactOf = (fields: object, blobs: readonly Buffer[]): Artifact => ({
  manifest: json({ schemaVersion: 2, mediaType: MANIFEST, ...fields }),
  blobs,
});

/** The list of the artifacts of an image, as registries answer it or keep it under a tag. */
export function referrersIndex(artifacts: readonly Artifact[]): Buffer {
  const manifests = artifacts.map(({ manifest }) => {
    const { artifactType, annotations }: { artifactType: string; annotations: object } = JSON.parse(String(manifest));
    return { ...describe(manifest, MANIFEST), artifactType, annotations };
  });
  return json({ schemaVersion: 2, mediaType: INDEX, manifests });
}

/** Puts an artifact into a registry without TLS and passwords, under a tag or under its digest alone. */
export async function pushArtifact(name: string, { manifest, blobs }: Artifact, tag?: string): Promise<void> {
  const [host = '', ...path] = name.split('/');
  const base = `http://${host}/v2/${path.join('/')}`;
  for (const blob of blobs) {
    const begun = await fetch(`${base}/blobs/uploads/`, { method: 'POST' });
    const place = new URL(begun.headers.get('location') ?? '', base);
    place.searchParams.set('digest', digestOf(blob));
    await put(place.href, blob, 'application/octet-stream');
  }
  const { mediaType }: { mediaType: string } = JSON.parse(String(manifest));
  await put(`${base}/manifests/${tag ?? digestOf(manifest)}`, manifest, mediaType);
}

async function put(url: string, body: Buffer, type: string): Promise<void> {
  const answer = await fetch(url, { method: 'PUT', body: new Uint8Array(body), headers: { 'content-type': type } });
  assert.equal(answer.status, 201, `PUT ${url}: ${await answer.text()}`);
}
