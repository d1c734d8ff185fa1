// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EMPTY_BLOB, IN_TOTO, SIGNATURE_TYPE, type ArtifactManifest } from '@rkt/formats';
import { parseDigest } from '@rkt/names';
import { isWanted, isWantedArtifact } from '../src/wanted.ts';

const digest = parseDigest(`sha256:${'0'.repeat(64)}`);
const SPDX = 'https://spdx.dev/Document/v2.3';

const both = (hints: Parameters<typeof isWanted>[0]) => [isWanted(hints, false), isWanted(hints, true)];

test('isWanted() takes signatures and statements, lists of components on demand, and nothing else', () => {
  for (const artifactType of [SIGNATURE_TYPE.bundle, SIGNATURE_TYPE.dsse, IN_TOTO, undefined])
    assert.deepEqual(both({ artifactType, annotations: {} }), [true, true], artifactType);
  for (const artifactType of ['application/spdx+json', 'application/vnd.cyclonedx+json', 'application/vnd.syft+json'])
    assert.deepEqual(both({ artifactType, annotations: {} }), [false, true], artifactType);
  for (const name of ['dev.sigstore.bundle.predicateType', 'in-toto.io/predicate-type', 'predicateType']) {
    for (const [type, always] of [
      [SPDX, false],
      ['https://cyclonedx.org/bom', false],
      ['https://slsa.dev/provenance/v1', true],
      ['https://spdx.dev/Documents', true],
    ] as const)
      assert.deepEqual(both({ artifactType: IN_TOTO, annotations: { [name]: type } }), [always, true], type);
  }
  assert.deepEqual(both({ artifactType: 'application/vnd.example.scan', annotations: {} }), [false, false]);
});

test('isWantedArtifact() goes by the layers if it knows them, else by the artifact', () => {
  const artifact = (artifactType: string, ...layers: readonly (readonly [type: string, predicate?: string])[]) => {
    const manifest: ArtifactManifest = {
      artifactType,
      config: { mediaType: 'x', digest, size: EMPTY_BLOB.byteLength, annotations: undefined, platform: undefined },
      layers: layers.map(([mediaType, predicateType]) => {
        const annotations = predicateType === undefined ? undefined : { predicateType };
        return { mediaType, digest, size: 1, annotations, platform: undefined };
      }),
      subject: digest,
      annotations: {},
    };
    return [isWantedArtifact(manifest, false), isWantedArtifact(manifest, true)];
  };
  assert.deepEqual(artifact(IN_TOTO, [IN_TOTO, SPDX]), [false, true]);
  assert.deepEqual(artifact('x', [SIGNATURE_TYPE.dsse, SPDX]), [false, true]);
  assert.deepEqual(artifact('x', [SIGNATURE_TYPE.dsse, SPDX], [SIGNATURE_TYPE.dsse]), [true, true]);
  assert.deepEqual(artifact('application/spdx+json', ['application/octet-stream']), [false, true]);
  assert.deepEqual(artifact('x', ['application/spdx+json']), [false, true]);
  assert.deepEqual(artifact('x', ['y']), [false, false]);
});
