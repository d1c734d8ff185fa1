// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { changeLimits, hierarchiesOf } from '@rkt/cgroups';
import type { Command, Given } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { lock, readText } from '@rkt/files';
import { parseRuntimeConfig, type PodManifest, type RuntimeConfig, type RuntimeResources } from '@rkt/formats';
import { appsNamed, findRunning, requireOwner, uuidAndRest, type RunningPod } from '@rkt/inspect';
import { mergeResources, podResourcesOf, requireRoom, resourcesOf } from '@rkt/isolators';
import { options } from './options.ts';
import { record } from './record.ts';

/** rkt-update: other limits for an app, or a pod, that runs. */
export const update: Command<typeof options> = {
  name: 'rkt-update',
  synopsis: 'rkt-update UUID [APP] OPTION...\nrkt-update --uuid-file=FILE [APP] OPTION...',
  summary: 'change the limits of a running pod',
  options,
  main: async (given, operands, context) => {
    const { uuid, rest } = uuidAndRest(operands, given['uuid-file']);
    const wanted = wantedOf(given, rest);
    requireOwner(context.dir, 'update');
    const { pod } = findRunning(context.dir, uuid, 'update');
    // Whoever changes limits at the same time waits: the files say what the kernel was told last.
    using _held = await lock(join(pod.path, 'apps'));
    change(findRunning(context.dir, pod.uuid, 'update'), wanted);
    context.print(`"${pod.uuid}"`);
    return EXIT.ok;
  },
};

/** What is to change, as far as the command line says it. */
interface Wanted {
  readonly app: string | undefined;
  readonly resources: RuntimeResources;
  readonly podResources: PodManifest['resources'];
}

function wantedOf(given: Given<typeof options>, [app, ...more]: readonly string[]): Wanted {
  if (more.length > 0) throw new Failure(EXIT.usage, 'cannot update more than one app: wanted UUID and APP');
  const [resources, podResources] = [resourcesOf(given), podResourcesOf(given)];
  const isOfApp = Object.keys(resources).length > 0;
  if (!isOfApp && podResources === undefined) throw new Failure(EXIT.usage, 'nothing to change: try --help');
  if (!isOfApp && app !== undefined) throw new Failure(EXIT.usage, `nothing to change of app "${app}": try --help`);
  return { app, resources, podResources };
}

/** An app of the pod with its configuration, before and after. */
export interface Updated {
  readonly app: string;
  readonly before: RuntimeConfig;
  readonly after: RuntimeConfig;
}

function change({ pod, manifest }: RunningPod, wanted: Wanted): void {
  const chosen = Object.keys(wanted.resources).length > 0 ? chooseApp(manifest, wanted.app) : undefined;
  const podResources = { ...manifest.resources, ...wanted.podResources };
  const apps = manifest.apps.map(({ name }): Updated => {
    const path = join(pod.path, 'apps', name, 'config.json');
    const before = parseRuntimeConfig(readText(path), path);
    const resources = mergeResources(before.linux.resources, name === chosen ? wanted.resources : {});
    requireRoom(podResources, name, resources);
    return { app: name, before, after: { ...before, linux: { ...before.linux, resources } } };
  });
  // A limit of the pod concerns all of them: on v1 each has to be where it holds.
  const concerned = wanted.podResources === undefined ? apps.filter(({ app }) => app === chosen) : apps;
  const hierarchies = hierarchiesOf(manifest);
  const restore = changeLimits({
    hierarchies,
    pod: pod.uuid,
    apps: concerned.map(({ app, after }) => ({ app, resources: after.linux.resources })),
    podResources,
  });
  try {
    const hasLimits = Object.keys(podResources).length > 0;
    record({
      pod,
      before: manifest,
      after: hasLimits ? { ...manifest, resources: podResources } : manifest,
      apps: concerned,
      hierarchies,
    });
  } catch (error) {
    restore();
    throw error;
  }
}

function chooseApp(manifest: PodManifest, name: string | undefined): string {
  const [only, another] = appsNamed(manifest, name === undefined ? [] : [name]);
  if (only !== undefined && another === undefined) return only.name;
  const names = manifest.apps.map((app) => app.name).join(', ');
  throw new Failure(EXIT.usage, `the pod has the apps ${names}: wanted the name of one behind its UUID`);
}
