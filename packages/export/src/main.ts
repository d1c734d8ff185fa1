// SPDX-License-Identifier: Apache-2.0
import { join, resolve } from 'node:path';
import type { Command } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { exists, lockedFiles, readText } from '@rkt/files';
import { parseRuntimeConfig, type PodApp, type PodManifest } from '@rkt/formats';
import { appsNamed, inspectPod, requireOwner, type PodView } from '@rkt/inspect';
import { printable } from '@rkt/names';
import { findPod, readPod, type State } from '@rkt/pods';
import { options } from './options.ts';
import { writeArchive } from './write.ts';

const EXITED: readonly State[] = ['exited', 'exited garbage'];

/** rkt-export: the root file system of an app that has ended, as an archive. */
export const exportApp: Command<typeof options> = {
  name: 'rkt-export',
  synopsis: 'rkt-export [--app=NAME] [--overwrite] [--format=FORMAT] UUID FILE',
  summary: 'write what an app left behind to an image or a tar',
  options,
  main: async (given, operands, context) => {
    const [uuid, file, ...more] = operands;
    if (uuid === undefined || file === undefined || more.length > 0) {
      throw new Failure(EXIT.usage, `cannot use ${operands.length} operands: wanted UUID and FILE: try --help`);
    }
    const format = formatOf(given.format, file);
    const path = resolve(file);
    if (exists(path) && !given.overwrite) {
      throw new Failure(EXIT.usage, `cannot write "${printable(path)}": it exists: try --overwrite`);
    }
    requireOwner(context.dir, 'export');
    const pod = findPod(context.dir, uuid);
    const view = requireExited(inspectPod(context.dir, pod, lockedFiles()), pod.uuid);
    const manifest = readPod(view.pod);
    const app = chooseApp(manifest, given.app);
    const config = join(view.pod.path, 'apps', app.name, 'config.json');
    const { process } = parseRuntimeConfig(readText(config), config);
    const from = { dir: context.dir, pod: view.pod, manifest, app, process, createdMs: manifest.created, format };
    await writeArchive(from, path);
    return EXIT.ok;
  },
};

function formatOf(given: string | undefined, file: string): string {
  const extension = /\.(aci|tar)$/.exec(file)?.[1];
  const format = given ?? extension;
  if (format !== undefined) return format;
  throw new Failure(EXIT.usage, `extension must be .aci (given ${printable(file)}), or .tar, or use --format`);
}

function requireExited(view: PodView | undefined, uuid: string): PodView {
  if (view !== undefined && EXITED.includes(view.state)) return view;
  const state = view === undefined ? 'it is gone' : `it is ${view.state}`;
  throw new Failure(
    EXIT.no,
    `cannot export pod "${uuid}": ${state}: pod is not exited. Only exited pods can be exported`,
  );
}

function chooseApp(manifest: PodManifest, name: string | undefined): PodApp {
  const [only, another] = appsNamed(manifest, name === undefined ? [] : [name]);
  if (only === undefined) throw new Failure(EXIT.notFound, 'cannot export the pod: it has no app');
  if (another === undefined) return only;
  throw new Failure(
    EXIT.usage,
    `pod contains multiple apps: ${manifest.apps.map((app) => app.name).join(', ')}: use --app=NAME`,
  );
}
