// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import test from 'node:test';
import {
  changeLayoutIndex,
  choosePlatform,
  EMPTY_LAYOUT_INDEX,
  hostPlatform,
  parseImageDocument,
  parseLayoutIndex,
  parseLayoutMarker,
  parsePlatform,
  printLayoutIndex,
  printLayoutMarker,
  printPlatform,
} from '../src/index.ts';

const A = `sha256:${'a'.repeat(64)}`;
const B = `sha256:${'b'.repeat(64)}`;
const MEDIA_TYPE = 'application/vnd.oci.image.manifest.v1+json';
const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));

test('parseLayoutIndex() and printLayoutIndex() keep what they do not know', () => {
  const document = {
    schemaVersion: 2,
    annotations: { mine: 'yes' },
    future: [1],
    manifests: [
      { mediaType: MEDIA_TYPE, digest: A, size: 1, annotations: { x: 'y' }, platform: { os: 'linux' }, later: 1 },
      { mediaType: MEDIA_TYPE, digest: 'sha512:aa', size: 1 },
      'odd',
    ],
  };
  const layout = parseLayoutIndex(bytes(document), 'index.json');
  assert.deepEqual(
    layout.entries.map(({ digest, annotations }) => [digest, annotations['x']]),
    [[A, 'y']],
  );
  assert.deepEqual(JSON.parse(printLayoutIndex(layout)), document);
  const changed = changeLayoutIndex(layout, (entry) => entry.raw, [{ mediaType: MEDIA_TYPE, digest: B, size: 2 }]);
  assert.deepEqual(JSON.parse(printLayoutIndex(changed)), {
    ...document,
    manifests: [...document.manifests, { mediaType: MEDIA_TYPE, digest: B, size: 2 }],
  });
  const emptied = changeLayoutIndex(changed, () => undefined);
  assert.deepEqual(emptied.entries, []);
  assert.deepEqual(emptied.raw['manifests'], document.manifests.slice(1));
});

test('parseLayoutIndex() refuses what is no index', () => {
  for (const value of [
    [],
    {},
    { schemaVersion: 2 },
    { schemaVersion: 3, manifests: [] },
    { schemaVersion: 2, manifests: {} },
  ]) {
    assert.throws(() => parseLayoutIndex(bytes(value), 'index.json'), /^Failure: cannot read "index.json": /);
  }
  assert.deepEqual(parseLayoutIndex(Buffer.from(printLayoutIndex(EMPTY_LAYOUT_INDEX)), 'x').entries, []);
});

test('parseLayoutMarker() takes what printLayoutMarker() prints and no other version', () => {
  parseLayoutMarker(Buffer.from(printLayoutMarker()), 'oci-layout');
  assert.throws(() => parseLayoutMarker(bytes({ imageLayoutVersion: '2.0.0' }), 'oci-layout'), /wanted 1\.0\.0/);
});

function indexOf(...platforms: readonly (string | undefined)[]) {
  const manifests = platforms.map((platform, size) => {
    const [os, architecture, variant] = platform?.split('/') ?? [];
    return {
      mediaType: MEDIA_TYPE,
      digest: A,
      size,
      ...(os === undefined ? {} : { platform: { os, architecture, variant } }),
    };
  });
  const document = parseImageDocument(bytes({ schemaVersion: 2, manifests }), { what: 'x' });
  assert.equal(document.kind, 'index');
  return document.index;
}

function choose(wanted: string, ...platforms: readonly (string | undefined)[]): number | undefined {
  return choosePlatform(indexOf(...platforms), parsePlatform(wanted))?.size;
}

test('choosePlatform() matches system, architecture and variant in the order of preference', () => {
  assert.equal(choose('linux/amd64', 'windows/amd64', 'linux/arm64', 'linux/amd64'), 2);
  assert.equal(choose('linux/arm64', 'linux/arm64/v8'), 0);
  assert.equal(choose('linux/arm64/v8', 'linux/arm64'), 0);
  assert.equal(choose('linux/arm/v7', 'linux/arm/v5', 'linux/arm/v8', 'linux/arm/v6'), 2);
  assert.equal(choose('linux/arm', 'linux/arm/v5', 'linux/arm/v7'), 1);
  assert.equal(choose('linux/amd64', 'linux/amd64/v3', 'linux/amd64'), 1);
  assert.equal(choose('linux/amd64', 'linux/amd64/v3'), undefined);
  assert.equal(choose('linux/amd64', 'unknown/unknown', 'linux/s390x'), undefined);
  assert.equal(choose('linux/amd64', undefined, 'linux/amd64'), 1);
  assert.equal(choose('linux/amd64', 'linux/s390x', undefined), 1);
});

test('choosePlatform() never takes an attestation', () => {
  const attestation = {
    mediaType: MEDIA_TYPE,
    digest: A,
    size: 0,
    annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
  };
  const document = parseImageDocument(bytes({ schemaVersion: 2, manifests: [attestation] }), { what: 'x' });
  assert.equal(document.kind, 'index');
  assert.equal(choosePlatform(document.index, hostPlatform()), undefined);
});

test('parsePlatform() and printPlatform() are inverse, and odd text is refused', () => {
  for (const text of ['linux/amd64', 'linux/arm/v7']) assert.equal(printPlatform(parsePlatform(text)), text);
  for (const text of ['', 'linux', 'linux/', 'Linux/amd64', 'linux/arm/v7/x', '../x']) {
    assert.throws(() => parsePlatform(text), /cannot parse platform/);
  }
  assert.equal(hostPlatform('x64').architecture, 'amd64');
});
