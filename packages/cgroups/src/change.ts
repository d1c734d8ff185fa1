// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync } from 'node:fs';
import type { Op } from '@rkt/plan';
import { EXIT, Failure, hasCode, reason } from '@rkt/exit';
import { read, trackedMount, type Hierarchies } from './hierarchies.ts';
import { makeV1, makeV2 } from './ops.ts';
import { appDirectory, podDirectory } from './paths.ts';
import { placesOf, type Place } from './places.ts';
import type { Resources } from './resources.ts';
import type { Setting } from './row.ts';
import { moveInto, write } from './write.ts';

/** New limits of the cgroups of a running pod. */
export interface LimitChange {
  readonly hierarchies: Hierarchies;
  /** The UUID of the pod. */
  readonly pod: string;
  /** All apps of the pod that run, with all limits that they are to have. */
  readonly apps: readonly { readonly app: string; readonly resources: Resources }[];
  readonly podResources?: Resources | undefined;
}

/** A write into a file of a cgroup. */
interface Step {
  readonly directory: string;
  readonly setting: Setting;
  /** What the file said, as it would have to be written. */
  readonly before: string;
}

/**
 * Gives the cgroups of a running pod new limits, all of them or none.
 *
 * Where a limit needs a hierarchy of v1 that an app has no cgroup in, the cgroup is made and the processes are moved into it:
 * what they used before is not counted there. Returns a function that brings the old limits back.
 */
export function changeLimits(change: LimitChange): () => void {
  const { hierarchies, pod, apps, podResources } = change;
  const steps: Step[] = [];
  for (const [index, { app, resources }] of apps.entries()) {
    const path = { hierarchies, pod, app };
    for (const place of placesOf({ hierarchies, resources, podResources }).places) {
      makeCgroups(path, place);
      steps.push(
        ...(index === 0 ? stepsOf(podDirectory(place.mount, pod), place.podSettings) : []),
        ...stepsOf(appDirectory(place.mount, pod, app), place.settings),
      );
    }
  }
  return perform(inOrder(steps));
}

function makeCgroups(path: { hierarchies: Hierarchies; pod: string; app: string }, place: Place): void {
  const { hierarchies, pod, app } = path;
  if (place.version === 2) return makeV2(path, place).forEach(execute);
  const own = appDirectory(place.mount, pod, app);
  if (!existsSync(own)) makeV1(path, place).forEach(execute);
  const source = hierarchies.unified ?? trackedMount(hierarchies);
  if (source !== undefined && source !== place.mount) moveInto(own, appDirectory(source, pod, app));
}

function execute(op: Op): void {
  if (op.op === 'mkdir') mkdirSync(op.path, { recursive: true, mode: op.mode });
  else if (op.op === 'write') write(op.path, op.text);
}

/** The writes that change something. */
function stepsOf(directory: string, settings: readonly Setting[]): Step[] {
  return settings.flatMap((setting) => {
    const before = textBefore(setting, read(`${directory}/${setting.file}`) ?? '');
    return before === setting.value ? [] : [{ directory, setting, before }];
  });
}

/** Of a file with a line for each device only one matters, and it is missing where nothing is limited. */
function textBefore({ file, value }: Setting, text: string): string {
  const [device = '', limit = ''] = value.split(' ');
  const isOfDevices = file === 'io.max' || file.startsWith('blkio.throttle.');
  if (!isOfDevices) return text.trim();
  const line = text.split('\n').find((one) => one.startsWith(`${device} `));
  if (file !== 'io.max') return line ?? `${device} 0`;
  const [key = ''] = limit.split('=');
  return `${device} ${line?.split(' ').find((word) => word.startsWith(`${key}=`)) ?? `${key}=max`}`;
}

/**
 * What is raised comes first, and what counts more before what counts less; then what is lowered, the other way round:
 * memory with swap can never be less than memory alone, nor the processor time of a pod less than that of its app on v1.
 */
function inOrder(steps: readonly Step[]): Step[] {
  const raised = steps.filter(isRaise);
  return [...raised.toReversed(), ...steps.filter((step) => !raised.includes(step))];
}

function isRaise({ setting, before }: Step): boolean {
  return amountIn(setting.value) > amountIn(before);
}

function amountIn(text: string): number {
  const [first = ''] = text.split(' ');
  return first === 'max' || first === '-1' ? Infinity : Number(first);
}

function perform(steps: readonly Step[]): () => void {
  const done: Step[] = [];
  const restore = () => {
    // The way back is the way here: each step leads to what the kernel had accepted before.
    for (const { directory, setting, before } of done.toReversed()) {
      attempt(() => write(`${directory}/${setting.file}`, before === '' ? '\n' : before));
    }
  };
  let left: readonly Step[] = steps;
  while (left.length > 0) {
    const refusals = left.map((step) => ({ step, error: attempt(() => set(step)) }));
    done.push(...refusals.flatMap(({ step, error }) => (error === undefined ? [step] : [])));
    const failed = refusals.filter(({ error }) => error !== undefined);
    const [first] = failed;
    // What one write refuses, another one may have made possible, such as a period for a quota.
    if (first !== undefined && failed.length === left.length) {
      restore();
      throw refusal(first.step, first.error);
    }
    left = failed.map(({ step }) => step);
  }
  return restore;
}

function set({ directory, setting: { file, value } }: Step): void {
  // v2 takes less memory than is used, and kills until it fits.
  const used = file === 'memory.max' ? Number(read(`${directory}/memory.current`) ?? 0) : 0;
  if (amountIn(value) < used) throw new Failure(EXIT.system, `it uses ${used} bytes`);
  write(`${directory}/${file}`, value);
}

function attempt(work: () => void): Error | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof Failure || hasCode(error, 'EINVAL', 'EBUSY', 'ERANGE', 'ENOENT', 'EACCES', 'ENODEV', 'ENOSPC'))
      return error;
    throw error;
  }
}

function refusal({ directory, setting: { file, value } }: Step, error: unknown): Failure {
  return new Failure(
    EXIT.system,
    `cannot set "${directory}/${file}" to ${value}: ${reason(error)}: nothing was changed`,
  );
}
