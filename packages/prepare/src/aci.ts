// SPDX-License-Identifier: Apache-2.0
// Images in appc's format: what they are made of, as the images of the OCI are. Loaded for those alone.
import {
  aciChainIds,
  checkAsked,
  isolatorsOf,
  labelOf,
  parseArtifact,
  printImageName,
  resolveStored,
  type App,
  type ImageManifest,
  type Isolators,
  type StoredArtifact,
} from '@rkt/appc';
import { EXIT, Failure } from '@rkt/exit';
import { hostPlatform, platformLabels, type ImageConfig } from '@rkt/formats';
import { printable, type Reference } from '@rkt/names';
import { type RawDocuments, type Store } from '@rkt/store';
import { type FoundImage } from './images.ts';

/** One ACI that is a layer of an image: everything that decides what its tree is. */
export interface AciPart extends StoredArtifact {
  readonly whitelists: readonly (readonly string[])[];
}

/** What an image in appc's format has that one of the OCI has not. */
export interface AciOfImage {
  /** Its ACIs, the lowest first; the last is the image itself. */
  readonly parts: readonly AciPart[];
  readonly app: App | undefined;
  readonly isolators: Isolators;
  /** It was converted from a Docker image, whose volumes and groups mean something else. */
  readonly isFromDocker: boolean;
}

/** What is looked for, and what was found of it. */
export interface AciLookup {
  readonly reference: Reference;
  readonly store: Store;
  readonly documents: RawDocuments;
  /** Take the image alone: without what it depends on, and with all its files. */
  readonly isAlone: boolean;
}

type Found = Pick<FoundImage, 'name' | 'config' | 'layers' | 'diffIds' | 'chain'> & { readonly aci: AciOfImage };

const NO_ISOLATORS: Isolators = {
  memory: undefined,
  cpu: undefined,
  cpuShares: undefined,
  oomScoreAdj: undefined,
  capabilities: undefined,
  seccomp: undefined,
  ignored: [],
};

/** An image in appc's format with all that it depends on, from one store. Every document was hashed; each ACI is when it is unpacked. */
export async function findAci({ reference, store, documents, isAlone }: AciLookup): Promise<Found> {
  const top = parseArtifact(documents);
  const { manifest } = top;
  const name = printImageName(manifest);
  checkAsked(reference, top);
  checkPlatform(manifest, name);
  const layers = isAlone
    ? [{ aci: top, whitelists: [] }]
    : await resolveStored(top, (dependency) => store.readDocuments(store.find(dependency).digest));
  return {
    name,
    config: configOf(manifest),
    layers: layers.map(({ aci }) => aci.blob),
    diffIds: [],
    chain: aciChainIds(layers),
    aci: {
      parts: layers.map(({ aci, whitelists }) => ({ ...aci, whitelists })),
      app: manifest.app,
      isolators: manifest.app === undefined ? NO_ISOLATORS : isolatorsOf(manifest.app, `image "${name}"`),
      isFromDocker: manifest.annotations.some((annotation) => annotation.name === 'appc.io/docker/repository'),
    },
  };
}

function checkPlatform({ labels }: ImageManifest, name: string): void {
  const wanted = platformLabels(hostPlatform());
  for (const key of ['os', 'arch'] as const) {
    const value = labelOf(labels, key);
    if (value === undefined || value === wanted[key]) continue;
    throw new Failure(
      EXIT.dataRefused,
      `cannot use image "${printable(name)}": bad ${key} "${printable(value)}": must be "${wanted[key]}"`,
    );
  }
}

/** What an app says, as the configuration of an image of the OCI says it. */
function configOf({ app, labels }: ImageManifest): ImageConfig {
  const config = app && {
    Env: app.environment.map(({ name, value }) => `${name}=${value}`),
    Entrypoint: app.exec,
    WorkingDir: app.workingDirectory,
    ExposedPorts: Object.fromEntries(app.ports.map((port) => [printPort(port), {}])),
    Labels: app.userLabels,
  };
  return {
    os: labelOf(labels, 'os') ?? '',
    architecture: labelOf(labels, 'arch') ?? '',
    rootfs: { type: 'layers', diff_ids: [] },
    ...(config === undefined ? {} : { config }),
  };
}

function printPort({ port, count, protocol }: App['ports'][number]): string {
  return `${port}${count === 1 ? '' : `-${port + count - 1}`}/${protocol}`;
}
