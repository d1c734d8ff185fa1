// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { delegatedHierarchies } from '@rkt/cgroups';
import { EXIT, Failure, nameIn } from '@rkt/exit';
import { type PodApp, type PodManifest, type PodVolume, type RuntimeConfig } from '@rkt/formats';
import { appNameOf, hexOf, parseAppName, printable, type AppName } from '@rkt/names';
import { allocateRange, RANGE_SIZE, type Pod } from '@rkt/pods';
import { hasOwnersFiles, idsOfPods, type Caller } from '@rkt/rootless';
import { signalNamed } from '@rkt/flavor-ns';
import { mountPointsOf } from './aci-volumes.ts';
import { mountsOf, type AppMount } from './app-mounts.ts';
import { type ImageArguments, type PrepareArguments } from './arguments.ts';
import { capabilitiesOf } from './capabilities.ts';
import { type AppDevices } from './devices.ts';
import { fillVolumes, volumesOfImage } from './filled-volumes.ts';
import { type Filter } from './filters.ts';
import { type FoundImage } from './images.ts';
import { nameFiles, type PrivateFile } from './names.ts';
import { userNamespaceProblem } from './probe.ts';
import { argumentsOf, environmentOf, workingDirectory } from './process.ts';
import { parseCpu, parseMemory } from './quantities.ts';
import { runtimeConfig } from './runtime-config.ts';
import { findIdentity, splitUser, type Identity, type UserDatabase } from './users.ts';

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
  const { pod, given, dir } = input;
  const mounted = mountedApps(input);
  const head = {
    uuid: pod.uuid,
    hostname: hostnameOf(given.pod.hostname, pod),
    network: given.pod.net === 'host' ? ('host' as const) : ('none' as const),
    owner: ownerOf(input),
    userNamespace: userNamespace(input),
    volumes: fillVolumes(
      [...input.volumes, ...[...input.devices, ...mounted].flatMap(({ volumes }) => volumes)],
      mounted,
    ),
  };
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
  const manifest: PodManifest = {
    version: 1,
    created: Date.now(),
    insecureOptions: [...input.insecure].toSorted(),
    apps: apps.map(({ app }) => app),
    ...head,
  };
  return {
    manifest,
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
    const pointed = mountPointsOf({ name, aci: image?.aci, mounts }, [...volumes, ...made]);
    made.push(...pointed.volumes);
    return { name, image, ...pointed };
  });
}

type Head = Pick<PodManifest, 'uuid' | 'hostname' | 'network' | 'owner' | 'userNamespace' | 'volumes'>;

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
  const { image, given, name, mounts } = input;
  const container = image.config.config ?? {};
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
    interactive: given.pod.interactive,
    mounts: [...mounts],
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
    resources: resourcesOf(said),
    mounts,
    imageVolumes: volumesOfImage(image),
    files: input.files,
    seccomp: input.filter?.profile,
    unmasked: insecure.has('paths'),
    annotations: { 'org.opencontainers.image.stopSignal': container.StopSignal ?? 'SIGTERM' },
  });
}

/** `--user` may name a group as well, as people know it from other engines; `--group` wins over both. */
function identityOf({ dir, said, image }: AppInput): Identity {
  const { user, group } = splitUser(said.given.user ?? image.config.config?.User ?? '');
  const identity = findIdentity(userDatabase(dir, image), user, said.given.group ?? group);
  const extra = said.given['supplementary-gids'];
  return extra === undefined ? identity : { ...identity, groups: extra.split(',').map(groupId) };
}

function groupId(text: string): number {
  if (/^\d{1,10}$/.test(text) && Number(text) < 4294967295) return Number(text);
  throw new Failure(EXIT.usage, `cannot use group id "${printable(text)}": wanted a number`);
}

// The unpacker left the user database of each chain of layers beside its tree.
function userDatabase(dir: string, { chain }: FoundImage): UserDatabase {
  const top = chain.at(-1);
  if (top === undefined) return { passwd: '', group: '' };
  const read = (name: string) => {
    const path = join(dir, 'layers', hexOf(top), name);
    return nameIn(path, () => readFileSync(path, 'latin1'));
  };
  return { passwd: read('passwd'), group: read('group') };
}

/** An id outside the pod's range has no number on the host. */
function refuseForeignIds({ uid, gid, groups }: Identity, { head, caller }: AppInput): void {
  const { userNamespace: range } = head;
  if (!('count' in range)) return;
  const last = range.count - (caller !== undefined && range.first > 0 && hasOwnersFiles(head) ? 0 : 1);
  const foreign = [uid, gid, ...groups].find((id) => id > last);
  if (foreign === undefined) return;
  const wanted = caller === undefined ? 'a smaller one, or --insecure-options=userns' : 'a smaller one';
  const hint = caller?.withoutRanges === undefined ? `wanted ${wanted}` : caller.withoutRanges;
  throw new Failure(
    caller?.withoutRanges === undefined ? EXIT.dataRefused : EXIT.notPermitted,
    `cannot use id ${foreign}: the pod has ids 0 to ${last}: ${hint}`,
  );
}

function resourcesOf({ given }: ImageArguments): RuntimeConfig['linux']['resources'] {
  const { memory, cpu } = given;
  const shares = given['cpu-shares'];
  if (shares !== undefined && (shares < 2 || shares > 262144)) {
    throw new Failure(EXIT.usage, `cannot use --cpu-shares=${shares}: wanted 2 to 262144`);
  }
  const period = 100_000;
  const quota = cpu === undefined ? {} : { quota: (parseCpu(cpu) * period) / 1000, period };
  return {
    pids: { limit: given['pids-limit'] },
    ...(memory === undefined ? {} : { memory: { limit: parseMemory(memory) } }),
    ...(cpu === undefined && shares === undefined
      ? {}
      : { cpu: { ...quota, ...(shares === undefined ? {} : { shares }) } }),
  };
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
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw new Failure(EXIT.usage, `multiple apps with name "${twice}": use --name`);
}
