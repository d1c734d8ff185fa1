// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signForAws } from '../src/aci/aws.ts';

const credentials = {
  accessKeyID: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};
const now = new Date('2013-05-24T00:00:00Z');

test('signForAws() signs as the examples of the S3 documentation say', () => {
  const examples = {
    lifecycle: 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
    'max-keys=2&prefix=J': '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  };
  for (const [query, signature] of Object.entries(examples)) {
    const url = new URL(`https://examplebucket.s3.amazonaws.com/?${query}`);
    for (const awsRegion of [undefined, 'us-east-1']) {
      assert.deepEqual(signForAws(url, { ...credentials, ...(awsRegion && { awsRegion }) }, now), {
        'x-amz-date': '20130524T000000Z',
        'x-amz-content-sha256': 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
        authorization: `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=${signature}`,
      });
    }
  }
});

test('signForAws() signs for the region of the host, or for the one that is named', () => {
  const regionOf = (host: string, awsRegion?: string) =>
    /Credential=[^/]+\/\d+\/([^/]+)\//.exec(
      signForAws(new URL(`https://${host}/app.aci`), { ...credentials, ...(awsRegion && { awsRegion }) }, now)[
        'authorization'
      ] ?? '',
    )?.[1];
  assert.equal(regionOf('bucket.s3.eu-central-1.amazonaws.com'), 'eu-central-1');
  assert.equal(regionOf('storage.example.com'), 'us-east-1');
  assert.equal(regionOf('storage.example.com:9000', 'eu-west-3'), 'eu-west-3');
});
