// SPDX-License-Identifier: Apache-2.0
// Signatures as cosign makes them, by bare keys and by an instance of sigstore of our own.
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { initializeCA, initializeCTLog, initializeTLog } from '@sigstore/mock';
import { MEDIA_TYPE, printArtifactManifest, SIGNATURE_TYPE } from '@rkt/formats';
import { parseDigest, type Digest } from '@rkt/names';
import { type Signed } from '@rkt/pod-fixtures';
import { type Store } from '@rkt/store';

const IN_TOTO = 'application/vnd.in-toto+json';
const SIGN = 'https://sigstore.dev/cosign/sign/v1';

const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();
const digestOf = (bytes: Uint8Array): Digest => parseDigest(`sha256:${sha256(bytes).toString('hex')}`);
const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString('base64');
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** A key pair, and the file of the public key with its name in the trust store. */
export function makeKey() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const der = publicKey.export({ format: 'der', type: 'spki' });
  const fingerprint = sha256(der).toString('hex');
  return {
    privateKey,
    publicKey,
    fingerprint,
    name: `${fingerprint}.pub`,
    pem: String(publicKey.export({ format: 'pem', type: 'spki' })),
  };
}

/** An in-toto statement about an image in an envelope, signed. */
function envelope(digest: Digest, privateKey: KeyObject, { predicateType = SIGN, predicate = {} }: Statement = {}) {
  const subject = [{ digest: { sha256: digest.slice('sha256:'.length) } }];
  const payload = json({ _type: 'https://in-toto.io/Statement/v1', subject, predicateType, predicate });
  const signed = Buffer.concat([Buffer.from(`DSSEv1 ${IN_TOTO.length} ${IN_TOTO} ${payload.length} `), payload]);
  const signature = sign('sha256', signed, privateKey);
  return {
    payload,
    signature,
    content: { payload: base64(payload), payloadType: IN_TOTO, signatures: [{ sig: base64(signature), keyid: '' }] },
  };
}

/** What a statement says of the image. */
export interface Statement {
  readonly predicateType?: string;
  readonly predicate?: object;
}

/** A bundle that a bare key has signed. */
export function keyBundle(digest: Digest, privateKey: KeyObject, statement?: Statement): Buffer {
  const { content } = envelope(digest, privateKey, statement);
  const verificationMaterial = { publicKey: { hint: 'hint' }, tlogEntries: [] };
  return json({ mediaType: SIGNATURE_TYPE.bundle, verificationMaterial, dsseEnvelope: content });
}

/** Puts bundles into a store as a registry serves them. */
export async function addBundles(store: Store, subject: Signed, bundles: readonly Buffer[]): Promise<void> {
  for (const bundle of bundles) {
    const layers = [{ mediaType: SIGNATURE_TYPE.bundle, digest: digestOf(bundle), size: bundle.byteLength }];
    const manifest = printArtifactManifest({ artifactType: SIGNATURE_TYPE.bundle, subject, layers });
    await store.addArtifact({ subject: subject.digest, manifest: Buffer.from(manifest), blobs: [bundle] });
  }
}

/** Puts a signature of old cosign into a store, as it lies under the tag `.sig`. */
export async function addCosign(
  store: Store,
  subject: Signed,
  { privateKey, repository }: { privateKey: KeyObject; repository: string },
): Promise<void> {
  const critical = {
    identity: { 'docker-reference': repository },
    image: { 'docker-manifest-digest': subject.digest },
    type: 'cosign container image signature',
  };
  const payload = json({ critical, optional: null });
  const annotations = { 'dev.cosignproject.cosign/signature': base64(sign('sha256', payload, privateKey)) };
  const describe = (bytes: Buffer, mediaType: string) => ({
    mediaType,
    digest: digestOf(bytes),
    size: bytes.byteLength,
  });
  const config = json({ architecture: '' });
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: describe(config, MEDIA_TYPE.config),
    layers: [{ ...describe(payload, SIGNATURE_TYPE.cosign), annotations }],
  };
  await store.addArtifact({ subject: subject.digest, manifest: json(manifest), blobs: [config, payload] });
}

const view = (bytes: ArrayBufferView): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const pem = (label: string, der: Uint8Array) =>
  `-----BEGIN ${label}-----\n${base64(der).replace(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`;

