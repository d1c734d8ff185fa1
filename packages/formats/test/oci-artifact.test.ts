// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { Failure } from '@rkt/exit';
import { isDigest, type Digest } from '@rkt/names';
import {
  parseArtifactManifest,
  parseListedReferrers,
  parseReferrers,
  printArtifactManifest,
  printReferrers,
} from '../src/index.ts';

function digest(tail: string): Digest {
  const text = `sha256:${tail.padStart(64, '0')}`;
  assert.ok(isDigest(text));
  return text;
}

const INDEX = 'application/vnd.oci.image.index.v1+json';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const artifact = {
  artifactType: 'application/vnd.rkt.simplesigning.v1',
  subject: { mediaType: MANIFEST, digest: digest('a'), size: 7 },
  layers: [{ mediaType: 'application/vnd.rkt.simplesigning.v1+pgp', digest: digest('b'), size: 3 }],
};

test('parseArtifactManifest() reads what printArtifactManifest() prints', () => {
  const text = printArtifactManifest(artifact);
  const { artifactType, subject, layers, config } = parseArtifactManifest(Buffer.from(text), 'it');
  assert.deepEqual([artifactType, subject], [artifact.artifactType, digest('a')]);
  assert.deepEqual(
    layers.map((layer) => layer.digest),
    [digest('b')],
  );
  assert.equal(config.mediaType, 'application/vnd.oci.empty.v1+json');
  assert.equal(printArtifactManifest(artifact), text);
});

test('parseArtifactManifest() takes the type of the configuration where the artifact names none', () => {
  const { artifactType: _, subject: __, ...rest } = JSON.parse(printArtifactManifest(artifact));
  const config = { ...rest.config, mediaType: 'application/x' };
  assert.equal(parseArtifactManifest(json({ ...rest, config }), 'it').artifactType, 'application/x');
  assert.equal(parseArtifactManifest(json({ ...rest, config }), 'it').subject, undefined);
});

test('parseArtifactManifest() refuses an index, both at once, other digests and too many layers', () => {
  const made = JSON.parse(printArtifactManifest(artifact));
  for (const wrong of [
    { schemaVersion: 2, mediaType: INDEX, manifests: [] },
    { ...made, manifests: [] },
    { ...made, subject: { ...made.subject, digest: 'sha512:00' } },
    { ...made, layers: Array.from({ length: 65 }, () => made.layers[0]) },
    { ...made, schemaVersion: 1 },
  ]) {
    assert.throws(() => parseArtifactManifest(json(wrong), 'artifact "x"'), /cannot read artifact "x": /);
  }
});

test('parseReferrers() reads what printReferrers() prints', () => {
  const hex = fc.stringMatching(/^[0-9a-f]{1,64}$/);
  const fields = {
    digest: hex.map(digest),
    size: fc.nat(),
    artifactType: fc.string({ minLength: 1, maxLength: 20 }),
    annotations: fc.constantFrom({}, { 'dev.sigstore.bundle.content': 'dsse-envelope' }),
  };
  const referrer = fc.record(fields, { noNullPrototype: true });
  fc.assert(
    fc.property(fc.uniqueArray(referrer, { maxLength: 64, selector: (entry) => entry.digest }), (list) => {
      assert.deepEqual(parseReferrers(Buffer.from(printReferrers(list)), '/x'), list);
    }),
  );
});

test('parseReferrers() refuses more than 64 artifacts, one twice, and what is no index', () => {
  const one = { digest: digest('1'), size: 1, artifactType: 'a', annotations: {} };
  const many = Array.from({ length: 65 }, (_, index) => ({ ...one, digest: digest(`${index}`) }));
  const [first] = JSON.parse(printReferrers([one])).manifests;
  const texts = [
    printReferrers(many),
    printReferrers([one, one]),
    '{}',
    '[]',
    'x',
    JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [{ ...first, mediaType: INDEX }] }),
  ];
  for (const text of texts) assert.throws(() => parseReferrers(Buffer.from(text), '/x'), /cannot read "\/x": /);
});

test('parseReferrers() and parseArtifactManifest() fail only by refusing, whatever they are given', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.json().map((text) => Buffer.from(text)),
        fc.uint8Array({ maxLength: 200 }),
      ),
      (bytes) => {
        for (const parse of [parseReferrers, parseArtifactManifest]) {
          try {
            parse(bytes, 'x');
          } catch (error) {
            assert.ok(error instanceof Failure);
          }
        }
      },
    ),
  );
});

test('parseListedReferrers() reads the entries that are manifests with a digest, whatever the others are', () => {
  const good = { mediaType: MANIFEST, digest: digest('a'), size: 7, artifactType: 'a', annotations: { b: 'c' } };
  const bare = { mediaType: MANIFEST, digest: digest('b'), size: 7, artifactType: '', annotations: null };
  const others = [{ ...good, digest: 'sha512:00' }, { ...good, mediaType: INDEX }, { ...good, size: -1 }, null, 'x'];
  const bytes = json({ schemaVersion: 2, mediaType: INDEX, manifests: [others[0], good, ...others, bare] });
  assert.deepEqual(parseListedReferrers(bytes, 'it'), [
    { digest: digest('a'), size: 7, artifactType: 'a', annotations: { b: 'c' } },
    { digest: digest('b'), size: 7, artifactType: undefined, annotations: {} },
  ]);
});

test('parseListedReferrers() answers with digests or a refusal, whatever it reads', () => {
  const text = fc.oneof(
    fc.string(),
    fc.json(),
    fc.json().map((inner) => `{"schemaVersion":2,"manifests":[${inner}]}`),
  );
  fc.assert(
    fc.property(text, (bytes) => {
      try {
        for (const found of parseListedReferrers(Buffer.from(bytes), 'it')) assert.ok(isDigest(found.digest));
      } catch (error) {
        assert.ok(error instanceof Failure, String(error));
      }
    }),
  );
});
