// SPDX-License-Identifier: Apache-2.0
export { decompress, digestOf, newTally, type Tally } from './decompress.ts';
export { layerLimits, type LayerLimits } from './limits.ts';
export { sourceOf } from './source.ts';
export { readTar, type TarEntry } from './tar/reader.ts';
export { printTreeLine, type TreeLine } from './tree-stream.ts';
export { unpackLayer, type UnpackOptions, type UnpackResult } from './unpack-layer.ts';
