// SPDX-License-Identifier: Apache-2.0
import { VERSION, type Command, type Context } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { kernelFeatures } from '@rkt/files';
import { options } from './options.ts';

// The versions of the specifications that the code was written by.
const OCI_IMAGE = '1.1.1';
const OCI_DISTRIBUTION = '1.1.1';
const OCI_RUNTIME = '1.2.1';

/** rkt-version: prints the versions of rkt, of what it stands on, and what this machine can do. */
export const version: Command<typeof options> = {
  name: 'rkt-version',
  synopsis: 'rkt-version [--format=FORMAT]',
  summary: 'print the version and what this machine can do',
  options,
  main: ({ format }, operands, context) => {
    if (operands.length > 0) throw new Failure(EXIT.usage, 'cannot use operands: wanted none: try --help');
    const found = featuresOf(context);
    const facts = {
      'rkt Version': VERSION,
      'OCI Image Version': OCI_IMAGE,
      'OCI Distribution Version': OCI_DISTRIBUTION,
      'OCI Runtime Version': OCI_RUNTIME,
      'Node Version': process.versions.node,
      'Node OS/Arch': `${process.platform}/${process.arch}`,
    };
    if (format === undefined) {
      for (const [name, value] of Object.entries(facts)) context.print(`${name}: ${value}`);
      const words = Object.entries(found ?? {}).map(([name, value]) => `${name}=${value}`);
      context.print(`Features: ${found === undefined ? 'unknown' : words.join(' ')}`);
    } else {
      const indent = format === 'json-pretty' ? '\t' : undefined;
      context.print(JSON.stringify({ ...facts, Features: found ?? null }, null, indent));
    }
    return EXIT.ok;
  },
};

/** The versions are of use also where the kernel cannot be asked. */
function featuresOf({ note }: Context): Readonly<Record<string, number>> | undefined {
  try {
    return kernelFeatures();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    note(error.message);
    return undefined;
  }
}
