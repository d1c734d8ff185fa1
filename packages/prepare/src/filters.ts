// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { EXIT, Failure, nameIn } from '@rkt/exit';
import { libraryFile, readText } from '@rkt/files';
import { parseSeccompProfile, type SeccompProfile } from '@rkt/formats';
import { type PrepareArguments } from './arguments.ts';
import { seccompProfile } from './seccomp-profile.ts';

/** The seccomp filter of an app: its profile, and the program for the kernel of this machine. */
export interface Filter {
  readonly profile: SeccompProfile;
  readonly program: Uint8Array;
}

/** The filters of the apps, in the order of their images; undefined for an app without one. */
export async function filtersOf(
  given: PrepareArguments,
  insecure: ReadonlySet<string>,
): Promise<(Filter | undefined)[]> {
  if (insecure.has('seccomp')) return given.images.map(() => undefined);
  const path = libraryFile('seccomp.json');
  const fallback = parseSeccompProfile(readText(path), path);
  return Promise.all(
    given.images.map(async ({ given: { seccomp } }) => {
      const profile = seccompProfile(seccomp, fallback);
      return profile === undefined ? undefined : { profile, program: await programOf(profile, seccomp) };
    }),
  );
}

/** The default program is compiled when rkt is built; the compiler with its tables is loaded for others only. */
async function programOf(profile: SeccompProfile, option: string | undefined): Promise<Uint8Array> {
  const own = libraryFile('seccomp.bpf');
  if (option === undefined) return nameIn(own, () => readFileSync(own));
  const { compile, encode, readProfile, unknownSyscalls } = await import('seccomp-tools');
  const arch = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
  const parsed = readProfile(profile);
  // The default profile may name calls of other machines; what the user names and nobody knows is a slip.
  const slip = unknownSyscalls(parsed, { arch }).find((name) => option.split(',').includes(name));
  if (slip !== undefined) throw new Failure(EXIT.usage, `cannot filter system call "${slip}": no such call`);
  return encode(compile(parsed, { arch }));
}
