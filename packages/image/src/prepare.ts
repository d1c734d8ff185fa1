// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { EXIT, Failure, type ExitStatus } from '@rkt/exit';
import { libraryDirectory } from '@rkt/files';
import { isPodUuid, printable, type Digest, type PodUuid } from '@rkt/names';
import { isInsecureAllowed } from '@rkt/policy';

/**
 * Prepares a pod of an image with rkt-prepare, which has its layers unpacked; returns the UUID.
 *
 * The pod is never run. So it does not matter whether the image names a program, or whom it wants to run as; nor who made it,
 * unless the administrator says that this always matters.
 */
export function preparePod(dir: string, image: Digest, { isAlone }: { readonly isAlone: boolean }): PodUuid {
  const program = join(libraryDirectory(), '..', '..', 'bin', 'rkt-prepare');
  const skip = isInsecureAllowed() ? ['--insecure-options=image'] : [];
  const alone = isAlone ? ['--no-dependencies'] : [];
  const words = [
    `--dir=${dir}`,
    ...alone,
    ...skip,
    image,
    '--exec=/',
    '--user=0',
    '--group=0',
    '--supplementary-gids=0',
  ];
  const { status, stdout, stderr, error } = spawnSync(program, words, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const uuid = stdout?.trim() ?? '';
  if (status === 0 && isPodUuid(uuid)) return uuid;
  const why =
    error?.message ??
    stderr
      .trim()
      .split('\n')
      .at(-1)
      ?.replace(/^rkt-prepare: /, '') ??
    '';
  throw new Failure(isExitStatus(status) ? status : EXIT.system, `cannot unpack image "${image}": ${printable(why)}`);
}

function isExitStatus(status: number | null): status is ExitStatus {
  return status !== EXIT.ok && Object.values<number | null>(EXIT).includes(status);
}
