// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { delegatedHierarchies } from '@rkt/cgroups';
import { EXIT, Failure } from '@rkt/exit';
import { type PodApp, type PodManifest, type PodVolume, type RuntimeConfig } from '@rkt/formats';
import { appNameOf, parseAppName, printable, type AppName } from '@rkt/names';
import { limits } from '@rkt/plan';
import { allocateRange, RANGE_SIZE, type Pod } from '@rkt/pods';
import { idsOfPods, type Caller } from '@rkt/rootless';
import { podResourcesOf, requireRoom, requireSwap, resourcesOf } from '@rkt/isolators';
import { signalNamed } from '@rkt/flavor-ns';
import { mountPointsOf } from './aci-volumes.ts';
import { mountsOf, type AppMount } from './app-mounts.ts';
import { outputOf } from './app-output.ts';
import { type ImageArguments, type PrepareArguments } from './arguments.ts';
import { capabilitiesOf } from './capabilities.ts';
import { type AppDevices } from './devices.ts';
import { fillVolumes, volumesOfImage } from './filled-volumes.ts';
import { type Filter } from './filters.ts';
import { identityOf, refuseForeignIds } from './identity.ts';
import { type FoundImage } from './images.ts';
import { ipcOf } from './ipc.ts';
import { nameFiles, type PrivateFile } from './names.ts';
import { userNamespaceProblem } from './probe.ts';
import { argumentsOf, environmentOf, workingDirectory } from './process.ts';
import { parseRestart, processesOf } from './restart.ts';
import { rlimitsOf } from './rlimits.ts';
import { runtimeConfig } from './runtime-config.ts';
import { sysctlsOf } from './sysctls.ts';

