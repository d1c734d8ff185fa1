// SPDX-License-Identifier: Apache-2.0
// A pod manifest of appc as the command line that says the same. Loaded for those alone.
import { isolatorsOf, parsePodManifest, type App, type AppcPod, type AppcPodApp, type AppcVolume } from '@rkt/appc';
import { parseOptions } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { isAcIdentifier, printable, printReference } from '@rkt/names';
import { cpuWord, memoryWord } from './aci-defaults.ts';
import { type ImageArguments, type PrepareArguments } from './arguments.ts';
import { type FoundImage } from './images.ts';
import { type Notes } from './notes.ts';
import { appOptions } from './options.ts';

/** What a pod manifest comes to. */
export interface FromManifest {
  readonly given: PrepareArguments;
  /** What of it is not done, one sentence each. */
  readonly warnings: readonly string[];
}

/** The arguments of a command line that has no image, with what the manifest says; `what` names it in messages. */
export function withPodManifest(given: PrepareArguments, bytes: Uint8Array, what: string): FromManifest {
  refuseConflicts(given);
  const manifest = parsePodManifest(bytes, what);
  const ofApps = manifest.apps.flatMap(({ mounts }) => mounts.flatMap(({ appVolume }) => appVolume ?? []));
  const volume = [...manifest.volumes, ...ofApps].map((each) => volumeWord(each, what));
  return {
    given: {
      ...given,
      pod: { ...given.pod, volume },
      notes: joined(notesOf(manifest), given.notes),
      images: manifest.apps.map((app) => imageArguments(app, what)),
    },
    warnings: warningsOf(manifest, what),
  };
}

/** What is in the manifest already, or would have to be fetched, is not for the command line. */
function refuseConflicts({ pod, mounts, images }: PrepareArguments): void {
  const isSaidTwice = [images, mounts, pod.volume, pod['set-env'], pod['set-env-file']].some(
    ({ length }) => length > 0,
  );
  const isFetching = pod['pull-policy'] !== 'new' || pod['store-only'] || pod['no-store'];
  if (!isSaidTwice && !isFetching && !pod['inherit-env']) return;
  throw new Failure(EXIT.usage, 'conflicting flags set with --pod-manifest (see --help)');
}

function imageArguments({ name, image, app, ...more }: AppcPodApp, what: string): ImageArguments {
  const given = {
    ...parseOptions(appOptions, []).given,
    name,
    mount: more.mounts.map(({ volume, path, appVolume }) => {
      return `volume=${appVolume?.name ?? volume},target=${plain(path, what)}`;
    }),
    'readonly-rootfs': more.readOnlyRootFS ? 'true' : 'false',
  };
  const head = {
    image: referenceOf(image),
    app,
    notes: notesOf({ ...more, userAnnotations: app?.userAnnotations ?? {}, userLabels: app?.userLabels ?? {} }),
  };
  if (app === undefined) return { ...head, given, args: [] };
  const [exec, ...args] = app.exec;
  return { ...head, given: { ...given, ...settingsOf(app, `${what}: app "${name}"`), exec }, args };
}

/** What an app says, as options: unlike an image, who writes a pod manifest may grant as much as who writes a command line. */
function settingsOf(app: App, what: string) {
  const { memory, cpu, cpuShares, oomScoreAdj, capabilities, seccomp } = isolatorsOf(app, what);
  const caps = (mode: string) => (capabilities?.mode === mode ? [capabilities.set.join(',')] : []);
  const errno = seccomp?.errno ? [`errno=${seccomp.errno}`] : [];
  return {
    user: app.user,
    group: app.group,
    'supplementary-gids': app.supplementaryGIDs.length === 0 ? undefined : app.supplementaryGIDs.join(','),
    environment: app.environment.map(({ name, value }) => `${name}=${value}`),
    'working-dir': app.workingDirectory === '' ? undefined : app.workingDirectory,
    memory: memoryWord(memory),
    cpu: cpuWord(cpu),
    'cpu-shares': cpuShares,
    'oom-score-adj': oomScoreAdj ?? 0,
    'caps-retain': caps('retain'),
    'caps-remove': caps('remove'),
    seccomp: seccomp === undefined ? undefined : [`mode=${seccomp.mode}`, ...errno, ...seccomp.set].join(','),
  };
}

