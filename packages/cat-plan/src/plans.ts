// SPDX-License-Identifier: Apache-2.0
import { lstatSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EXIT, Failure } from '@rkt/exit';
import { readRegular } from '@rkt/files';
import { isAppName, printable, type AppName } from '@rkt/names';
import { limits } from '@rkt/plan';
import { readPod, type Pod } from '@rkt/pods';

/** A plan of a pod: its own, or that of an app. */
export interface PlanFile {
  /** The name in the pod's directory: `plan` or `apps/NAME/plan`. */
  readonly name: string;
  readonly path: string;
  readonly text: string;
}

/** The pod's own plan and those of its apps, in the order in which it starts them; or that of one app. */
export function plansOf(pod: Pod, app: string | undefined): PlanFile[] {
  const names = readPod(pod).apps.map(({ name }) => name);
  if (app === undefined) return [readPlan(pod, 'plan'), ...names.map((name) => readPlan(pod, planOf(name)))];
  if (isAppName(app) && names.includes(app)) return [readPlan(pod, planOf(app))];
  throw new Failure(
    EXIT.notFound,
    `cannot find app "${printable(app)}" in pod "${pod.uuid}": it has no such app: wanted one of ${names.join(', ')}`,
  );
}

/**
 * The text of a plan under a line that names it.
 *
 * What a terminal could obey is printed as an escape of the plan language, so that the text is the same plan.
 */
export function showPlan({ name, text }: PlanFile): string {
  return `# --- ${name} ---\n${visible(text).trimEnd()}`;
}

function planOf(name: AppName): string {
  return `apps/${name}/plan`;
}

function readPlan(pod: Pod, name: string): PlanFile {
  const path = join(pod.path, name);
  for (let parent = dirname(path); parent !== pod.path; parent = dirname(parent)) {
    if (lstatSync(parent, { throwIfNoEntry: false })?.isSymbolicLink()) {
      throw new Failure(EXIT.dataRefused, `cannot read "${path}": "${parent}" is a symbolic link`);
    }
  }
  const bytes = readRegular(path, limits.planBytes);
  if (bytes === undefined) throw new Failure(EXIT.notFound, `cannot read "${path}": no such file`);
  return { name, path, text: bytes.toString() };
}

/** The text with everything that a terminal could obey, but for line feeds, as escapes of the plan language. */
export function visible(text: string): string {
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (character) =>
    Array.from(Buffer.from(character), (byte) => `\\${byte.toString(8).padStart(3, '0')}`).join(''),
  );
}
