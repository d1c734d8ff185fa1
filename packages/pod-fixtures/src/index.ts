// SPDX-License-Identifier: Apache-2.0
export { CREATED_MS, digest, makePod, podUuid, TemporaryDirectory, type PodOptions } from './pod.ts';
export { holdLock, runBin, Running, startBin, startFakePod, type Result } from './process.ts';
export { testRefusals } from './refusals.ts';
export { OrdinaryUser, type UserOptions } from './user.ts';
export { addAciSignatures, addSignatures, Keyring, type Signed } from './signing.ts';
