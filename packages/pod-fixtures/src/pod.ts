// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { printPod, type PodManifest } from '@rkt/formats';
import { isAppName, isDigest, isPodUuid, type AppName, type Digest, type PodUuid } from '@rkt/names';
import { makePhases, type Phase, type Pod } from '@rkt/pods';

/** A temporary data directory of rkt, removed when it is disposed. */
export class TemporaryDirectory implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'rkt-test-'));

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** What a hand-made pod looks like; everything has a default. */
export interface PodOptions {
  readonly uuid?: string;
  readonly phase?: Phase;
  readonly apps?: readonly string[];
  /** The content of `status`. */
  readonly status?: string;
  /** The content of `apps/NAME/status`, by name. */
  readonly appStatus?: Readonly<Record<string, string>>;
  readonly error?: string;
  readonly manifest?: Partial<PodManifest>;
  readonly imageName?: string;
}

/** The time at which hand-made pods were created, in milliseconds. */
export const CREATED_MS = 1_500_000_000_000;

/** A digest that ends in the given digits. */
export function digest(tail: string): Digest {
  const text = `sha256:${tail.padStart(64, '0')}`;
  if (isDigest(text)) return text;
  throw new Error(`not hexadecimal: ${tail}`);
}

/** A UUID of a pod: random, or one that begins with the given digits. */
export function podUuid(prefix = ''): PodUuid {
  const uuid = prefix + randomUUID().slice(prefix.length);
  if (isPodUuid(uuid)) return uuid;
  throw new Error(`not the beginning of a pod's UUID: ${prefix}`);
}

/** Makes the directory of a pod as rkt-prepare leaves it, plus the statuses that are asked for. */
export function makePod(dir: string, options: PodOptions = {}): Pod {
  makePhases(dir);
  const phase = options.phase ?? 'prepared';
  const uuid = podUuid(options.uuid);
  const path = join(dir, 'pods', phase, uuid);
  const names = (options.apps ?? ['app']).map(appName);
  mkdirSync(join(path, 'volumes'), { recursive: true, mode: 0o700 });
  const manifest = { ...manifestOf(uuid, names, options.imageName), ...options.manifest };
  writeFileSync(join(path, 'pod.json'), printPod(manifest));
  writeFileSync(join(path, 'plan'), '# the pod\nchdir /\n');
  writeFileSync(join(path, 'init'), '# the first process\nreap\n');
  for (const name of names) {
    for (const below of ['upper', 'work', 'rootfs']) mkdirSync(join(path, 'apps', name, below), { recursive: true });
    writeFileSync(join(path, 'apps', name, 'plan'), '# the app\nexec /bin/true true\n');
    const status = options.appStatus?.[name];
    if (status !== undefined) writeFileSync(join(path, 'apps', name, 'status'), status);
  }
  if (options.status !== undefined) writeFileSync(join(path, 'status'), options.status);
  if (options.error !== undefined) writeFileSync(join(path, 'error'), options.error);
  return { uuid, phase, path };
}

function manifestOf(uuid: PodUuid, names: readonly AppName[], imageName = 'docker://example.org/app:1'): PodManifest {
  return {
    version: 1,
    uuid,
    created: CREATED_MS,
    mutable: false,
    hostname: `rkt-${uuid}`,
    network: 'none',
    userNamespace: { first: 0x10000000, count: 65536 },
    insecureOptions: [],
    volumes: [{ kind: 'host', name: 'data', source: '/srv', isFile: false, readOnly: true, recursive: false }],
    apps: names.map((name) => ({
      name,
      image: { id: digest('abc'), name: imageName, layers: [digest('1'), digest('2')], labels: {}, ports: [] },
      stopSignal: 'SIGTERM',
      restart: { policy: 'no', limit: 0 },
      processes: 'pod',
      interactive: false,
      mounts: [{ volume: 'data', target: '/data', readOnly: true }],
    })),
  };
}

function appName(text: string): AppName {
  if (isAppName(text)) return text;
  throw new Error(`not an app name: ${text}`);
}
