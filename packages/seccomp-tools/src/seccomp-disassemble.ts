// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from 'node:util';
import { decode } from './bpf.ts';
import { disassemble } from './disassemble.ts';
import { EXIT, readInput, runProgram, Stop, writeOutput } from './frame.ts';

const usage = 'Usage: seccomp-disassemble [--output FILE] [FILTER]\n';

/** The program seccomp-disassemble(1): returns its exit status. */
export function seccompDisassemble(argv: readonly string[]): number {
  return runProgram('seccomp-disassemble', () => main(argv));
}

function main(argv: readonly string[]): void {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      output: { type: 'string', short: 'o' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return writeOutput(undefined, usage);
  const [path = '-', surplus] = positionals;
  if (surplus !== undefined) throw new Stop(EXIT.usage, `cannot disassemble "${surplus}": expected at most one filter`);
  writeOutput(values.output, disassemble(decode(readInput(path))));
}
