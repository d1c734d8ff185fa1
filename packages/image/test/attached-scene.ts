// SPDX-License-Identifier: Apache-2.0
// An image in a store with things that are attached to it, and a place that says who may speak for it.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { MEDIA_TYPE } from '@rkt/formats';
import { isDigest, type Digest } from '@rkt/names';
import { runBin, TemporaryDirectory, type Result } from '@rkt/pod-fixtures';
import { openStore, type Store } from '@rkt/store';
import { describe, type Artifact } from '../../../test/attach.ts';
import { addImage, blobPath } from './fixture.ts';

/** The name of the image. */
export const NAME = 'example.com/app:1';

/** What a test has. */
export interface Scene {
  readonly dir: string;
  readonly store: Store;
  readonly subject: { readonly mediaType: string; readonly digest: Digest; readonly size: number };
  readonly attach: (...artifacts: readonly Artifact[]) => Promise<void>;
  /** Puts a file into the trust store of the administrator. */
  readonly trust: (path: string, content: string) => string;
  readonly run: (command: string, ...words: readonly string[]) => Result;
  /** The same, and it has to work without a word. */
  readonly ok: (command: string, ...words: readonly string[]) => string;
  /** The list as JSON. */
  readonly listed: () => Record<string, unknown>[];
}

/** Makes an image that nothing is attached to. */
export function makeScene(t: TestContext): Scene {
  const place = new TemporaryDirectory();
  // Nobody else may write above what says who is trusted: /tmp will not do.
  const local = mkdtempSync(join(process.geteuid?.() === 0 ? '/run' : homedir(), 'rkt-image-test-'));
  chmodSync(local, 0o755);
  t.after(() => {
    place[Symbol.dispose]();
    rmSync(local, { recursive: true });
  });
  const dir = place.path;
  const { id } = addImage(dir, NAME);
  assert.ok(isDigest(id));
  const subject = { ...describe(readFileSync(blobPath(dir, id)), MEDIA_TYPE.manifest), digest: id };
  const store = openStore(join(dir, 'store'), { create: true });
  const run = (command: string, ...words: readonly string[]) =>
    runBin('rkt-image', [command, `--dir=${dir}`, `--local-config=${local}`, '--system-config=/none', ...words, NAME]);
  const ok = (command: string, ...words: readonly string[]) => {
    const { status, stdout, stderr } = run(command, ...words);
    assert.deepEqual([status, stderr], [0, '']);
    return stdout;
  };
  return {
    dir,
    store,
    subject,
    attach: async (...artifacts) => {
      for (const { manifest, blobs } of artifacts) await store.addArtifact({ subject: id, manifest, blobs });
    },
    trust: (path, content) => {
      const file = join(local, 'trustedkeys', path);
      mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
      writeFileSync(file, content, { mode: 0o644 });
      return file;
    },
    run,
    ok,
    listed: () => JSON.parse(ok('attestations', '--format=json')),
  };
}
