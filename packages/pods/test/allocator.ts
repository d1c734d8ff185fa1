// SPDX-License-Identifier: Apache-2.0
// A thread that allocates the ranges of many pods, beside others that do the same.
import { parentPort, workerData } from 'node:worker_threads';
import { isPodUuid } from '@rkt/names';
import { allocateRange } from '@rkt/pods';

const { dir, uuids, gate }: { dir: string; uuids: readonly string[]; gate: Int32Array } = workerData;

// All begin at once.
Atomics.wait(gate, 0, 0);
parentPort?.postMessage(uuids.filter(isPodUuid).map((uuid) => [uuid, allocateRange(dir, uuid)]));
