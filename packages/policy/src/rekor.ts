// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { type RootFile } from './requirement.ts';

/** The parts of a sigstore instance as containers-policy.json(5) names them: PEM files. */
export interface RootParts {
  readonly source: string;
  readonly authorities: readonly Uint8Array[];
  readonly logs: readonly Uint8Array[];
}

/** A trusted_root.json of what a policy file names one by one, so that one verifier does for both. Nothing is checked here. */
export function rootOf({ source, authorities, logs }: RootParts): RootFile {
  const document = {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: logs
      .flatMap((pem) => blocksOf(pem, 'PUBLIC KEY'))
      .map((der) => ({
        baseUrl: '',
        hashAlgorithm: 'SHA2_256',
        publicKey: {
          rawBytes: der.toString('base64'),
          keyDetails: 'PKIX_ECDSA_P256_SHA_256',
          validFor: { start: '1970-01-01T00:00:00Z' },
        },
        logId: { keyId: createHash('sha256').update(der).digest('base64') },
      })),
    certificateAuthorities: authorities.map((pem) => ({
      subject: { organization: '', commonName: '' },
      uri: '',
      certChain: { certificates: blocksOf(pem, 'CERTIFICATE').map((der) => ({ rawBytes: der.toString('base64') })) },
      validFor: { start: '1970-01-01T00:00:00Z' },
    })),
    ctlogs: [],
    timestampAuthorities: [],
  };
  return { source, bytes: Buffer.from(JSON.stringify(document)) };
}

/** The DER in the PEM blocks of a file. */
function blocksOf(pem: Uint8Array, label: string): Buffer[] {
  const block = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]*)-----END ${label}-----`, 'g');
  return [...Buffer.from(pem).toString('latin1').matchAll(block)].map(([, body = '']) => Buffer.from(body, 'base64'));
}
