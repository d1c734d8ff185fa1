// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import test from 'node:test';
import { EXIT, Failure } from '@rkt/exit';
import {
  compressionOf,
  LAYERS_MAX,
  MEDIA_TYPE,
  parseImageConfig,
  parseImageDocument,
  type Manifest,
} from '../src/index.ts';

const A = `sha256:${'a'.repeat(64)}`;
const LAYER = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: A, size: 5 };
const CONFIG = { mediaType: MEDIA_TYPE.config, digest: A, size: 7 };
const MANIFEST = { schemaVersion: 2, mediaType: MEDIA_TYPE.manifest, config: CONFIG, layers: [LAYER] };
const INDEX = { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [] };

const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));
const parse = (value: unknown, mediaType?: string) =>
  parseImageDocument(bytes(value), { what: 'manifest "m"', mediaType });

function manifestOf(value: unknown): Manifest {
  const document = parse(value);
  assert.equal(document.kind, 'manifest');
  return document.manifest;
}

function refuses(pattern: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof Failure, String(error));
    assert.equal(error.status, EXIT.dataRefused);
    assert.match(error.message, pattern);
    return true;
  };
}

test('parseImageDocument() reads OCI and Docker manifests and indexes', () => {
  assert.equal(parse(MANIFEST).kind, 'manifest');
  assert.equal(parse({ ...MANIFEST, mediaType: undefined }).kind, 'manifest');
  assert.equal(
    parse({ ...MANIFEST, mediaType: MEDIA_TYPE.dockerManifest }, MEDIA_TYPE.dockerManifest).kind,
    'manifest',
  );
  assert.equal(parse(INDEX, MEDIA_TYPE.index).kind, 'index');
  assert.equal(parse({ ...INDEX, mediaType: MEDIA_TYPE.dockerIndex }).kind, 'index');
  assert.equal(parse({ schemaVersion: 2, manifests: [] }).kind, 'index');
});

const HOSTILE: readonly [string, unknown, string | undefined, RegExp][] = [
  ['layers and manifests at once', { ...MANIFEST, manifests: [] }, undefined, /manifest and an index at once/],
  ['config and manifests at once', { ...INDEX, config: CONFIG }, undefined, /manifest and an index at once/],
  ['a manifest given as an index', MANIFEST, MEDIA_TYPE.index, /says .* but was given as/],
  [
    'an untyped manifest given as an index',
    { ...MANIFEST, mediaType: undefined },
    MEDIA_TYPE.index,
    /has no "manifests"/,
  ],
  ['an untyped index given as a manifest', { ...INDEX, mediaType: undefined }, MEDIA_TYPE.manifest, /has no "layers"/],
  ['schema 1', { schemaVersion: 1, fsLayers: [] }, undefined, /schema 1/],
  ['schema 1 by type', MANIFEST, 'application/vnd.docker.distribution.manifest.v1+prettyjws', /given as/],
  ['another media type', { ...MANIFEST, mediaType: 'text/html' }, undefined, /media type is "text\/html"/],
  ['an array', [], undefined, /.*/],
  ['a string', 'x', undefined, /.*/],
  ['null', null, undefined, /.*/],
  ['another schema version', { ...MANIFEST, schemaVersion: 1 }, undefined, /schemaVersion/],
  ['a media type that is no string', { ...MANIFEST, mediaType: 5 }, undefined, /mediaType/],
  [
    'a digest that is a path',
    { ...MANIFEST, layers: [{ ...LAYER, digest: '../../x' }] },
    undefined,
    /layers\.0\.digest/,
  ],
  [
    'an upper-case digest',
    { ...MANIFEST, config: { ...CONFIG, digest: A.toUpperCase() } },
    undefined,
    /config\.digest/,
  ],
  [
    'another algorithm',
    { ...MANIFEST, config: { ...CONFIG, digest: `sha1:${'a'.repeat(40)}` } },
    undefined,
    /config\.digest/,
  ],
  ['a negative size', { ...MANIFEST, layers: [{ ...LAYER, size: -1 }] }, undefined, /layers\.0\.size/],
  ['a fractional size', { ...MANIFEST, layers: [{ ...LAYER, size: 1.5 }] }, undefined, /layers\.0\.size/],
  ['a huge size', { ...MANIFEST, layers: [{ ...LAYER, size: 1e300 }] }, undefined, /layers\.0\.size/],
  ['a size as text', { ...MANIFEST, layers: [{ ...LAYER, size: '5' }] }, undefined, /layers\.0\.size/],
  ['no config', { ...MANIFEST, config: undefined }, undefined, /config/],
  ['layers that are no list', { ...MANIFEST, layers: { length: 1 } }, undefined, /layers/],
  [
    'too many layers',
    { ...MANIFEST, layers: Array.from({ length: LAYERS_MAX + 1 }, () => LAYER) },
    undefined,
    /layers/,
  ],
  ['annotations that are no text', { ...MANIFEST, annotations: { a: 1 } }, undefined, /annotations/],
];

