// SPDX-License-Identifier: Apache-2.0
// What rkt-fetch keeps with an image: from a real registry, from a stub that lists referrers, and from layouts.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { MEDIA_TYPE, SIGNATURE_TYPE } from '@rkt/formats';
import { openStore } from '@rkt/store';
import {
  bundleArtifact,
  cosignImage,
  digestOf,
  makeKey,
  pushArtifact,
  referrer,
  referrersIndex,
  tagOf,
  type Artifact,
} from '../../../test/attach.ts';
import { startRegistry, type Registry } from '../../../test/registry.ts';
import { setUp, startStub } from './attached-scene.ts';
import { type Descriptor, type Layout } from './fixture.ts';

let registry: Registry;

before(async () => {
  registry = await startRegistry();
});

after(async () => {
  await registry.stop();
});

const key = makeKey();

test('rkt-fetch keeps what old cosign and a tag of referrers have for the manifest and for its index', async (t) => {
  const { layout, manifest, ok, digests, dir } = await setUp(t);
  const index = layout.blob(MEDIA_TYPE.index, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.index,
    manifests: [{ ...manifest, platform: { os: 'linux', architecture: 'amd64' } }],
  });
  layout.name(index, 'index');
  const image = await registry.push(`oci:${layout.dir}:index`, 'attached/both:v1');
  const name = image.replace('docker://', '').replace(':v1', '');
  const cosign = cosignImage(manifest.digest, name, key.privateKey);
  const bundle = bundleArtifact(index, key.privateKey);
  await pushArtifact(name, cosign, tagOf(manifest.digest, '.sig'));
  await pushArtifact(name, bundle);
  await pushArtifact(name, { manifest: referrersIndex([bundle]), blobs: [] }, tagOf(index.digest));
  assert.equal(await ok('--platform=linux/amd64', image), `${manifest.digest}\n`);
  assert.deepEqual(digests(), [digestOf(cosign.manifest)]);
  assert.deepEqual(digests(index.digest), [digestOf(bundle.manifest)]);
  const store = openStore(join(dir, 'rkt', 'store'));
  assert.deepEqual(await store.collect({ olderThanMs: 0, nowMs: Date.now() + 60_000 }), []);
  const shown: { Digest: string } = JSON.parse(
    execFileSync('skopeo', ['inspect', `oci:${store.dir}:${name}:v1`], { encoding: 'utf8' }),
  );
  assert.equal(shown.Digest, manifest.digest);
});

test('rkt-fetch asks a registry that has nothing four questions more, and says nothing', async (t) => {
  const { layout, manifest, ok, kept } = await setUp(t);
  const image = await registry.push(`oci:${layout.dir}:x`, 'attached/nothing:v1');
  const asked = () => registry.requests().filter((line) => line.startsWith('GET /v2/attached/nothing/'));
  const pushed = asked().length;
  await ok(image);
  const extra = asked()
    .slice(pushed)
    .filter((line) => !/(\/manifests\/v1|\/blobs\/sha256:\S+) 200$/.test(line));
  const tag = tagOf(manifest.digest);
  const paths = [`manifests/${tag}`, `manifests/${tag}.att`, `manifests/${tag}.sig`, `referrers/${manifest.digest}`];
  assert.deepEqual(
    extra.toSorted(),
    paths.map((path) => `GET /v2/attached/nothing/${path} 404`),
  );
  assert.deepEqual(kept(), { artifacts: [], problems: [] });
});

test('rkt-fetch keeps the referrers that it can use, lists of components only with --sbom', async (t) => {
  const { layout, manifest, ok, digests } = await setUp(t);
  const { image, add } = await startStub(t, layout, manifest);
  const used = ['https://sigstore.dev/cosign/sign/v1', 'https://slsa.dev/provenance/v1'].map((type) =>
    bundleArtifact(manifest, key.privateKey, type),
  );
  const components = [
    bundleArtifact(manifest, key.privateKey, 'https://spdx.dev/Document/v2.3'),
    referrer(manifest, { type: 'application/vnd.cyclonedx+json', content: Buffer.from('{"bom":1}') }),
  ];
  const other = referrer(manifest, { type: 'application/vnd.example.scan', content: Buffer.from('scan') });
  add([...used, ...components, other]);
  const all = (artifacts: readonly Artifact[]) => artifacts.map((artifact) => digestOf(artifact.manifest)).toSorted();
  await ok(image);
  assert.deepEqual(digests(), all(used));
  await ok('--sbom', image);
  assert.deepEqual(digests(), all([...used, ...components]));
});

