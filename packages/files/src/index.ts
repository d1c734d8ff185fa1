// SPDX-License-Identifier: Apache-2.0
export { collect, ended, feedBlob, startPiped, type Ended, type OpenBlob, type Piped } from './child.ts';
export { contentOf, nothing } from './content.ts';
export {
  renameDurably,
  renameUnsynced,
  syncDirectory,
  temporaryBeside,
  writeDurably,
  writeNew,
  writeScratch,
} from './durable.ts';
export { deviceNumbers } from './device.ts';
export { lock, Lock, lockedFiles, tryLock } from './lock.ts';
export { openRegular, readBounded, readRegular, readText } from './read.ts';
export { exists, mountsBelow, namesIn } from './look.ts';
export { removeTree } from './remove-tree.ts';
export { kernelFeatures, libraryDirectory, libraryFile, parseFeatures, runStage1 } from './stage1.ts';
