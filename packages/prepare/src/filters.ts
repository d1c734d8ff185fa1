// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { EXIT, Failure, nameIn } from '@rkt/exit';
import { libraryFile, readText } from '@rkt/files';
import { parseSeccompProfile, type SeccompProfile } from '@rkt/formats';
import { printable } from '@rkt/names';
import { type PrepareArguments } from './arguments.ts';
import { capabilitiesOf } from './capabilities.ts';
import { readForeignProfile } from './foreign-profile.ts';
import { type FoundImage } from './images.ts';
import { restrictProfile, seccompProfile } from './seccomp-profile.ts';

/** The seccomp filter of an app: its profile, and the program for the kernel of this machine. */
export interface Filter {
  readonly profile: SeccompProfile;
  readonly program: Uint8Array;
}

/** The filters of the apps, in the order of their images; undefined for an app without one. */
export async function filtersOf(
  given: PrepareArguments,
  { insecure, images }: { readonly insecure: ReadonlySet<string>; readonly images: readonly FoundImage[] },
): Promise<(Filter | undefined)[]> {
  if (insecure.has('seccomp')) return given.images.map(() => undefined);
  const path = libraryFile('seccomp.json');
  const fallback = parseSeccompProfile(readText(path), path);
  return Promise.all(
    given.images.map(async ({ given: said }, index) => {
      const profile = profileOf(said, { fallback, aci: images[index]?.aci, insecure });
      if (profile === undefined) return undefined;
      const isDefault = profile === fallback;
      return { profile, program: isDefault ? defaultProgram() : await programOf(profile, said.seccomp ?? '') };
    }),
  );
}

interface Origin {
  readonly fallback: SeccompProfile;
  readonly aci: FoundImage['aci'];
  readonly insecure: ReadonlySet<string>;
}

function profileOf(
  given: PrepareArguments['images'][number]['given'],
  { fallback, aci, insecure }: Origin,
): SeccompProfile | undefined {
  const { seccomp } = given;
  if (seccomp?.startsWith('profile=') === true) {
    // What a capability is good for, some profiles allow to whoever has it.
    const { bounding } = capabilitiesOf({
      uid: 0,
      retain: given['caps-retain'],
      remove: given['caps-remove'],
      unrestricted: insecure.has('capabilities'),
      image: aci?.isolators.capabilities,
    });
    const arch = process.arch === 'arm64' ? 'arm64' : 'amd64';
    return readForeignProfile(seccomp.slice('profile='.length), { capabilities: bounding, arch });
  }
  const own = aci?.isolators.seccomp;
  return seccomp === undefined && own !== undefined
    ? restrictProfile(fallback, own)
    : seccompProfile(seccomp, fallback);
}

/** The default program is compiled when rkt is built; the compiler with its tables is loaded for others only. */
function defaultProgram(): Uint8Array {
  const path = libraryFile('seccomp.bpf');
  return nameIn(path, () => readFileSync(path));
}

async function programOf(profile: SeccompProfile, option: string): Promise<Uint8Array> {
  const { compile, encode, ProfileError, readProfile, unknownSyscalls } = await import('seccomp-tools');
  const arch = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
  try {
    const parsed = readProfile(profile);
    // A profile may name calls of other machines; what the user names and nobody knows is a slip.
    const slip = unknownSyscalls(parsed, { arch }).find((name) => option.split(',').includes(name));
    if (slip !== undefined) throw new Failure(EXIT.usage, `cannot filter system call "${slip}": no such call`);
    return encode(compile(parsed, { arch }));
  } catch (error) {
    if (!(error instanceof ProfileError)) throw error;
    throw new Failure(EXIT.dataRefused, `cannot use --seccomp="${printable(option)}": ${printable(error.message)}`);
  }
}