test('rkt-fetch keeps what is larger than a manifest only with --sbom, and says so', async (t) => {
  const { layout, manifest, fetch, ok, digests, dir } = await setUp(t);
  const { image, add } = await startStub(t, layout, manifest);
  const content = Buffer.alloc(5 * 1024 * 1024, '[ ]');
  const large = referrer(manifest, { type: SIGNATURE_TYPE.bundle, content });
  const small = bundleArtifact(manifest, key.privateKey);
  add([large, small]);
  assert.match((await fetch(image)).err, /has 5242880 bytes: wanted at most 4194304: try --sbom\n$/);
  assert.deepEqual(digests(), [digestOf(small.manifest)]);
  await ok('--sbom', image);
  assert.deepEqual(digests(), [large, small].map((artifact) => digestOf(artifact.manifest)).toSorted());
  // One that was damaged since is had anew.
  const blob = join(dir, 'rkt', 'store', 'blobs', digestOf(content).replace(':', '/'));
  rmSync(blob);
  writeFileSync(blob, Buffer.alloc(content.byteLength));
  await ok('--sbom', image);
  assert.equal(digestOf(readFileSync(blob)), digestOf(content));
});

test('rkt-fetch looks at an artifact of which the list says nothing, and keeps it if it is of use', async (t) => {
  const { layout, manifest, ok, digests } = await setUp(t);
  const { image, add } = await startStub(t, layout, manifest);
  const [bundle, scan] = [SIGNATURE_TYPE.bundle, 'application/vnd.example.scan'].map((type) =>
    referrer(manifest, { type, content: Buffer.from(type) }),
  );
  assert.ok(bundle && scan);
  const list = JSON.parse(String(referrersIndex([bundle, scan])));
  for (const entry of list.manifests) delete entry.artifactType;
  add([bundle, scan], Buffer.from(JSON.stringify(list)));
  await ok(image);
  assert.deepEqual(digests(), [digestOf(bundle.manifest)]);
});

test('rkt-fetch asks nobody for an image that it need not fetch, and for what is new when it fetches again', async (t) => {
  const { layout, manifest, ok, digests } = await setUp(t);
  const { image, log, served, add } = await startStub(t, layout, manifest);
  const first = bundleArtifact(manifest, key.privateKey);
  add([first]);
  await ok(image);
  const asked = log.length;
  for (const policy of ['never', 'new']) await ok(`--pull-policy=${policy}`, image);
  assert.equal(log.length, asked);
  const second = bundleArtifact(manifest, key.privateKey);
  add([first, second]);
  await ok(image);
  assert.deepEqual(digests(), [first, second].map((artifact) => digestOf(artifact.manifest)).toSorted());
  // What is there already is not downloaded once more.
  assert.equal(log.filter((path) => path.endsWith(digestOf(first.manifest))).length, 1);
  const tag = `manifests/${tagOf(manifest.digest, '.sig')}`;
  const [old, next] = [1, 2].map(() => cosignImage(manifest.digest, 'app', key.privateKey));
  assert.ok(old && next);
  for (const artifact of [old, next]) {
    add([first, second, artifact], referrersIndex([first, second]));
    served.set(tag, { type: MEDIA_TYPE.manifest, body: artifact.manifest });
    await ok(image);
  }
  assert.ok(!digests().includes(digestOf(old.manifest)), 'what was under the tag before is still there');
  assert.ok(digests().includes(digestOf(next.manifest)));
});

test('rkt-fetch keeps the image and the other signatures when one is bad, with one note', async (t) => {
  const { layout, manifest, fetch, digests } = await setUp(t);
  const { image, served, add } = await startStub(t, layout, manifest);
  const good = bundleArtifact(manifest, key.privateKey);
  const others = bundleArtifact({ ...manifest, digest: digestOf(Buffer.from('other')) }, key.privateKey);
  const [cut, large, missing] = ['cut', 'large', 'missing'].map((text) =>
    referrer(manifest, { type: SIGNATURE_TYPE.bundle, content: Buffer.from(text) }),
  );
  assert.ok(cut && large && missing);
  const huge = Buffer.from(String(large.manifest).replace(/"size":5\b/, `"size":${4 * 1024 * 1024 + 1}`));
  const all = [good, others, cut, { ...large, manifest: huge }, missing];
  add(all);
  served.set(`blobs/${digestOf(Buffer.from('cut'))}`, { type: 'x', body: Buffer.from('cux') });
  served.delete(`blobs/${digestOf(Buffer.from('missing'))}`);
  const { status, out, err } = await fetch(image);
  assert.deepEqual([status, out], [0, `${manifest.digest}\n`], err);
  assert.match(err, /^rkt-fetch: signatures of "docker:\/\/\S+\/app:v1" may be missing: [^\n]+, and 3 more\n$/);
  assert.deepEqual(digests(), [digestOf(good.manifest)]);
});

