// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { writeNew } from '@rkt/files';
import { printPlan, type Line } from '@rkt/plan';
import { type Pod } from '@rkt/pods';

/**
 * Writes the plan of one command into the app's directory, beside the filter that it names.
 *
 * It stays until the pod is removed: a record of what was executed in the app, when, and by which user.
 */
export function writeEnterPlan(
  pod: Pod,
  app: string,
  { plan, caller }: { plan: readonly Line[]; caller: string },
): string {
  const path = join(pod.path, 'apps', app, `enter-${Date.now()}-${process.pid}.plan`);
  const record: Line = { op: '#', text: `entered at ${new Date().toISOString()} by uid ${caller}` };
  writeNew(path, printPlan([record, ...plan]), 0o600);
  return path;
}
