// SPDX-License-Identifier: Apache-2.0
import { movePod } from '@rkt/pods';
import { forEachUnused, type GarbageRules } from './garbage.ts';

/** Moves pods that have exited and preparations that failed to where the sweep finds them. */
export async function mark(rules: GarbageRules): Promise<void> {
  const { dir, note } = rules;
  await forEachUnused(rules, 'run', (pod) => {
    note(`moving pod "${pod.uuid}" to garbage`);
    movePod(dir, pod, 'exited-garbage');
  });
  await forEachUnused(rules, 'prepare', (pod) => {
    note(`moving failed prepare "${pod.uuid}" to garbage`);
    movePod(dir, pod, 'garbage');
  });
}
