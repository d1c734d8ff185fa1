// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { aciLayout, checkImageId, checkManifest, whitelistFilter, type AciExpectation } from './aci.ts';
import { compressionOf, decompress, digestOf, newTally } from './decompress.ts';
import { layerLimits, type LayerLimits } from './limits.ts';
import { aciTally, imageIdOf } from './read-aci.ts';
import { quote, refusal } from './refusal.ts';
import { sourceOf, type Source } from './source.ts';
import { readTar, type TarEntry } from './tar/reader.ts';
import { printTreeLine, type Attributes, type TreeLine } from './tree-stream.ts';
import { checkLinkTarget, parseWhiteout, refuseWhiteout } from './whiteouts.ts';
import { allowedXattr } from './xattrs.ts';

/** What a layer is said to be, and what it may cost. */
export interface UnpackOptions {
  readonly mediaType: string;
  readonly limits?: Partial<LayerLimits>;
  /** What the manifest and the configuration of the image say; a layer that is something else is refused before its stream ends. */
  readonly expected?: { readonly digest?: string; readonly size?: number; readonly diffId?: string };
  /** For an image in appc's format: its files lie below `rootfs`, and its tar has an image id instead of a diffID. */
  readonly aci?: AciExpectation;
}

/** What a layer turned out to be. */
export interface UnpackResult {
  /** Of the blob, and its size. */
  readonly digest: string;
  readonly size: number;
  /** Digest of the tar in it; of an ACI, its image id. */
  readonly diffId: string;
  /** Entries of the tree stream. */
  readonly entries: number;
  /** What of the layer was left out, one sentence each. */
  readonly warnings: readonly string[];
}

/** Takes lines and data of the tree stream. */
interface Printer {
  line: (line: TreeLine) => Promise<void>;
  data: (bytes: Uint8Array) => void | Promise<void>;
  flush: () => Promise<void>;
}

interface State {
  readonly source: Source;
  readonly printer: Printer;
  /** Sentences and how often they are true. */
  readonly warnings: Map<string, number>;
  /** True for an ACI, in which no name is a whiteout. */
  readonly isAci: boolean;
}

const WARNINGS = 64;

/**
 * Reads the blob of a layer and writes its tree stream.
 *
 * The stream ends in its `end` line only if everything about the layer is as expected.
 */
export async function unpackLayer(
  input: AsyncIterable<Uint8Array>,
  output: Writable,
  options: UnpackOptions,
): Promise<UnpackResult> {
  const { aci } = options;
  const limits = { ...layerLimits, ...options.limits };
  const [compressed, uncompressed] = [newTally(), aci === undefined ? newTally() : aciTally()];
  const compression = compressionOf(options.mediaType);
  const source = sourceOf(decompress({ blob: input, compression, limits, compressed, uncompressed }));
  const state: State = { source, printer: printerTo(output), warnings: new Map(), isAci: aci !== undefined };
  await state.printer.line({ op: 'tree', version: 1 });
  let entries = 0;
  let fileBytes = 0;
  for await (const entry of aci === undefined ? readTar(source, limits) : aciEntries(aci, source, limits)) {
    fileBytes += entry.size;
    if (fileBytes > limits.uncompressedBytes)
      throw refusal(`its files have more than ${limits.uncompressedBytes} bytes`);
    if (await unpackEntry(state, entry)) entries += 1;
  }
  const result = {
    digest: digestOf(compressed),
    size: compressed.bytes,
    diffId: aci === undefined ? digestOf(uncompressed) : imageIdOf(uncompressed),
    entries,
    warnings: [...state.warnings].map(([text, count]) => (count === 1 ? text : `${text} (${count} times)`)),
  };
  if (aci !== undefined) checkImageId(result.diffId, aci);
  checkExpected(result, options.expected ?? {});
  await state.printer.line({ op: 'end', count: entries });
  await state.printer.flush();
  return result;
}

/** The entries of the root file system of an ACI that its whitelists keep. */
async function* aciEntries(aci: AciExpectation, source: Source, limits: LayerLimits): AsyncGenerator<TarEntry> {
  const layout = aciLayout();
  const keeps = whitelistFilter(aci.whitelists);
  for await (const entry of readTar(source, limits)) {
    const placed = await layout.place(entry, source);
    if (placed === undefined || !keeps(placed)) continue;
    if (placed.type === 'link' && !keeps({ path: placed.linkname, type: 'file' })) {
      throw refusal(
        `the link ${quote(placed.path)} is to ${quote(placed.linkname)}, which the path whitelist leaves out`,
      );
    }
    yield placed;
  }
  checkManifest(layout.end(), aci);
}

