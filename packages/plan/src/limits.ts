// SPDX-License-Identifier: Apache-2.0

/** The bounds of the plan language; stage1 has the same, since it reads everything into fixed buffers. */
export const limits = {
  /** Bytes of one plan. */
  planBytes: 512 * 1024,
  /** Operations of one plan; comments and blank lines do not count. */
  operations: 4096,
  /** Bytes of one line without its line feed, comments included. */
  lineBytes: 131_072,
  /** Words of one line, the operation included. */
  words: 4096,
  /** Bytes of a path. */
  pathBytes: 4095,
  /** Bytes of the name of a file beside the plan. */
  fileNameBytes: 255,
  /** Descriptors a plan may number; those of stage1 itself lie above. */
  descriptors: 64,
  /** Extents of an id map, as the kernel has it since 4.15. */
  idMappings: 340,
  /** `app` lines of one plan; with the plan itself and that of its first process these are all plans of one start. */
  apps: 63,
  /** Filter files of one start. */
  filters: 64,
  /** `clone` lines of one plan. */
  clones: 3,
  /** `rmdir_after` lines of one plan. */
  removals: 512,
} as const;
