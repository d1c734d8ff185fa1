// SPDX-License-Identifier: Apache-2.0
import { lstatSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EXIT, Failure } from '@rkt/exit';
import { readRegular } from '@rkt/files';
import { printable, type AppName } from '@rkt/names';
import { limits } from '@rkt/plan';
import { readPod, type Pod } from '@rkt/pods';

/** A plan of a pod: its own, that of its first process, or one of an app. */
export interface PlanFile {
  /** The name in the pod's directory: `plan`, `init`, `apps/NAME/plan`, or `apps/NAME/start`. */
  readonly name: string;
  readonly path: string;
  readonly text: string;
}

/** The pod's own plan, that of its first process, and those of its apps in the order in which it starts them; or those of one app. */
export function plansOf(pod: Pod, app: string | undefined): PlanFile[] {
  const { apps, mutable } = readPod(pod);
  const names = apps.map(({ name }) => name);
  const ofApp = (name: AppName) => {
    const output = apps.find((candidate) => candidate.name === name)?.output;
    const files = [...(mutable ? ['start'] : []), 'plan', ...(output === undefined ? [] : ['output'])];
    return files.map((file) => `apps/${name}/${file}`);
  };
  const chosen = app === undefined ? names : names.filter((name) => name === app);
  if (app === undefined || chosen.length > 0) {
    const own = app === undefined ? ['plan', 'init'] : [];
    return [...own, ...chosen.flatMap(ofApp)].map((name) => readPlan(pod, name));
  }
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
