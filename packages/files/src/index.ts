// SPDX-License-Identifier: Apache-2.0
export {
  renameDurably,
  renameUnsynced,
  syncDirectory,
  temporaryBeside,
  writeDurably,
  writeNew,
  writeScratch,
} from './durable.ts';
export { lock, Lock, lockedFiles, tryLock } from './lock.ts';
export { openRegular, readBounded, readRegular, readText } from './read.ts';
export { exists, mountsBelow, namesIn } from './look.ts';
export { removeTree } from './remove-tree.ts';
export { runBounded } from './run-bounded.ts';
export { kernelFeatures, libraryDirectory, libraryFile, parseFeatures, runStage1 } from './stage1.ts';
