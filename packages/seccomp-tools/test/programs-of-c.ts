// SPDX-License-Identifier: Apache-2.0
// Builds the C programs of the tests and gives them files to work on.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { encode, type Arch, type Call, type Instruction } from '../src/index.ts';

/** The machine that the tests run on, if there are filters for it. */
export const here: Arch | undefined = { x64: 'x86_64' as const, arm64: 'aarch64' as const }[
  process.arch === 'arm64' ? 'arm64' : 'x64'
];

/** Why a test cannot build and run C programs here, if it cannot. */
export const noCompiler: string | false =
  spawnSync('cc', ['--version']).status === 0 ? false : 'no C compiler (cc) on this machine';

/** A directory for the time of a test. */
export function scratch(t: TestContext | { after(action: () => void): void }): string {
  const directory = mkdtempSync(join(tmpdir(), 'seccomp-tools-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Builds test/NAME.c in a directory and returns the path of the program. */
export function build(name: string, directory: string, libraries: readonly string[] = []): string {
  const program = join(directory, name);
  const flags = ['-std=gnu11', '-O1', '-Wall', '-Wextra', '-Werror', '-fcf-protection=none'];
  const source = join(import.meta.dirname, `${name}.c`);
  execFileSync('cc', [
    ...flags.filter((flag) => here === 'x86_64' || flag !== '-fcf-protection=none'),
    '-o',
    program,
    source,
    ...libraries,
  ]);
  return program;
}

/** Writes a filter as a file in a directory. */
export function writeFilter(program: readonly Instruction[], directory: string): string {
  const path = join(directory, `${program.length}-${Math.trunc(performance.now() * 1000)}.bpf`);
  writeFileSync(path, encode(program));
  return path;
}

/** What the kernel answers to each call under a filter; see probe.c. */
export function probe(
  command: readonly [program: string, mode: string, filter: string],
  calls: readonly Call[],
): number[] {
  const input = new BigUint64Array(calls.flatMap(({ nr, args = [] }) => [BigInt(nr), ...sixOf(args)]));
  const [program, mode, filter] = command;
  const output = execFileSync(program, [mode, filter], { input: new Uint8Array(input.buffer), maxBuffer: 1 << 24 });
  return Array.from({ length: calls.length }, (_, at) => Number(output.readBigInt64LE(8 * at)));
}

function sixOf(args: readonly bigint[]): bigint[] {
  return Array.from({ length: 6 }, (_, index) => args[index] ?? 0n);
}
