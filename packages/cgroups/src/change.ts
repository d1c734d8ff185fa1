// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync } from 'node:fs';
import type { Op } from '@rkt/plan';
import { EXIT, Failure, reason } from '@rkt/exit';
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
 * what they used before is not counted there. Returns a function that brings the old limits back, and returns the files that it
 * could not write.
 */
export function changeLimits(change: LimitChange): () => readonly string[] {
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
  return perform(steps);
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

function amountIn(text: string): number {
  const [first = ''] = text.split(' ');
  return first === 'max' || first === '-1' ? Infinity : Number(first);
}

/**
 * Writes until nothing is left, or until nothing more is taken.
 *
 * The order is that of the kernel: it takes no memory above that of memory and swap, no quota of an app above that of its pod,
 * no quota that does not fit the period. What it refuses now, another write may have made possible, up and down alike.
 */
function perform(steps: readonly Step[]): () => readonly string[] {
  const done: Step[] = [];
  const restore = () =>
    // The way back is the way here: each step leads to what the kernel had accepted before.
    done.toReversed().flatMap(({ directory, setting, before }) => {
      const path = `${directory}/${setting.file}`;
      return attempt(() => write(path, before === '' ? '\n' : before)) === undefined ? [] : [path];
    });
  for (let left = steps; left.length > 0;) {
    const refused: { readonly step: Step; readonly error: Error }[] = [];
    for (const step of left) {
      const error = attempt(() => set(step));
      if (error === undefined) done.push(step);
      else refused.push({ step, error });
    }
    const [first] = refused;
    if (first !== undefined && refused.length === left.length) {
      throw refusal(first.step, { error: first.error, stuck: restore() });
    }
    left = refused.map(({ step }) => step);
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
    if (error instanceof Failure || (error instanceof Error && 'syscall' in error)) return error;
    throw error;
  }
}

function refusal(
  { directory, setting: { file, value } }: Step,
  { error, stuck: [stuck] }: { readonly error: Error; readonly stuck: readonly string[] },
): Failure {
  const after = stuck === undefined ? 'nothing was changed' : `"${stuck}" stays changed`;
  return new Failure(EXIT.system, `cannot set "${directory}/${file}" to ${value}: ${reason(error)}: ${after}`);
}
