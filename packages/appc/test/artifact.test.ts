// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT } from '@rkt/exit';
import { parseImageDocument } from '@rkt/formats';
import { parseDigest, parseImageId } from '@rkt/names';
import { isForPlatform, parseArtifact, printArtifact, printImageName } from '../src/index.ts';
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

const configBytes = Buffer.from(JSON.stringify(fullManifest()));
const digest = blob('c').digest;

test('printArtifact() makes an OCI manifest that says all of an ACI, always the same', () => {
  const text = printArtifact(parts);
  const manifest = read(text);
  const { manifest: parsed, ...rest } = parseArtifact({ digest, manifest, configBytes });
  assert.deepEqual(rest, { imageId, manifestDigest: parts.manifestBlob.digest, artifact: digest, blob: parts.aciBlob });
  assert.deepEqual(parsed, parts.manifest);
  assert.equal(manifest.annotations?.['org.rkt.appc.name'], 'example.com/reduce-worker');
  assert.equal(manifest.annotations?.['org.rkt.appc.label.version'], '1.0.0');
  const turned = { ...parts.manifest, labels: parts.manifest.labels.toReversed() };
  assert.equal(printArtifact({ ...parts, manifest: turned }), text);
});

test('parseArtifact() refuses a manifest that is not of an ACI', () => {
  const text = printArtifact(parts);
  const wrong: [string, RegExp][] = [
    [text.replace(/"layers":\[(.*?)\]/, '"layers":[$1,$1]'), /it is no artifact of an ACI/],
    [text.replace(/"layers":\[.*?\]/, '"layers":[]'), /it is no artifact of an ACI/],
    [text.replace('image.aci+xz', 'image.squashfs'), /it is no artifact of an ACI/],
    [text.replace(imageId, 'sha512-00'), /it is no artifact of an ACI/],
    [text.replace('vnd.appc.image.manifest', 'vnd.oci.image.config'), /not in appc's format/],
  ]; // prettier-ignore
  for (const [each, message] of wrong) {
    const documents = { digest, manifest: read(each), configBytes };
    assert.throws(() => parseArtifact(documents), { name: 'Failure', status: EXIT.dataRefused, message }, each);
  }
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