/** Writes the lines of one entry; false if it is left out. */
async function unpackEntry(state: State, entry: TarEntry): Promise<boolean> {
  const { printer } = state;
  const { path, type } = entry;
  const whiteout = state.isAci ? refuseWhiteout(path) : parseWhiteout(type, path);
  if (whiteout?.kind === 'ignored') return leaveOut(state, 'a name that AUFS reserves');
  if (whiteout !== undefined) {
    if (entry.size > 0) throw refusal(`the whiteout ${quote(path)} has content`);
    await printer.line({ op: whiteout.kind, path: whiteout.path });
    return true;
  }
  if (type === 'character' && entry.device.major === 0 && entry.device.minor === 0) {
    throw refusal(`the device ${quote(path)} is a whiteout of overlayfs`);
  }
  if (type === 'character' || type === 'block') return leaveOut(state, `a ${type} device`);
  if (type === 'link') {
    checkLinkTarget(path, entry.linkname);
    await printer.line({ op: 'link', path, oldpath: entry.linkname });
    return true;
  }
  await printer.line(lineOf(entry));
  for (const { offset, length } of entry.extents) {
    await printer.line({ op: 'data', offset, length });
    if (!(await state.source.copy(length, printer.data))) throw refusal('the tar ends within an entry');
  }
  await unpackXattrs(state, entry);
  return true;
}

function lineOf({ type, path, linkname, mode, size, ...entry }: TarEntry): TreeLine {
  const { seconds, nanoseconds } = entry.mtime;
  const attributes: Attributes = { uid: entry.uid, gid: entry.gid, seconds, nanoseconds };
  if (type === 'file') return { op: 'file', path, mode, size, ...attributes };
  if (type === 'symlink') return { op: 'symlink', path, target: linkname, ...attributes };
  return { op: type === 'directory' ? 'dir' : 'fifo', path, mode, ...attributes };
}

async function unpackXattrs(state: State, { type, xattrs }: TarEntry): Promise<void> {
  for (const [name, given] of xattrs) {
    const value = allowedXattr(type, name, given);
    if (value === undefined) leaveOut(state, `the extended attribute ${quote(name)} of a ${type}`);
    else await state.printer.line({ op: 'xattr', name, value });
  }
}

/** Warns once for all entries of which something is left out for the same reason; returns false for brevity. */
function leaveOut({ warnings }: State, what: string): false {
  const own = `left out ${what}`;
  const sentence = warnings.has(own) || warnings.size < WARNINGS ? own : 'left out something else';
  warnings.set(sentence, (warnings.get(sentence) ?? 0) + 1);
  return false;
}

function checkExpected(result: UnpackResult, expected: NonNullable<UnpackOptions['expected']>): void {
  for (const key of ['size', 'digest', 'diffId'] as const) {
    const wanted = expected[key];
    if (wanted !== undefined && wanted !== result[key]) {
      throw refusal(`its ${key === 'diffId' ? 'diffID' : key} is ${result[key]}: wanted ${quote(String(wanted))}`);
    }
  }
}

/** Gathers lines, which are short, and passes on data as it is. */
function printerTo(output: Writable): Printer {
  const FULL_BYTES = 64 * 1024;
  let gathered: string[] = [];
  let bytes = 0;
  let failed: Error | undefined;
  // Between two writes nobody else would hear of it.
  output.on('error', (error: Error) => {
    failed = error;
  });

  async function write(chunk: Uint8Array): Promise<void> {
    if (failed !== undefined) throw failed;
    if (!output.write(chunk)) await once(output, 'drain');
  }

  async function flush(): Promise<void> {
    const text = gathered.join('');
    gathered = [];
    bytes = 0;
    if (text !== '') await write(Buffer.from(text, 'latin1'));
  }

  async function line(given: TreeLine): Promise<void> {
    const text = printTreeLine(given);
    gathered.push(text);
    bytes += text.length;
    if (bytes >= FULL_BYTES) await flush();
  }

  async function data(chunk: Uint8Array): Promise<void> {
    if (chunk.length < FULL_BYTES / 4) {
      gathered.push(Buffer.from(chunk).toString('latin1'));
      bytes += chunk.length;
      if (bytes >= FULL_BYTES) await flush();
      return;
    }
    await flush();
    await write(chunk);
  }

  return { line, data, flush };
}
