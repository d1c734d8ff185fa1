// SPDX-License-Identifier: Apache-2.0
// An instance of sigstore with authorities and logs of its own, and bundles as cosign makes them.
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, randomInt, sign, type KeyObject } from 'node:crypto';
import { initializeCA, initializeCTLog, initializeTLog, initializeTSA } from '@sigstore/mock';
import { parseDigest, type Digest } from '@rkt/names';
import { preAuthEncoding } from '../src/bytes.ts';
import {
  parseTrustedRoot,
  type Good,
  type RefusalCode,
  type Signer,
  type TrustedRoot,
  type Verdict,
} from '../src/index.ts';

export const ISSUER = 'https://token.actions.example.com';
export const SAN = 'https://github.example.com/acme/app/.github/workflows/release.yml@refs/tags/v1';
export const MEDIA_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const IN_TOTO = 'application/vnd.in-toto+json';

export const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();
export const digestOf = (bytes: Uint8Array): Digest => parseDigest(`sha256:${sha256(bytes).toString('hex')}`);
const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString('base64');

export const pairOf = (namedCurve = 'P-256') => generateKeyPairSync('ec', { namedCurve });
const spkiOf = (key: KeyObject): Buffer => key.export({ format: 'der', type: 'spki' });
export const pemOf = (key: KeyObject): string => String(key.export({ format: 'pem', type: 'spki' }));
export const certificatePem = (der: Uint8Array): string =>
  `-----BEGIN CERTIFICATE-----\n${base64(der).replace(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`;

/** What signs: a key, and the certificate for it if there is one. */
export interface Signing {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly certificate?: Buffer | undefined;
}

type Json = Record<string, unknown>;

/** A signature, and what it is about in the terms of a log. */
export interface Made {
  readonly content: Json;
  readonly signature: Buffer;
  /** Envelopes are logged by the digest of their payload, messages by that of themselves. */
  readonly kind: 'dsse' | 'hashedrekord';
  readonly logged: Buffer;
}

/** The same as a log keeps it that knows nothing of envelopes. */
export function asMessage(made: Made, payload: string): Made {
  return { ...made, kind: 'hashedrekord', logged: preAuthEncoding(IN_TOTO, Buffer.from(payload)) };
}

/** An in-toto statement about an image. */
export function statementOf(digest: string, predicateType = 'https://sigstore.dev/cosign/sign/v1'): string {
  const subject = [{ digest: { sha256: digest.replace('sha256:', '') } }];
  return JSON.stringify({ _type: 'https://in-toto.io/Statement/v1', subject, predicateType, predicate: {} });
}

/** An envelope with one signature. */
export function envelopeOf(
  payload: string,
  { privateKey }: Signing,
  { payloadType = IN_TOTO, hash = 'sha256' }: { payloadType?: string; hash?: string | null } = {},
): Made {
  const bytes = Buffer.from(payload);
  const signature = sign(hash, preAuthEncoding(payloadType, bytes), privateKey);
  const signatures = [{ sig: base64(signature), keyid: '' }];
  const content = { dsseEnvelope: { payload: base64(bytes), payloadType, signatures } };
  return { content, signature, kind: 'dsse', logged: bytes };
}

/** A signature directly over the content. */
export function messageOf(bytes: Buffer, { privateKey }: Signing): Made {
  const signature = sign('sha256', bytes, privateKey);
  const messageDigest = { algorithm: 'SHA2_256', digest: base64(sha256(bytes)) };
  return {
    content: { messageSignature: { messageDigest, signature: base64(signature) } },
    signature,
    kind: 'hashedrekord',
    logged: bytes,
  };
}

/** The key or certificate in PEM, as the first generation of logs keeps it. */
const verifierPem = ({ certificate, publicKey }: Signing): string =>
  base64(certificate === undefined ? pemOf(publicKey) : certificatePem(certificate));

/** What is sent to a log of the first generation. */
export function entryFor({ kind, logged, signature }: Made, signing: Signing): Json {
  const hash = { algorithm: 'sha256', value: sha256(logged).toString('hex') };
  const spec =
    kind === 'dsse'
      ? { payloadHash: hash, signatures: [{ signature: base64(signature), verifier: verifierPem(signing) }] }
      : { data: { hash }, signature: { content: base64(signature), publicKey: { content: verifierPem(signing) } } };
  return { apiVersion: '0.0.1', kind, spec };
}

/** What a log of the second generation keeps. */
export function entryForV2({ kind, logged, signature }: Made, { certificate, publicKey }: Signing): Json {
  const key =
    certificate === undefined
      ? { publicKey: { rawBytes: base64(spkiOf(publicKey)) } }
      : { x509Certificate: { rawBytes: base64(certificate) } };
  const verifier = { ...key, keyDetails: 'PKIX_ECDSA_P256_SHA_256' };
  const digest = { algorithm: 'SHA2_256', digest: base64(sha256(logged)) };
  const spec =
    kind === 'dsse'
      ? { dsseV002: { payloadHash: digest, signatures: [{ content: base64(signature), verifier }] } }
      : { hashedRekordV002: { data: digest, signature: { content: base64(signature), verifier } } };
  return { apiVersion: '0.0.2', kind, spec };
}

/** A bundle of the newest version, without proofs. */
export function bundleOf({ content }: Made, { certificate }: Signing, more: Json = {}): Json {
  const key =
    certificate === undefined ? { publicKey: { hint: 'hint' } } : { certificate: { rawBytes: base64(certificate) } };
  return { mediaType: MEDIA_TYPE, verificationMaterial: { ...key, tlogEntries: [], ...more }, ...content };
}

/** The bytes of a bundle. */
export const bytesOf = (document: unknown): Buffer => Buffer.from(JSON.stringify(document));

