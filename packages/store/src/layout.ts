// SPDX-License-Identifier: Apache-2.0
import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { EXIT, Failure } from '@rkt/exit';
import { exists, lock, readRegular, writeDurably } from '@rkt/files';
import {
  EMPTY_LAYOUT_INDEX,
  parseLayoutIndex,
  parseLayoutMarker,
  printLayoutIndex,
  printLayoutMarker,
  type LayoutIndex,
} from '@rkt/formats';
import { cannotWrite } from './errors.ts';
import { blobsPath, indexPath, markerPath, partialsPath } from './paths.ts';

/** The size of the largest `index.json`: some ten thousand images. */
const INDEX_BYTES_MAX = 16 * 1024 * 1024;

const GROUP_WRITES = 0o020;

/** Makes the directories and the marker of a layout that are not there yet. */
export function createLayout(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o755 });
    for (const path of [blobsPath(dir), partialsPath(dir)]) makeBelow(dir, path);
    // The marker comes before the first index, so an index without marker is not ours.
    if (!exists(markerPath(dir))) writeDurably(markerPath(dir), printLayoutMarker());
  } catch (error) {
    throw cannotWrite(dir, error);
  }
}

/**
 * Makes a directory of the store, and those that lead to it. If the group may write in the store, as in that of several
 * users, it may write there too, whatever the umask of whoever makes it.
 */
export function makeBelow(dir: string, path: string): void {
  if (path === dir) return;
  makeBelow(dir, dirname(path));
  if (mkdirSync(path, { recursive: true, mode: 0o755 }) === undefined) return;
  const { mode } = statSync(dir);
  if ((mode & GROUP_WRITES) !== 0) chmodSync(path, mode & 0o7777);
}

/** Refuses a directory that is no layout. One without marker and index is the store of a writer that was killed at once: empty. */
export function checkLayout(dir: string): void {
  if (!exists(dir)) throw new Failure(EXIT.notFound, `cannot open store "${dir}": no such directory`);
  const marker = readRegular(markerPath(dir), 4096);
  if (marker !== undefined) return parseLayoutMarker(marker, markerPath(dir));
  if (exists(indexPath(dir))) {
    throw new Failure(
      EXIT.dataRefused,
      `cannot open store "${dir}": it has no file "oci-layout": wanted an OCI layout`,
    );
  }
}

/** Reads `index.json`; a layout without one has no images yet. */
export function readLayoutIndex(dir: string): LayoutIndex {
  const bytes = readRegular(indexPath(dir), INDEX_BYTES_MAX);
  return bytes === undefined ? EMPTY_LAYOUT_INDEX : parseLayoutIndex(bytes, indexPath(dir));
}

/** Changes `index.json` under the lock of the store; nothing is written if nothing changes. */
export async function changeIndex(dir: string, change: (index: LayoutIndex) => LayoutIndex): Promise<void> {
  using _held = await lock(dir);
  writeLayoutIndex(dir, change(readLayoutIndex(dir)));
}

function writeLayoutIndex(dir: string, index: LayoutIndex): void {
  const text = printLayoutIndex(index);
  if (readRegular(indexPath(dir), INDEX_BYTES_MAX)?.toString() === text) return;
  try {
    writeDurably(indexPath(dir), text);
  } catch (error) {
    throw cannotWrite(indexPath(dir), error);
  }
}
