// SPDX-License-Identifier: Apache-2.0
// The pod manifest of the appc specification 0.8.11, pods.md: as strict and as loose as that of an image.
import * as v from 'valibot';
import { isImageIdPrefix } from '@rkt/names';
import {
  absolutePath,
  acName,
  annotations,
  app,
  ID_MAX,
  identifier,
  labels,
  list,
  nullable,
  PORT_MAX,
  strings,
  unique,
  version,
} from './schema.ts';

const APPS_MAX = 256;
const ENTRIES_MAX = 1000;

/** An id of appc, or cut short; or, since the store has those as well, a digest of the OCI. */
const imageId = v.custom<string>(
  (value) =>
    typeof value === 'string' && (value === '' || isImageIdPrefix(value) || /^sha256[:-][0-9a-f]{8,64}$/.test(value)),
  'expected sha512-<2 to 128 lower-case hex digits> or sha256-<8 to 64>',
);

const image = v.object({
  name: v.optional(v.union([v.literal(''), identifier]), ''),
  id: v.optional(imageId, ''),
  labels,
});

const id = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(ID_MAX));

const hostVolume = v.object({
  name: acName,
  kind: v.literal('host'),
  source: absolutePath,
  readOnly: nullable(v.boolean()),
  recursive: nullable(v.boolean()),
  mode: nullable(v.never('expected no mode: it is for an empty volume')),
  uid: nullable(v.never('expected no uid: it is for an empty volume')),
  gid: nullable(v.never('expected no gid: it is for an empty volume')),
});

const emptyVolume = v.object({
  name: acName,
  kind: v.literal('empty'),
  source: v.optional(v.literal('', 'expected no source: it is for a volume of the host'), ''),
  readOnly: nullable(v.boolean()),
  recursive: nullable(v.boolean()),
  mode: nullable(v.pipe(v.string(), v.regex(/^[0-7]{3,4}$/, 'expected octal digits such as 0755'))),
  uid: nullable(id),
  gid: nullable(id),
});

const volume = v.variant('kind', [hostVolume, emptyVolume]);

const mount = v.object({ volume: acName, path: absolutePath, appVolume: nullable(volume) });

const runtimeApp = v.object({
  name: acName,
  image,
  app: nullable(app),
  readOnlyRootFS: v.optional(v.boolean(), false),
  mounts: list(mount, ENTRIES_MAX),
  annotations,
});

const port = v.object({
  name: acName,
  hostPort: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(PORT_MAX)),
  hostIP: v.optional(v.string(), ''),
});

/** The schema of a pod manifest, but for what its values have to do with each other. */
export const podManifest = v.object({
  acKind: v.literal('PodManifest'),
  acVersion: version,
  apps: v.pipe(list(runtimeApp, APPS_MAX), v.nonEmpty('pod must contain at least one application'), unique()),
  volumes: v.pipe(list(volume, ENTRIES_MAX), unique()),
  isolators: list(v.object({ name: identifier, value: v.unknown() }), ENTRIES_MAX),
  annotations,
  ports: list(port, ENTRIES_MAX),
  userAnnotations: strings,
  userLabels: strings,
});
