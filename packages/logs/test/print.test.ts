// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Line } from '../src/lines.ts';
import { Printer, printLine, type LineStyle } from '../src/print.ts';

const TERMINAL: LineStyle = {
  timestamps: false,
  names: undefined,
  colors: true,
  isTerminal: { stdout: true, stderr: false },
};

function line(text: string | Buffer, more: Partial<Line> = {}): Line {
  return { app: 'a', time: 'T', stream: 'stdout', text: Buffer.from(text), isEnded: true, ...more };
}

const print = (given: Line, style: Partial<LineStyle> = {}): string =>
  printLine(given, { ...TERMINAL, ...style }).toString();

test('printLine() lets colours through to a terminal, and no other command', () => {
  assert.equal(print(line('\u001b[1;31mred\u001b[0m\ttab')), '\u001b[1;31mred\u001b[0m\ttab\n');
  assert.equal(
    print(line('\u001b]52;c;x\u0007\u001b[2J\r\u009b\u202e')),
    '\\u001b]52;c;x\\u0007\\u001b[2J\\u000d\\u009b\\u202e\n',
  );
  assert.equal(print(line(Buffer.from([0xff, 0x61]))), '\ufffda\n');
});

test('printLine() leaves the bytes of other outputs as they are', () => {
  const bytes = Buffer.from([0xff, 0x1b, 0x5d]);
  const printed = printLine(line(bytes, { stream: 'stderr', isEnded: false }), TERMINAL);
  assert.deepEqual(printed, bytes);
});

test('printLine() puts names and times before lines, and colours names on a terminal alone', () => {
  const names = ['b', 'a'];
  assert.equal(print(line('x'), { names, timestamps: true }), '\u001b[33ma:\u001b[0m T x\n');
  assert.equal(print(line('x'), { names, colors: false }), 'a: x\n');
  assert.equal(print(line('x', { stream: 'stderr' }), { names }), 'a: x\n');
  assert.equal(print(line('x', { isEnded: false }), { names, colors: false }), 'a: x\n');
});

test('Printer keeps the order of both outputs', () => {
  const written: string[] = [];
  const printer = new Printer((stream, bytes) => written.push(`${stream} ${bytes.toString()}`));
  for (const [stream, text] of [
    ['stdout', 'a'],
    ['stdout', 'b'],
    ['stderr', 'c'],
    ['stdout', 'd'],
  ] as const)
    printer.print(stream, Buffer.from(text));
  printer.flush();
  assert.deepEqual(written, ['stdout ab', 'stderr c', 'stdout d']);
});