function referenceOf({ id, name, labels }: AppcPodApp['image']): string {
  if (id !== '') return id;
  if (!isAcIdentifier(name)) throw new Error('an image without id and name was not refused');
  const sorted = labels.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return printReference({ kind: 'appc', name, labels: sorted });
}

function volumeWord(volume: AppcVolume, what: string): string {
  const { name, kind, readOnly, recursive, mode, uid, gid } = volume;
  const source = kind === 'host' ? plain(volume.source, what) : undefined;
  // The parser says recursive of an empty volume, too; what it means is nothing.
  const parameters = { source, readOnly, recursive: kind === 'host' ? recursive : undefined, mode, uid, gid };
  const words = Object.entries(parameters).flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}`]));
  return [name, `kind=${kind}`, ...words].join(',');
}

/** A path as an option can have it. */
function plain(path: string, what: string): string {
  if (!path.includes(',')) return path;
  throw new Failure(EXIT.dataRefused, `cannot read ${what}: "${printable(path)}": wanted a path without a comma`);
}

interface Noted extends Pick<AppcPod, 'annotations'> {
  readonly userAnnotations: Notes['userAnnotations'];
  readonly userLabels: Notes['userLabels'];
}

function notesOf({ annotations, userAnnotations, userLabels }: Noted): Notes {
  const pairs = annotations.map(({ name, value }) => [name, value] as const);
  return { annotations: Object.fromEntries(pairs), userAnnotations, userLabels };
}

/** What the command line notes of the pod comes to what the manifest does, or in its place. */
function joined(manifest: Notes, given: Notes): Notes {
  return {
    annotations: { ...manifest.annotations, ...given.annotations },
    userAnnotations: { ...manifest.userAnnotations, ...given.userAnnotations },
    userLabels: { ...manifest.userLabels, ...given.userLabels },
  };
}

function warningsOf({ apps, isolators, ports }: AppcPod, what: string): string[] {
  const ofApps = apps.flatMap(({ name, app }) => {
    if (app === undefined) return [];
    const { ignored } = isolatorsOf(app, what);
    return [
      ...app.eventHandlers.map((handler) => `app "${name}": its ${handler.name} event handler is not run`),
      ...ignored.map((isolator) => `app "${name}": its isolator ${isolator} is ignored`),
    ];
  });
  const ofPod = [
    ...isolators.map(({ name }) => `its isolator ${name} is ignored`),
    ...ports.map(({ name }) => `its port "${name}" is not forwarded`),
  ];
  return [...ofApps, ...ofPod].map((sentence) => `${what}: ${printable(sentence)}`);
}

/** The images with what the manifest says in place of what they say themselves. */
export function withApps(images: readonly FoundImage[], given: PrepareArguments): FoundImage[] {
  return images.map((image, index) => {
    const said = given.images[index];
    if (said?.app !== undefined) return replaced(image, said.app);
    if (image.aci === undefined || image.aci.app !== undefined) return image;
    const cannot = `cannot use image "${printable(image.name)}"`;
    throw new Failure(EXIT.dataRefused, `${cannot}: no app section in the pod manifest or the image manifest`);
  });
}

function replaced(image: FoundImage, app: App): FoundImage {
  const { aci, config } = image;
  const { Labels, ExposedPorts } = config.config ?? {};
  return {
    ...image,
    app: { app, isFromDocker: false },
    config: { ...config, config: { ...(Labels && { Labels }), ...(ExposedPorts && { ExposedPorts }) } },
    ...(aci && { aci: { ...aci, app: undefined, isolators: isolatorsOf({ ...app, isolators: [] }, '') } }),
  };
}
