// SPDX-License-Identifier: Apache-2.0

/** Bounds of what a layer may make this process do; every loop over its bytes has one. */
export interface LayerLimits {
  /** Bytes of the blob. */
  readonly compressedBytes: number;
  /** Bytes of the tar, and bytes of all files together with their holes. */
  readonly uncompressedBytes: number;
  /** Bytes out per byte in, once more than `ratioFreeBytes` have come out. */
  readonly ratio: number;
  readonly ratioFreeBytes: number;
  /** Base-two logarithm of the memory that a zstd frame may ask for. */
  readonly zstdWindowLog: number;
  /** Frames and blocks of zstd: each costs time, and may hold next to nothing. */
  readonly zstdFrames: number;
  readonly zstdBlocks: number;
  /** Blocks of bzip2, for the same reason. */
  readonly bzip2Blocks: number;
  /** Headers of the tar, of every type. */
  readonly entries: number;
  readonly pathBytes: number;
  readonly componentBytes: number;
  readonly depth: number;
  /** Bytes of an extended header or of a long name. */
  readonly extensionBytes: number;
  /** Extended attributes of one entry, and bytes of the value of one. */
  readonly xattrs: number;
  readonly xattrBytes: number;
  /** Pieces of data in a sparse file. */
  readonly extents: number;
}

/** The limits for images of strangers: far above what images in use have. */
export const layerLimits: LayerLimits = {
  compressedBytes: 64 * 2 ** 30,
  uncompressedBytes: 64 * 2 ** 30,
  ratio: 200,
  ratioFreeBytes: 100 * 2 ** 20,
  zstdWindowLog: 27,
  zstdFrames: 500_000,
  zstdBlocks: 4_000_000,
  bzip2Blocks: 4_000_000,
  entries: 2_000_000,
  pathBytes: 4095,
  componentBytes: 255,
  depth: 256,
  extensionBytes: 2 ** 20,
  xattrs: 64,
  xattrBytes: 2 ** 16,
  extents: 65_536,
};
