// SPDX-License-Identifier: Apache-2.0
export { layerLimits, type LayerLimits } from './limits.ts';
export { printTreeLine, type TreeLine } from './tree-stream.ts';
export { unpackLayer, type UnpackOptions, type UnpackResult } from './unpack-layer.ts';
