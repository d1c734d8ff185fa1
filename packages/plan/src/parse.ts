// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { isList, parseArgument, wantedOf } from './arguments.ts';
import { limits } from './limits.ts';
import { argumentsOf, isOp, isOperationName, type Comment, type Op } from './op.ts';
import { decodeUtf8, parseWord, quote } from './words.ts';

/** Why a line is refused; the functions below throw it, and `parsePlanLines` adds the plan and the line. */
class Refusal extends Error {}

/** The operations of a plan; refuses what stage1 refuses, except for the rules on their order, which `checkPlan` has. */
export function parsePlan(text: string | Uint8Array, name: string): Op[] {
  return parsePlanLines(text, name).filter((line) => line.op !== '#');
}

/** The operations of a plan with its comments; a blank line is a comment without text. */
export function parsePlanLines(text: string | Uint8Array, name: string): (Op | Comment)[] {
  const lines = linesOf(text, name);
  let count = 0;
  return lines.map((line, index) => {
    try {
      const parsed = parseLine(line);
      if (parsed.op !== '#') count += 1;
      if (count > limits.operations) throw new Refusal(`more than ${limits.operations} operations`);
      return parsed;
    } catch (error) {
      if (error instanceof Refusal) throw refuse(name, `line ${index + 1}: ${error.message}`);
      throw error;
    }
  });
}

function linesOf(input: string | Uint8Array, name: string): string[] {
  const text = typeof input === 'string' ? input : input.length > limits.planBytes ? '' : decodeUtf8(input);
  const bytes = typeof input === 'string' ? Buffer.byteLength(input) : input.length;
  if (bytes > limits.planBytes) throw refuse(name, `longer than ${limits.planBytes} bytes`);
  if (text === undefined || !text.isWellFormed()) throw refuse(name, 'not UTF-8');
  if (text === '') return [];
  if (!text.endsWith('\n')) throw refuse(name, 'the last line does not end in a line feed');
  return text.slice(0, -1).split('\n');
}

function parseLine(line: string): Op | Comment {
  if (Buffer.byteLength(line) > limits.lineBytes) throw new Refusal(`longer than ${limits.lineBytes} bytes`);
  if (/[\u0000-\u001f\u007f]/.test(line)) throw new Refusal('a control byte: wanted its escape');
  if (line === '' || line.startsWith('#')) return { op: '#', text: line.replace(/^# ?/, '') };
  const words = line.split(' ');
  if (words.length > limits.words) throw new Refusal(`more than ${limits.words} words`);
  return parseWords(words.map(decode));
}

function decode(word: string): string {
  if (word === '') throw new Refusal('a space too many: wanted one between words');
  const text = parseWord(word);
  if (text === undefined) throw new Refusal(`malformed escape in ${quote(word)}`);
  return text;
}

function parseWords(words: readonly string[]): Op {
  const [name = '', ...given] = words;
  if (!isOperationName(name)) throw new Refusal(`unknown operation ${quote(name)}`);
  const args = argumentsOf(name);
  const last = args.at(-1);
  const endsInList = last !== undefined && isList(last[1]);
  if (given.length < args.length - (endsInList ? 1 : 0)) throw new Refusal(`${name}: missing arguments`);
  if (given.length > args.length && !endsInList) throw new Refusal(`${name}: too many arguments`);
  const op: Record<string, unknown> = { op: name };
  for (const [index, [argument, kind]] of args.entries()) {
    const own = given.slice(index, isList(kind) ? undefined : index + 1);
    const value = parseArgument(kind, own);
    if (value === undefined) {
      throw new Refusal(`${name}: ${argument} is ${quote(own.join(' '))}: wanted ${wantedOf(kind)}`);
    }
    op[argument] = value;
  }
  if (!isOp(op)) throw new Error(`the parser made no operation of ${quote(words.join(' '))}`);
  return op;
}

function refuse(name: string, why: string): Failure {
  return new Failure(EXIT.dataRefused, `cannot parse plan ${quote(name)}: ${why}`);
}