test('rkt-fetch keeps at most 64 artifacts of an image', async (t) => {
  const { layout, manifest, fetch, digests } = await setUp(t);
  const { image, add } = await startStub(t, layout, manifest);
  add(
    Array.from({ length: 70 }, (_, number) =>
      referrer(manifest, { type: SIGNATURE_TYPE.bundle, content: Buffer.from(`{"number":${number}}`) }),
    ),
  );
  const { status, err } = await fetch(image);
  assert.equal(status, 0, err);
  assert.match(err, /more than 64 of them/);
  assert.equal(digests().length, 64);
});

test('rkt-fetch wraps signed messages of --lookaside, of registries.d and of the default directory', async (t) => {
  const { dir, home, layout, manifest, ok, kept } = await setUp(t);
  const image = await registry.push(`oci:${layout.dir}:x`, 'attached/lookaside:v1');
  const put = (base: string, number: number, text: string) => {
    const place = join(base, `attached/lookaside@${manifest.digest.replace(':', '=')}`);
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, `signature-${number}`), text);
  };
  const messages = () => {
    const { artifacts } = kept();
    const store = openStore(join(dir, 'rkt', 'store'));
    assert.ok(artifacts.every(({ artifactType }) => artifactType === SIGNATURE_TYPE.simpleSigning));
    return artifacts.flatMap(({ layers }) => layers.map(({ digest }) => String(store.readBlob(digest)))).toSorted();
  };
  put(join(home, '.local/share/containers/sigstore'), 1, 'default');
  await ok(image);
  assert.deepEqual(messages(), ['default']);
  for (const text of ['a', 'b']) put(join(dir, 'option'), text === 'a' ? 1 : 2, text);
  await ok(`--lookaside=${join(dir, 'option')}`, image);
  assert.deepEqual(messages(), ['a', 'b', 'default']);
  put(join(dir, 'configured'), 1, 'configured');
  const registriesD = join(home, '.config/containers/registries.d');
  mkdirSync(registriesD, { recursive: true });
  const scope = `${registry.host}/attached`;
  writeFileSync(
    join(registriesD, 'x.yaml'),
    `docker:\n  "${scope}":\n    lookaside: file://${join(dir, 'configured')}\n`,
  );
  await ok(image);
  assert.deepEqual(messages(), ['a', 'b', 'configured', 'default']);
});

/** Puts an artifact into a layout. */
function write(layout: Layout, { manifest, blobs }: Artifact): Descriptor {
  for (const blob of blobs) layout.blob('', blob);
  return layout.blob(MEDIA_TYPE.manifest, manifest);
}

test('rkt-fetch takes signatures out of a layout as cosign saves it', async (t) => {
  const { layout, manifest, ok, digests } = await setUp(t);
  const attached = ['sigs', 'atts'].map((kind): string => {
    const artifact = cosignImage(manifest.digest, 'app', key.privateKey);
    layout.name({ ...write(layout, artifact), annotations: { kind: `dev.cosignproject.cosign/${kind}` } });
    return digestOf(artifact.manifest);
  });
  assert.equal(await ok(`oci:${layout.dir}`), `${manifest.digest}\n`);
  assert.deepEqual(digests(), attached.toSorted());
});

test('rkt-fetch takes signatures out of a layout as oras, cosign and another store have them', async (t) => {
  const { dir, layout, manifest, ok, digests } = await setUp(t);
  const bundle = bundleArtifact(manifest, key.privateKey);
  const cosign = cosignImage(manifest.digest, 'app', key.privateKey);
  const others = bundleArtifact({ ...manifest, digest: digestOf(Buffer.from('other')) }, key.privateKey);
  for (const artifact of [bundle, others]) layout.name(write(layout, artifact));
  layout.name(write(layout, cosign), tagOf(manifest.digest, '.sig'));
  const wanted = [bundle, cosign].map((artifact) => digestOf(artifact.manifest)).toSorted();
  // Without a name: what is attached to the image is no second image.
  assert.equal(await ok(`oci:${layout.dir}`), `${manifest.digest}\n`);
  assert.deepEqual(digests(), wanted);
  const copy = join(dir, 'copy');
  cpSync(join(dir, 'rkt', 'store'), copy, { recursive: true });
  const next = await setUp(t);
  await next.ok(`oci:${copy}`);
  assert.deepEqual(next.digests(manifest.digest), wanted);
  const archive = join(dir, 'layout.tar');
  execFileSync('tar', ['-C', layout.dir, '-cf', archive, '.']);
  const third = await setUp(t);
  await third.ok(`oci-archive:${archive}:x`);
  assert.deepEqual(third.digests(manifest.digest), wanted);
});
