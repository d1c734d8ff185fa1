// SPDX-License-Identifier: Apache-2.0
// Images that a test makes for itself, written straight into the store of a data directory.
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { writeLayout, type Image } from '../images/layout.ts';
import { tar, type Entry } from '../images/tar.ts';
import { type Rkt } from './rkt.ts';

/** An image that lacks only its name. */
export type Made = Omit<Image, 'tag'>;

/** Fills the store, which must not be there yet, with images; returns the references under which rkt knows them. */
export function storeImages(rkt: Rkt, made: Readonly<Record<string, Made>>): Record<string, string> {
  const store = join(rkt.dir, 'store');
  mkdirSync(store);
  const named = Object.entries(made).map(
    ([name, image]) => [name, `registry.example.com/${name}:latest`, image] as const,
  );
  writeLayout(store, named.map(([, tag, image]) => ({ ...image, tag }))); // prettier-ignore
  return Object.fromEntries(named.map(([name, tag]) => [name, `docker://${tag}`]));
}

/** A layer with the static busybox of this machine as /bin/sh and a few of its names, and further entries. */
export function busyboxLayer(...more: readonly Entry[]): Buffer {
  const path = spawnSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).stdout.trim();
  const names = ['sh', 'cat', 'ls', 'id', 'true', 'sleep', 'echo', 'touch', 'stat', 'env', 'readlink', 'stty', 'pwd'];
  return tar([
    { path: './', type: 'directory' },
    { path: 'bin', type: 'directory' },
    { path: 'bin/busybox', mode: 0o755, content: readFileSync(path) },
    ...names.map((name): Entry => ({ path: `bin/${name}`, type: 'symlink', target: 'busybox' })),
    ...more,
  ]);
}