/** In a minute, since the certificates of authorities begin when they are made; whole seconds, since others are not always read. */
const soon = (): Date => new Date(Math.floor(Date.now() / 1000) * 1000 + 60_000);

/** One instance: its root, and what its services do; at times of their own if they are given. */
export async function makeInstance({ issued = soon(), logged = issued }: { issued?: Date; logged?: Date } = {}) {
  const [caKeys, ctKeys, logKeys, tsaKeys] = [pairOf('P-384'), pairOf(), pairOf(), pairOf('P-384')];
  const ctLog = await initializeCTLog(ctKeys, issued);
  const ca = await initializeCA(caKeys, ctLog, issued);
  const log = await initializeTLog('https://rekor.example.com', logKeys, logged);
  const tsa = await initializeTSA(tsaKeys, logged);
  const validFor = { start: '2020-01-01T00:00:00Z' };
  const logOf = (baseUrl: string, key: Buffer) => ({
    baseUrl,
    hashAlgorithm: 'SHA2_256',
    publicKey: { rawBytes: base64(key), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor },
    logId: { keyId: base64(sha256(key)) },
  });
  const authorityOf = (uri: string, ...chain: ArrayBufferView[]) => ({
    subject: { organization: 'example', commonName: uri },
    uri,
    certChain: { certificates: chain.map((der) => ({ rawBytes: base64(bytesOfView(der)) })) },
    validFor,
  });
  const document = {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [logOf('https://rekor.example.com', log.publicKey)],
    certificateAuthorities: [authorityOf('https://fulcio.example.com', ca.rootCertificate)],
    ctlogs: [logOf('https://ct.example.com', ctLog.publicKey)],
    timestampAuthorities: [authorityOf('https://tsa.example.com', tsa.intCertificate, tsa.rootCertificate)],
  };
  return {
    document,
    /** The root, or one with changes. */
    root: (changed: object = document): Promise<TrustedRoot> => parseTrustedRoot(bytesOf(changed), 'root "x.json"'),
    /** A key with a certificate for an identity. */
    certify: async ({ san = SAN, issuer = ISSUER, old = false } = {}): Promise<Signing> => {
      const keys = pairOf();
      const extensions = [{ oid: `1.3.6.1.4.1.57264.1.${old ? 1 : 8}`, value: issuer, legacy: old }];
      const der = await ca.issueCertificate({
        publicKey: Buffer.from(spkiOf(keys.publicKey)),
        subjectAltName: san,
        extensions,
      });
      return { ...keys, certificate: bytesOfView(der) };
    },
    /** An entry of a bundle for what a log of the first generation was sent, with its promise and its proof. */
    logV1: async (body: Json): Promise<Json> => entryOfBundle(await log.log(body), body),
    /** An entry of a log of the second generation: a proof, and nobody's word for the time. */
    logV2: async (body: Json): Promise<Json> => {
      const { inclusionPromise, ...entry } = entryOfBundle(await log.log(body), body);
      assert.ok(inclusionPromise);
      return { ...entry, integratedTime: '0' };
    },
    /** A timestamp for a signature. */
    stamp: async (signature: Buffer): Promise<Json> => {
      const request = {
        artifactHash: sha256(signature),
        hashAlgorithmOID: '2.16.840.1.101.3.4.2.1',
        nonce: randomInt(2 ** 31),
        policyOID: '1.2.3',
      };
      return { rfc3161Timestamps: [{ signedTimestamp: base64(bytesOfView(await tsa.timestamp(request))) }] };
    },
  };
}

const bytesOfView = (view: ArrayBufferView): Buffer => Buffer.from(view.buffer, view.byteOffset, view.byteLength);

interface RekorEntry {
  readonly body: unknown;
  readonly integratedTime: number;
  readonly logID: string;
  readonly logIndex: number;
  readonly verification?: {
    readonly signedEntryTimestamp?: string;
    readonly inclusionProof?: {
      logIndex: number;
      treeSize: number;
      checkpoint: string;
      hashes: string[];
      rootHash: string;
    };
  };
}

function entryOfBundle(answer: object, { kind, apiVersion }: Json): Json {
  const entries: Record<string, RekorEntry> = JSON.parse(JSON.stringify(answer));
  const { body, integratedTime, logID, logIndex, verification } = Object.values(entries)[0] ?? assert.fail();
  const proof = verification?.inclusionProof ?? assert.fail();
  return {
    logIndex: String(logIndex),
    logId: { keyId: Buffer.from(logID, 'hex').toString('base64') },
    kindVersion: { kind, version: apiVersion },
    integratedTime: String(integratedTime),
    inclusionPromise: { signedEntryTimestamp: verification?.signedEntryTimestamp },
    inclusionProof: {
      logIndex: String(proof.logIndex),
      treeSize: String(proof.treeSize),
      rootHash: Buffer.from(proof.rootHash, 'hex').toString('base64'),
      hashes: [],
      checkpoint: { envelope: proof.checkpoint },
    },
    canonicalizedBody: body,
  };
}

/** Fails unless the verdict is bad for this reason, said in one printable line. */
export function assertBad(verdict: Verdict, code: RefusalCode, what: string): void {
  assert.equal(verdict.outcome, 'bad', what);
  assert.equal(verdict.code, code, `${what}: ${verdict.reason}`);
  assert.match(verdict.reason, /^[\x20-\x7e]+[^.]$/, what);
}

/** Fails unless the verdict is good, by this signer. */
export function assertGood(verdict: Verdict, signer: Signer, what: string): asserts verdict is Good {
  assert.equal(verdict.outcome, 'good', `${what}: ${'reason' in verdict ? verdict.reason : ''}`);
  assert.deepEqual(verdict.signer, signer, what);
}
