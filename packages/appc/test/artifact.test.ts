// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT } from '@rkt/exit';
import { parseImageDocument } from '@rkt/formats';
import { parseDigest, parseImageId } from '@rkt/names';
import { isArtifact, isForPlatform, printArtifact, printImageName, readArtifact } from '../src/index.ts';
import { fullManifest, parse, smallManifest } from './manifests.ts';

const imageId = parseImageId(`sha512-${'0f'.repeat(64)}`);
const blob = (digit: string) => ({ digest: parseDigest(`sha256:${digit.repeat(64)}`), size: 7 });
const parts = {
  imageId,
  manifest: parse(fullManifest()),
  manifestBlob: blob('a'),
  aciBlob: { ...blob('b'), mediaType: 'application/vnd.appc.image.aci+xz' },
};

/** The manifest as everybody reads it. */
function read(text: string) {
  const document = parseImageDocument(Buffer.from(text), { what: 'x' });
  assert.equal(document.kind, 'manifest');
  return document.kind === 'manifest' ? document.manifest : assert.fail();
}

test('printArtifact() makes an OCI manifest that says all of an ACI, always the same', () => {
  const text = printArtifact(parts);
  const manifest = read(text);
  assert.ok(isArtifact(manifest));
  assert.deepEqual(readArtifact(manifest, 'x'), { imageId, aci: parts.aciBlob });
  assert.equal(manifest.annotations?.['org.rkt.appc.name'], 'example.com/reduce-worker');
  assert.equal(manifest.annotations?.['org.rkt.appc.label.version'], '1.0.0');
  const turned = { ...parts.manifest, labels: parts.manifest.labels.toReversed() };
  assert.equal(printArtifact({ ...parts, manifest: turned }), text);
});

test('readArtifact() refuses a manifest that is not of an ACI', () => {
  const text = printArtifact(parts);
  const twice = text.replace(/"layers":\[(.*?)\]/, '"layers":[$1,$1]');
  const other = text.replace('image.aci+xz', 'image.squashfs').replace('application/vnd.appc', 'application/x');
  const wrong = [twice, other, text.replace(imageId, 'sha512-00'), text.replace(/"layers":\[.*?\]/, '"layers":[]')];
  for (const each of wrong)
    assert.throws(() => readArtifact(read(each), 'image "x"'), { name: 'Failure', status: EXIT.dataRefused }, each);
});

test('printImageName() and isForPlatform() read the labels', () => {
  const amd64 = { os: 'linux', architecture: 'amd64' };
  assert.equal(printImageName(parts.manifest), 'example.com/reduce-worker:1.0.0');
  assert.equal(printImageName(parse(smallManifest())), 'example.com/small');
  assert.ok(isForPlatform(parts.manifest.labels, amd64));
  assert.ok(!isForPlatform(parts.manifest.labels, { os: 'linux', architecture: 'arm64' }));
  const labels = (os: string, arch: string) =>
    parse(smallManifest({ labels: [{ name: 'os', value: os }, { name: 'arch', value: arch }] })).labels; // prettier-ignore
  assert.ok(isForPlatform([], amd64));
  assert.ok(isForPlatform(labels('linux', 'aarch64'), { os: 'linux', architecture: 'arm64' }));
  assert.ok(isForPlatform(labels('linux', 'armv6l'), { os: 'linux', architecture: 'arm', variant: 'v6' }));
  assert.ok(isForPlatform(labels('linux', 'i386'), { os: 'linux', architecture: '386' }));
  assert.ok(!isForPlatform(labels('freebsd', 'amd64'), amd64));
});
