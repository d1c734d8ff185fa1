// SPDX-License-Identifier: Apache-2.0
// What BuildKit puts into the index of an image: statements that nobody has signed.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { IN_TOTO, MEDIA_TYPE } from '@rkt/formats';
import { openStore } from '@rkt/store';
import { buildkitIndex, buildkitManifest, digestOf, statementOf } from '../../../test/attach.ts';
import { startRegistry } from '../../../test/registry.ts';
import { setUp } from './attached-scene.ts';

const PROVENANCE = 'https://slsa.dev/provenance/v0.2';
const SPDX = 'https://spdx.dev/Document';

/** A layout with an image as BuildKit makes it, and the statements that were kept for it. */
async function makeScene(t: TestContext, { about, components = {} }: { about?: string; components?: object } = {}) {
  const scene = await setUp(t);
  const { layout, manifest, dir } = scene;
  const [provenance, list] = [statementOf(manifest, PROVENANCE), statementOf(manifest, SPDX, components)];
  const attestation = buildkitManifest(
    new Map([
      [SPDX, list],
      [PROVENANCE, provenance],
    ]),
  );
  for (const blob of [...attestation.blobs, attestation.manifest]) layout.blob('', blob);
  layout.name(layout.blob(MEDIA_TYPE.index, buildkitIndex(manifest, attestation, about)), 'index');
  return {
    ...scene,
    image: `oci:${layout.dir}:index`,
    provenance,
    list,
    attestation,
    statements: () => {
      const store = openStore(join(dir, 'rkt', 'store'));
      const { artifacts, problems } = store.artifacts(store.images()[0]?.digest ?? assert.fail());
      assert.deepEqual(problems, []);
      return artifacts.flatMap(({ artifactType, layers }) => {
        assert.equal(artifactType, IN_TOTO);
        return layers.map(({ digest, annotations }) => [digest, annotations?.['in-toto.io/predicate-type']]);
      });
    },
  };
}

test('rkt-fetch keeps the provenance that an index has for the image, and lists of components with --sbom', async (t) => {
  const { ok, image, statements, provenance, list } = await makeScene(t);
  for (const _ of ['first', 'again']) {
    await ok('--platform=linux/amd64', image);
    assert.deepEqual(statements(), [[digestOf(provenance), PROVENANCE]]);
  }
  for (const _ of ['first', 'again']) {
    await ok('--platform=linux/amd64', '--sbom', image);
    assert.deepEqual(statements(), [
      [digestOf(provenance), PROVENANCE],
      [digestOf(list), SPDX],
    ]);
  }
});

test('rkt-fetch keeps no statements that an index has for another image', async (t) => {
  const { ok, image, statements } = await makeScene(t, { about: digestOf(Buffer.from('other')) });
  await ok('--platform=linux/amd64', image);
  assert.deepEqual(statements(), []);
});

test('rkt-fetch says nothing about statements that whoever copied the index left out, and tells of one that is wrong', async (t) => {
  const { ok, fetch, image, attestation, provenance, layout, statements } = await makeScene(t);
  const remove = (bytes: Buffer) => rmSync(join(layout.dir, 'blobs', digestOf(bytes).replace(':', '/')));
  remove(provenance);
  const { status, err } = await fetch('--platform=linux/amd64', image);
  assert.equal(status, 0);
  assert.match(err, /signatures of "oci:.*" may be missing: .*\n$/);
  remove(attestation.manifest);
  await ok('--platform=linux/amd64', image);
  assert.deepEqual(statements(), []);
});

test('rkt-fetch asks a registry for the manifest of the statements and for those that it keeps', async (t) => {
  const { ok, image, statements, provenance, list, attestation } = await makeScene(t, {
    components: { comment: 'x'.repeat(5 * 1024 * 1024) },
  });
  const registry = await startRegistry();
  t.after(() => registry.stop());
  const name = await registry.push(image, 'attached/buildkit:v1');
  const asked = () =>
    registry
      .requests()
      .filter((line) => line.startsWith('GET /v2/attached/buildkit/'))
      .join('\n');
  await ok('--platform=linux/amd64', name);
  assert.deepEqual(statements(), [[digestOf(provenance), PROVENANCE]]);
  assert.ok(asked().includes(digestOf(attestation.manifest)));
  for (const left of [list, attestation.blobs[0] ?? assert.fail()]) assert.ok(!asked().includes(digestOf(left)));
  await ok('--platform=linux/amd64', '--sbom', name);
  assert.equal(statements().length, 2);
});