for (const [name, value, mediaType, pattern] of HOSTILE) {
  test(`parseImageDocument() refuses ${name}`, () => {
    assert.throws(() => parse(value, mediaType), refuses(pattern));
  });
}

test('parseImageDocument() leaves out the entries of an index that it cannot use', () => {
  const document = parse({ ...INDEX, manifests: [{ ...CONFIG, digest: 'sha512:aa' }, null, { ...CONFIG, size: 3 }] });
  assert.equal(document.kind, 'index');
  assert.deepEqual(
    document.index.manifests.map(({ size }) => size),
    [3],
  );
});

test('parseImageConfig() takes null for what Docker leaves empty', () => {
  const config = parseImageConfig(
    bytes({
      architecture: 'amd64',
      os: 'linux',
      config: { User: null, Env: ['A=b'], Cmd: null, Volumes: { '/data': {} }, Labels: null },
      rootfs: { type: 'layers', diff_ids: [A] },
    }),
    { what: 'config', manifest: manifestOf(MANIFEST) },
  );
  assert.deepEqual(config.config?.Env, ['A=b']);
  assert.equal(config.config?.User, undefined);
  assert.equal(config.config?.Labels, undefined);
  assert.deepEqual(Object.keys(config.config?.Volumes ?? {}), ['/data']);
});

test('parseImageConfig() refuses another count of diffIDs than of layers, and foreign kinds of root', () => {
  const manifest = manifestOf(MANIFEST);
  const parseConfig = (rootfs: object) => parseImageConfig(bytes({ rootfs }), { what: 'config', manifest });
  assert.throws(() => parseConfig({ type: 'layers', diff_ids: [] }), refuses(/0 diffIDs for 1 layers/));
  assert.throws(() => parseConfig({ type: 'layers', diff_ids: [A, A] }), refuses(/2 diffIDs for 1 layers/));
  assert.throws(() => parseConfig({ type: 'erofs', diff_ids: [A] }), refuses(/rootfs\.type/));
  assert.throws(() => parseConfig({ type: 'layers', diff_ids: ['x'] }), refuses(/rootfs\.diff_ids\.0/));
});

test('compressionOf() knows the synonyms and refuses file system images', () => {
  assert.equal(compressionOf('application/vnd.docker.image.rootfs.diff.tar.gzip'), 'gzip');
  assert.equal(compressionOf('application/vnd.oci.image.layer.v1.tar+zstd'), 'zstd');
  assert.equal(compressionOf('application/vnd.oci.image.layer.v1.tar'), 'none');
  for (const type of [
    'application/vnd.oci.image.layer.v1.erofs',
    'application/vnd.oci.image.layer.v1.tar+gzip+encrypted',
    '',
  ]) {
    assert.throws(() => compressionOf(type), refuses(/media type/));
  }
});