/** An instance of sigstore: its trusted root, its certificates and keys in PEM, and bundles of identities that it certifies. */
export async function makeInstance() {
  // Certificates of the authority begin when they are made: the log has a later time.
  const time = new Date(Math.floor(Date.now() / 1000) * 1000 + 60_000);
  const [caKeys, ctKeys, logKeys] = ['P-384', 'P-256', 'P-256'].map((namedCurve) =>
    generateKeyPairSync('ec', { namedCurve }),
  );
  assert.ok(caKeys && ctKeys && logKeys);
  const ctLog = await initializeCTLog(ctKeys, time);
  const ca = await initializeCA(caKeys, ctLog, time);
  const log = await initializeTLog('https://rekor.example.com', logKeys, time);
  const validFor = { start: '2020-01-01T00:00:00Z' };
  const logOf = (baseUrl: string, key: Buffer) => ({
    baseUrl,
    hashAlgorithm: 'SHA2_256',
    publicKey: { rawBytes: base64(key), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor },
    logId: { keyId: base64(sha256(key)) },
  });
  const certificates = [{ rawBytes: base64(view(ca.rootCertificate)) }];
  const root = {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [logOf('https://rekor.example.com', log.publicKey)],
    certificateAuthorities: [
      { subject: { organization: '', commonName: '' }, uri: '', certChain: { certificates }, validFor },
    ],
    ctlogs: [logOf('https://ct.example.com', ctLog.publicKey)],
    timestampAuthorities: [],
  };
  const bundle = async (digest: Digest, { issuer, san }: { issuer: string; san: string }): Promise<Buffer> => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const extensions = [{ oid: '1.3.6.1.4.1.57264.1.8', value: issuer, legacy: false }];
    const spki = publicKey.export({ format: 'der', type: 'spki' });
    const certificate = view(
      await ca.issueCertificate({ publicKey: Buffer.from(spki), subjectAltName: san, extensions }),
    );
    const { payload, signature, content } = envelope(digest, privateKey);
    const verifier = base64(pem('CERTIFICATE', certificate));
    const payloadHash = { algorithm: 'sha256', value: sha256(payload).toString('hex') };
    const body = {
      apiVersion: '0.0.1',
      kind: 'dsse',
      spec: { payloadHash, signatures: [{ signature: base64(signature), verifier }] },
    };
    const tlogEntries = [entryOf(await log.log(body))];
    const verificationMaterial = { certificate: { rawBytes: base64(certificate) }, tlogEntries };
    return json({ mediaType: SIGNATURE_TYPE.bundle, verificationMaterial, dsseEnvelope: content });
  };
  return {
    root,
    bundle,
    authorityPem: pem('CERTIFICATE', view(ca.rootCertificate)),
    logPem: pem('PUBLIC KEY', log.publicKey),
  };
}

interface LogAnswer {
  readonly body: string;
  readonly integratedTime: number;
  readonly logID: string;
  readonly logIndex: number;
  readonly verification: {
    readonly signedEntryTimestamp: string;
    readonly inclusionProof: { logIndex: number; treeSize: number; checkpoint: string; rootHash: string };
  };
}

/** What a log answers, as a bundle keeps it. */
function entryOf(answer: object): object {
  const entries: Record<string, LogAnswer> = JSON.parse(JSON.stringify(answer));
  const entry = Object.values(entries)[0] ?? assert.fail();
  const proof = entry.verification.inclusionProof;
  return {
    logIndex: String(entry.logIndex),
    logId: { keyId: Buffer.from(entry.logID, 'hex').toString('base64') },
    kindVersion: { kind: 'dsse', version: '0.0.1' },
    integratedTime: String(entry.integratedTime),
    inclusionPromise: { signedEntryTimestamp: entry.verification.signedEntryTimestamp },
    inclusionProof: {
      logIndex: String(proof.logIndex),
      treeSize: String(proof.treeSize),
      rootHash: Buffer.from(proof.rootHash, 'hex').toString('base64'),
      hashes: [],
      checkpoint: { envelope: proof.checkpoint },
    },
    canonicalizedBody: entry.body,
  };
}
