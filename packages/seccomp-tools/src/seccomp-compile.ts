// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from 'node:util';
import { encode } from './bpf.ts';
import { compile, unknownSyscalls } from './compile.ts';
import { disassemble } from './disassemble.ts';
import { EXIT, readInput, runProgram, Stop, writeOutput } from './frame.ts';
import { parseProfile } from './profile.ts';
import { isArch, type Arch } from './syscalls.ts';

// What Node calls the machines.
const nodeArchs = new Map<string, Arch>([
  ['x64', 'x86_64'],
  ['arm64', 'aarch64'],
]);

const usage = 'Usage: seccomp-compile [--arch ARCH] [--output FILE] [--text] [PROFILE]\n';

/** The program seccomp-compile(1): returns its exit status. */
export function seccompCompile(argv: readonly string[]): number {
  return runProgram('seccomp-compile', () => main(argv));
}

function main(argv: readonly string[]): void {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      arch: { type: 'string' },
      output: { type: 'string', short: 'o' },
      text: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return writeOutput(undefined, usage);
  const [path = '-', surplus] = positionals;
  if (surplus !== undefined) throw new Stop(EXIT.usage, `cannot compile "${surplus}": expected at most one profile`);
  const arch = chooseArch(values.arch);
  if (!values.text && values.output === undefined && process.stdout.isTTY) {
    throw new Stop(EXIT.usage, 'cannot write a filter to a terminal: expected --output, --text or a redirection');
  }
  const profile = parseProfile(new TextDecoder().decode(readInput(path)));
  const program = compile(profile, { arch });
  const unknown = unknownSyscalls(profile, { arch });
  if (unknown.length > 0) {
    const names = unknown.map(printable).join(' ');
    process.stderr.write(`seccomp-compile: skipped names that are no system call of ${arch}: ${names}\n`);
  }
  writeOutput(values.output, values.text ? disassemble(program) : encode(program));
}

function chooseArch(given: string | undefined): Arch {
  const arch = given ?? nodeArchs.get(process.arch) ?? process.arch;
  if (isArch(arch)) return arch;
  throw new Stop(EXIT.usage, `cannot compile for ${JSON.stringify(arch)}: expected --arch x86_64 or --arch aarch64`);
}

/** A name as the profile's author wrote it, but never more than one line of a terminal's characters. */
function printable(name: string): string {
  return /^\w+$/.test(name) ? name : JSON.stringify(name);
}
