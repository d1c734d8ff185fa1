// SPDX-License-Identifier: Apache-2.0
import { dirname, join } from 'node:path';
import { EXIT, Failure } from '@rkt/exit';
import { readRegular } from '@rkt/files';
import { explainOp, parsePlanLines, type Line } from '@rkt/plan';
import { decode, disassemble } from 'seccomp-tools';
import { visible, type PlanFile } from './plans.ts';

// 4096 instructions of 8 bytes: BPF_MAXINSNS of the kernel.
const FILTER_LIMIT_BYTES = 4096 * 8;

/** A plan in words: its comments as headings, a sentence for each line, the instructions of each system call filter. */
export function explainPlan({ name, path, text }: PlanFile): string {
  const lines = parsePlanLines(text, path).flatMap((line) => explainLine(line, dirname(path)));
  return visible(`--- ${name} ---\n${lines.join('\n')}`);
}

function explainLine(line: Line, directory: string): string[] {
  if (line.op === '#') return line.text === '' ? [] : ['', ...line.text.split('\n').map((part) => `# ${part}`)];
  const sentence = `  ${explainOp(line)}`;
  if (line.op !== 'seccomp') return [sentence];
  return [sentence, ...listing(join(directory, line.filter)).map((row) => `      ${row}`)];
}

function listing(path: string): string[] {
  const bytes = readRegular(path, FILTER_LIMIT_BYTES);
  if (bytes === undefined) throw new Failure(EXIT.notFound, `cannot read "${path}": no such file`);
  if (bytes.length === 0 || bytes.length % 8 !== 0) {
    throw new Failure(EXIT.dataRefused, `cannot read "${path}": not a filter: ${bytes.length} bytes`);
  }
  return disassemble(decode(bytes)).trimEnd().split('\n');
}
