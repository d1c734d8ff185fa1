// SPDX-License-Identifier: Apache-2.0
import * as v from 'valibot';
import { isAppName, isDigest, isPodUuid } from '@rkt/names';
import { parseOwn } from './own.ts';
import { podResources } from './runtime-resources.ts';

const isDigestOf = v.custom<import('@rkt/names').Digest>((x) => typeof x === 'string' && isDigest(x));

/**
 * A volume of a pod: a directory or file of the host, an empty directory that lives as long as the pod, one in memory that lives
 * as long as the pod runs, or the files of an image.
 */
const volume = v.variant('kind', [
  v.strictObject({
    kind: v.literal('host'),
    name: v.string(),
    source: v.string(),
    /** The source is a file, not a directory. */
    isFile: v.boolean(),
    readOnly: v.boolean(),
    recursive: v.boolean(),
    /** False: what is mounted below a read-only volume stays as it is. */
    recursiveReadOnly: v.optional(v.boolean()),
    /** What the host mounts there later is mounted in the app as well; `shared`: and the other way round. */
    propagation: v.optional(v.picklist(['slave', 'shared'])),
    /** No program is executed from there. */
    noExec: v.optional(v.boolean()),
  }),
  v.strictObject({
    kind: v.literal('empty'),
    name: v.string(),
    readOnly: v.boolean(),
    mode: v.number(),
    uid: v.number(),
    gid: v.number(),
    /** The directory of an image that is its content at first, with its mode and owner. */
    filled: v.optional(v.strictObject({ layers: v.array(isDigestOf), path: v.string() })),
  }),
  v.strictObject({
    kind: v.literal('tmpfs'),
    name: v.string(),
    readOnly: v.boolean(),
    mode: v.number(),
    uid: v.number(),
    gid: v.number(),
    sizeBytes: v.number(),
  }),
  v.strictObject({
    kind: v.literal('image'),
    name: v.string(),
    readOnly: v.literal(true),
    /** The image, and the chain ids of its layers, as those of an app. */
    image: v.strictObject({ id: isDigestOf, name: v.string(), layers: v.array(isDigestOf) }),
    /** The directory of the image that is the volume, not all of it. */
    subPath: v.optional(v.string()),
  }),
]);

/** What people wrote down; nothing of it changes what runs. */
const notes = {
  annotations: v.optional(v.record(v.string(), v.string())),
  userAnnotations: v.optional(v.record(v.string(), v.string())),
  userLabels: v.optional(v.record(v.string(), v.string())),
};

const app = v.strictObject({
  name: v.custom<import('@rkt/names').AppName>((x) => typeof x === 'string' && isAppName(x)),
  image: v.strictObject({
    /** The digest of the image's manifest. */
    id: isDigestOf,
    /** The reference by which the image was asked for. */
    name: v.string(),
    /** The chain ids of its layers, the lowest first: the names of the trees below `layers/`. */
    layers: v.array(isDigestOf),
    labels: v.record(v.string(), v.string()),
    ports: v.array(v.string()),
  }),
  /** The signal that asks the app to end. */
  stopSignal: v.string(),
  /** When it is started anew after its end, at most so often; 0 is without limit. */
  restart: v.optional(v.strictObject({ policy: v.picklist(['no', 'on-failure', 'always']), limit: v.number() }), {
    policy: 'no',
    limit: 0,
  }),
  /** Whose processes it sees and is among: those of the pod, its own, or those of the host. */
  processes: v.optional(v.picklist(['pod', 'app', 'host']), 'pod'),
  interactive: v.boolean(),
  /** What becomes of its input and output; nothing is said where they are those of rkt-run-prepared. */
  output: v.optional(
    v.strictObject({
      /** Whoever attaches to the app can type; otherwise it reads nothing. */
      stdin: v.picklist(['null', 'stream']),
      /** Into the log, to whoever attaches to the app, both, or nowhere. */
      stdout: v.picklist(['null', 'log', 'stream', 'both']),
      stderr: v.picklist(['null', 'log', 'stream', 'both']),
      /** Bytes of the log before it is rotated, and how many files are kept. */
      maxSizeBytes: v.number(),
      maxFiles: v.number(),
    }),
  ),
  mounts: v.array(
    v.strictObject({
      volume: v.string(),
      target: v.string(),
      readOnly: v.boolean(),
      /** The part of the volume that is mounted, not all of it. */
      subPath: v.optional(v.string()),
      /** That part is a file. */
      isFile: v.optional(v.boolean()),
    }),
  ),
  ...notes,
});

const idMap = v.array(v.strictObject({ inside: v.number(), outside: v.number(), count: v.number() }));

const owner = v.strictObject({
  uid: v.number(),
  gid: v.number(),
  /** The user namespace of the owner: id 0 is the owner, those from 1 on are its subordinate ids, if it has any. */
  uidMap: idMap,
  gidMap: idMap,
  /** The directory of a v2 cgroup that was delegated to the owner and has the cgroups of the pod. */
  cgroup: v.optional(v.string()),
});

const pod = v.strictObject({
  version: v.literal(1),
  uuid: v.custom<import('@rkt/names').PodUuid>((x) => typeof x === 'string' && isPodUuid(x)),
  /** Milliseconds since 1970. */
  created: v.number(),
  /** Apps come and go while it runs; it ends when it is stopped. */
  mutable: v.optional(v.boolean(), false),
  hostname: v.string(),
  network: v.picklist(['none', 'host']),
  /** The pod is in the IPC namespace of the host; else it has one of its own. */
  ipc: v.optional(v.literal('host')),
  /** The user whose pod it is, if that is not root: `userNamespace` has ids of its namespace. */
  owner: v.optional(owner),
  /** The pod's own range of 65536 user and group ids, or why it has none. */
  userNamespace: v.union([
    v.strictObject({ first: v.number(), count: v.number() }),
    v.strictObject({ unavailable: v.string() }),
  ]),
  /** Limits that hold over all apps together. */
  resources: v.optional(podResources),
  /** Settings of the kernel in the namespaces of the pod, by their paths below /proc/sys. */
  sysctls: v.optional(v.record(v.string(), v.string())),
  insecureOptions: v.array(v.string()),
  volumes: v.array(volume),
  apps: v.array(app),
  ...notes,
});

/** The pod: `pod.json` in its directory, written by rkt-prepare and read by everybody else. */
export type PodManifest = v.InferOutput<typeof pod>;

/** The limits of the pod as a whole. */
export type PodResources = NonNullable<PodManifest['resources']>;

/** An app of the pod. */
export type PodApp = PodManifest['apps'][number];

/** The user whose pod it is, if that is not root. */
export type PodOwner = NonNullable<PodManifest['owner']>;

/** A volume of the pod. */
export type PodVolume = PodManifest['volumes'][number];

/** Reads `pod.json`; the path is for the message. */
export function parsePod(text: string, path: string): PodManifest {
  return parseOwn(pod, text, path);
}

/** The text of `pod.json`. */
export function printPod(manifest: PodManifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}
