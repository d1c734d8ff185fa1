// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { parseTrustedRoot } from '../src/index.ts';
import { bytesOf, makeInstance } from './sigstore-fixtures.ts';

const { document } = await makeInstance();
const what = 'root "trusted_root.json"';

test('parseTrustedRoot() describes a root', async () => {
  const bytes = bytesOf(document);
  assert.deepEqual(await parseTrustedRoot(bytes, what), {
    kind: 'trusted-root',
    fingerprint: createHash('sha256').update(bytes).digest('hex'),
    authorities: ['https://fulcio.example.com'],
    logs: ['https://rekor.example.com'],
    bytes,
  });
});

test('parseTrustedRoot() refuses what is no root', async () => {
  const key = { rawBytes: 'AAAA', keyDetails: 'PKIX_ECDSA_P256_SHA_256' };
  const cases: readonly (readonly [string, unknown, RegExp])[] = [
    ['nothing', '', /no trusted root/],
    ['a list', [], /no trusted root/],
    ['another document', { mediaType: 'application/json' }, /no known version/],
    ['another version', { ...document, mediaType: document.mediaType.replace('0.1', '0.9') }, /no known version/],
    ['no authorities and no logs', { mediaType: document.mediaType }, /neither an authority nor a log/],
    [
      'a broken certificate',
      { ...document, certificateAuthorities: [{ uri: 'x', certChain: { certificates: [{ rawBytes: 'AAAA' }] } }] },
      /cannot use/,
    ],
    [
      'a broken key',
      { ...document, tlogs: [{ baseUrl: 'x', publicKey: key, logId: { keyId: 'AAAA' } }] },
      /cannot use/,
    ],
  ];
  for (const [name, value, message] of cases)
    await assert.rejects(parseTrustedRoot(bytesOf(value), what), { status: 65, message }, name);
  const twice = Buffer.from(JSON.stringify(document).replace(/^{/, '{"tlogs":[],'));
  await assert.rejects(parseTrustedRoot(twice, what), { status: 65, message: /"tlogs" twice/ });
});