/** What a pod is composed from. */
export interface ComposeInput {
  readonly dir: string;
  readonly pod: Pod;
  readonly given: PrepareArguments;
  readonly images: readonly FoundImage[];
  /** The volumes that the user asks for. */
  readonly volumes: readonly PodVolume[];
  /** The devices of each app. */
  readonly devices: readonly AppDevices[];
  readonly insecure: ReadonlySet<string>;
  readonly filters: readonly (Filter | undefined)[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Who calls, if that is not root. */
  readonly caller: Caller | undefined;
}

/** The pod as data: nothing is on disk yet. */
export interface Composed {
  readonly manifest: PodManifest;
  readonly configs: ReadonlyMap<AppName, RuntimeConfig>;
  readonly programs: ReadonlyMap<AppName, Uint8Array | undefined>;
  readonly files: readonly PrivateFile[];
  readonly caller: Caller | undefined;
  /** What the user should know. */
  readonly warnings: readonly string[];
}

/** Composes the pod from the images and what the user said. */
export function composePod(input: ComposeInput): Composed {
  const { pod, given } = input;
  const network = given.pod.net === 'host' ? ('host' as const) : ('none' as const);
  const base = {
    uuid: pod.uuid,
    mutable: given.pod.mutable,
    hostname: hostnameOf(given.pod.hostname, pod),
    network,
    ...ipcOf(given.pod.ipc, input.caller),
    owner: ownerOf(input),
    userNamespace: userNamespace(input),
    resources: podResourcesOf(given.pod),
    sysctls: sysctlsOf(given.pod.sysctl, network),
  };
  const { head, apps, ...rest } = composeApps(input, { ...base, volumes: [] });
  const manifest: PodManifest = {
    version: 1,
    created: Date.now(),
    insecureOptions: [...input.insecure].toSorted(),
    apps: apps.map(({ app }) => app),
    ...head,
    ...given.notes,
  };
  return { ...rest, manifest };
}

/** The pod with an app more: what it was started with holds for this one, too. */
export function composeAddition(input: ComposeInput, before: PodManifest): Composed {
  const { head, apps, ...rest } = composeApps(input, before);
  const added = apps.map(({ app }) => app);
  refuseDuplicates([...before.apps, ...added].map(({ name }) => name));
  refuseLate(before, head.volumes.slice(before.volumes.length));
  return { ...rest, manifest: { ...before, volumes: head.volumes, apps: [...before.apps, ...added] } };
}

/** What all apps of a pod see is mounted when it starts, and once. */
function refuseLate({ volumes }: PodManifest, added: readonly PodVolume[]): void {
  for (const volume of added) {
    if (volumes.some(({ name }) => name === volume.name))
      throw new Failure(EXIT.usage, `duplicate volume name "${volume.name}": the pod has one`);
    if (volume.kind === 'tmpfs' || (volume.kind === 'empty' && volume.filled !== undefined)) {
      const what = volume.kind === 'tmpfs' ? 'is in memory' : 'has files of an image';
      throw new Failure(EXIT.usage, `cannot add volume "${volume.name}" to a pod that runs: it ${what}`);
    }
  }
}

type ComposedApps = Omit<Composed, 'manifest'> & {
  readonly head: Head;
  readonly apps: readonly { readonly app: PodApp; readonly config: RuntimeConfig }[];
};

function composeApps(input: ComposeInput, base: Head): ComposedApps {
  const { dir, pod, given } = input;
  const mounted = mountedApps({ ...input, volumes: [...base.volumes, ...input.volumes] });
  const made = [...input.devices, ...mounted].flatMap(({ volumes }) => volumes);
  const head = { ...base, volumes: [...base.volumes, ...fillVolumes([...input.volumes, ...made], mounted)] };
  const podPath = join(dir, 'pods', 'run', pod.uuid);
  const files = nameFiles(podPath, head);
  const apps = given.images.map((said, index) => {
    const image = input.images[index];
    const app = mounted[index];
    if (image === undefined || app === undefined) throw new Error('an image was not found');
    const { name, mounts } = app;
    return composeApp({
      ...input,
      head,
      podPath,
      files,
      said,
      image,
      name,
      mounts,
      filter: input.filters[index],
      own: input.devices[index],
    });
  });
  refuseDuplicates(apps.map(({ app }) => app.name));
  return {
    head,
    apps,
    files,
    caller: input.caller,
    warnings: mounted.flatMap(({ warnings }) => warnings),
    configs: new Map(apps.map(({ app, config }) => [app.name, config])),
    programs: new Map(apps.map(({ app }, index) => [app.name, input.filters[index]?.program])),
  };
}

/** The apps with their names and mounts: those that the user asks for, and those that their images expect. */
function mountedApps({ given, images, volumes, devices }: ComposeInput) {
  const made: PodVolume[] = [];
  return given.images.map((said, index) => {
    const image = images[index];
    const name = said.given.name === undefined ? appNameOf(image?.name ?? '') : parseAppName(said.given.name);
    const mounts = [...mountsOf(given.mounts, said, volumes), ...(devices[index]?.mounts ?? [])];
    const pointed = mountPointsOf({ name, aci: image?.app ?? image?.aci, mounts }, [...volumes, ...made]);
    made.push(...pointed.volumes);
    return { name, image, ...pointed };
  });
}

type Head = Pick<
  PodManifest,
  'uuid' | 'mutable' | 'hostname' | 'network' | 'ipc' | 'owner' | 'userNamespace' | 'volumes' | 'resources' | 'sysctls'
>;

interface AppInput extends ComposeInput {
  readonly head: Head;
  readonly podPath: string;
  readonly files: readonly PrivateFile[];
  readonly said: ImageArguments;
  readonly image: FoundImage;
  readonly filter: Filter | undefined;
  readonly name: AppName;
  readonly mounts: readonly AppMount[];
  readonly own: AppDevices | undefined;
}

function composeApp(input: AppInput): { app: PodApp; config: RuntimeConfig } {
  const { image, given, said, name, mounts } = input;
  const container = image.config.config ?? {};
  const output = outputOf(said.given, given.pod.interactive);
  const app: PodApp = {
    name,
    image: {
      id: image.id,
      name: image.name,
      layers: [...image.chain],
      labels: { ...container.Labels },
      ports: Object.keys(container.ExposedPorts ?? {}),
    },
    stopSignal: signalNamed(container.StopSignal ?? 'SIGTERM'),
    restart: parseRestart(said.given.restart),
    processes: processesOf(said.given.pid),
    interactive: given.pod.interactive,
    ...(output === undefined ? {} : { output }),
    mounts: [...mounts],
    ...said.notes,
  };
  return { app, config: configOf(input) };
}

function configOf(input: AppInput): RuntimeConfig {
  const { said, image, given, head, insecure, name, mounts } = input;
  const container = image.config.config ?? {};
  const found = identityOf(input);
  const identity = { ...found, groups: [...found.groups, ...(input.own?.gids ?? [])] };
  refuseForeignIds(identity, input);
  return runtimeConfig({
    pod: head,
    podPath: input.podPath,
    name,
    process: {
      args: argumentsOf(container, { image: said.image, exec: said.given.exec, args: said.args }),
      env: environmentOf({
        app: name,
        identity,
        image: [...(container.Env ?? []), ...(input.own?.env ?? [])],
        option: said.given.environment,
        pod: given.pod['set-env'],
        inherited: given.pod['inherit-env'] ? input.environment : undefined,
      }),
      cwd: workingDirectory(container.WorkingDir, said.given['working-dir']),
      capabilities: capabilitiesOf({
        uid: identity.uid,
        retain: said.given['caps-retain'],
        remove: said.given['caps-remove'],
        unrestricted: insecure.has('capabilities'),
        image: image.aci?.isolators.capabilities,
      }),
      oomScoreAdj: oomScoreAdj(said.given['oom-score-adj']),
    },
    user: identity,
    devices: input.own?.nodes ?? [],
    interactive: given.pod.interactive,
    readOnlyRoot: said.given['readonly-rootfs'] === 'true',
    resources: limitsOf(input),
    rlimits: rlimitsOf({ ulimits: said.given.ulimit, isRestricted: input.caller !== undefined }),
    mounts,
    imageVolumes: volumesOfImage(image),
    files: input.files,
    seccomp: input.filter?.profile,
    unmasked: insecure.has('paths'),
    annotations: { 'org.opencontainers.image.stopSignal': container.StopSignal ?? 'SIGTERM' },
  });
}

function limitsOf({ said, head, name }: AppInput): RuntimeConfig['linux']['resources'] {
  const resources = resourcesOf(said.given);
  requireSwap(resources);
  requireRoom(head.resources, name, resources);
  return resources;
}

function oomScoreAdj(score: number): number {
  if (Number.isInteger(score) && score >= -1000 && score <= 1000) return score;
  throw new Failure(EXIT.usage, `cannot use --oom-score-adj=${score}: wanted -1000 to 1000`);
}

function hostnameOf(given: string | undefined, { uuid }: Pod): string {
  if (given === undefined) return `rkt-${uuid}`;
  if (/^[a-zA-Z0-9]([a-zA-Z0-9.-]{0,62}[a-zA-Z0-9])?$/.test(given)) return given;
  throw new Failure(
    EXIT.usage,
    `cannot use host name "${printable(given)}": wanted letters, digits, dots and hyphens, at most 64`,
  );
}

function ownerOf({ caller }: ComposeInput): PodManifest['owner'] {
  if (caller === undefined) return undefined;
  const cgroup = delegatedHierarchies().unified;
  return { ...caller.owner, ...(cgroup === undefined ? {} : { cgroup }) };
}

function userNamespace({ dir, pod, insecure, caller }: ComposeInput): PodManifest['userNamespace'] {
  // The files of the layers have ids of that namespace: there is no pod without it.
  if (caller !== undefined) return idsOfPods(caller.owner);
  if (insecure.has('userns')) return { unavailable: '--insecure-options=userns' };
  const problem = userNamespaceProblem(dir, pod.path);
  if (problem !== undefined) return { unavailable: problem };
  return { first: allocateRange(dir, pod.uuid), count: RANGE_SIZE };
}

function refuseDuplicates(names: readonly string[]): void {
  if (names.length > limits.apps)
    throw new Failure(EXIT.usage, `cannot put ${names.length} apps into one pod: wanted at most ${limits.apps}`);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw new Failure(EXIT.usage, `multiple apps with name "${twice}": use --name`);
}
