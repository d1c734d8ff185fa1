// SPDX-License-Identifier: Apache-2.0
import { deletePod } from '@rkt/collect';
import { printDuration } from '@rkt/human';
import { movePod } from '@rkt/pods';
import { forEachUnused, isOlder, type GarbageRules } from './garbage.ts';

// Between the making of an embryo and its lock its maker has nothing in hand but time.
const EMBRYO_MS = 60_000;

/** Deletes pods that were marked long enough ago, prepared pods that nobody ran, and garbage. */
export async function sweep(rules: GarbageRules): Promise<void> {
  const { dir, graceMs, expireMs, now, note } = rules;
  await forEachUnused(rules, 'embryo', (pod) => {
    if (isOlder(pod, Math.max(graceMs, EMBRYO_MS), now)) movePod(dir, pod, 'garbage');
  });
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
