// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { printArgument } from './arguments.ts';
import { limits } from './limits.ts';
import { argumentsOf, type Comment, type Op } from './op.ts';
import { quote } from './words.ts';

/**
 * The text of a plan.
 *
 * A value that no plan can hold is a bug of the caller; a plan beyond the limits is refused, since an image can bring it about.
 */
export function printPlan(lines: readonly (Op | Comment)[]): string {
  const texts = lines.map((line, index) => {
    const text = line.op === '#' ? printComment(line) : printOp(line);
    const longest = Math.max(...text.split('\n').map((part) => Buffer.byteLength(part)));
    if (longest > limits.lineBytes)
      throw tooMuch(`item ${index + 1}, ${line.op}, has ${longest} bytes`, limits.lineBytes);
    const words = line.op === '#' ? 0 : text.split(' ').length;
    if (words > limits.words) throw tooMuch(`item ${index + 1}, ${line.op}, has ${words} words`, limits.words);
    return `${text}\n`;
  });
  const count = lines.filter(({ op }) => op !== '#').length;
  if (count > limits.operations) throw tooMuch(`it has ${count} operations`, limits.operations);
  const plan = texts.join('');
  const bytes = Buffer.byteLength(plan);
  if (bytes > limits.planBytes) throw tooMuch(`it has ${bytes} bytes`, limits.planBytes);
  return plan;
}

/** The line of one operation, without its line feed. */
export function printOp(op: Op): string {
  const values: Readonly<Record<string, unknown>> = op;
  const words = argumentsOf(op.op).flatMap(([name, kind]) => {
    const printed = printArgument(kind, values[name]);
    if (printed === undefined) throw new Error(`no plan can hold ${op.op} with ${name} ${quote(String(values[name]))}`);
    return printed;
  });
  return [op.op, ...words].join(' ');
}

function printComment({ text }: Comment): string {
  if (!text.isWellFormed() || /[\u0000-\u0009\u000b-\u001f\u007f]/.test(text)) {
    throw new Error(`no plan can hold the comment ${quote(text)}`);
  }
  return text
    .split('\n')
    .map((line) => (line === '' ? '' : `# ${line}`))
    .join('\n');
}

function tooMuch(what: string, limit: number): Failure {
  return new Failure(EXIT.dataRefused, `cannot print plan: ${what}: at most ${limit}`);
}
