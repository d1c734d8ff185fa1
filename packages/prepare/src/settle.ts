// SPDX-License-Identifier: Apache-2.0
import { type Context } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { printable } from '@rkt/names';
import { parseArguments, type PrepareArguments } from './arguments.ts';
import { readEnvironmentFiles } from './environment-files.ts';
import { readGivenFile } from './given-file.ts';

/** The command line with what the files say that it names: variables, and a pod manifest. */
export async function settleArguments(
  argv: readonly string[],
  { note }: Pick<Context, 'note'>,
): Promise<PrepareArguments> {
  const given = parseArguments(argv);
  const { 'pod-manifest': file, 'set-env-file': files, 'set-env': variables } = given.pod;
  if (file !== undefined) {
    const { withPodManifest } = await import('./pod-manifest.ts');
    const settled = withPodManifest(given, readGivenFile(file), `"${printable(file)}"`);
    for (const warning of settled.warnings) note(warning);
    return settled.given;
  }
  if (files.length === 0) return given;
  return { ...given, pod: { ...given.pod, 'set-env': [...readEnvironmentFiles(files), ...variables] } };
}

/** Refuses a command line that says of nothing what to run. */
export function requireApps({ images, pod }: PrepareArguments): void {
  const isAdded = pod['add-to'] !== undefined;
  if (images.length > 1 && isAdded) throw new Failure(EXIT.usage, 'must give only one app');
  if (images.length > 0 || (pod.mutable && !isAdded)) return;
  throw new Failure(EXIT.usage, 'must provide at least one image or specify the pod manifest');
}
