// SPDX-License-Identifier: Apache-2.0
import { deletePod } from '@rkt/collect';
import { printDuration } from '@rkt/human';
import { movePod } from '@rkt/pods';
import { forEachUnused, isOlder, type GarbageRules } from './garbage.ts';

/** Deletes pods that were marked long enough ago, prepared pods that nobody ran, and garbage. */
export async function sweep(rules: GarbageRules): Promise<void> {
  const { dir, graceMs, expireMs, now, note } = rules;
  // Whoever makes a pod takes the lock of its embryo, and makes another one if that is taken.
  await forEachUnused(rules, 'embryo', (pod) => void movePod(dir, pod, 'garbage'));
  await forEachUnused(rules, 'prepared', (pod) => {
    if (!isOlder(pod, expireMs, now)) return;
    note(`moving expired prepared pod "${pod.uuid}" to garbage`);
    movePod(dir, pod, 'garbage');
  });
  await forEachUnused(rules, 'exited-garbage', async (pod) => {
    if (!isOlder(pod, graceMs, now)) {
      note(`pod "${pod.uuid}" not removed: still within grace period (${printDuration(graceMs)})`);
      return;
    }
    rules.print(`Garbage collecting pod "${pod.uuid}"`);
    await deletePod(dir, pod);
  });
  await forEachUnused(rules, 'garbage', async (pod) => deletePod(dir, pod));
}
