// SPDX-License-Identifier: Apache-2.0
export { type AciExpectation } from './aci.ts';
export { decompress, digestOf, newTally, type Compression, type Tally } from './decompress.ts';
export { printAciExpectation, takeAciExpectation } from './expectation.ts';
export { layerLimits, type LayerLimits } from './limits.ts';
export { readAci, type AciReading } from './read-aci.ts';
export { sourceOf } from './source.ts';
export { readTar, type TarEntry } from './tar/reader.ts';
export { printTreeLine, type TreeLine } from './tree-stream.ts';
export { unpackLayer, type UnpackOptions, type UnpackResult } from './unpack-layer.ts';
