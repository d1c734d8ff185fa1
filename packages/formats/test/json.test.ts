// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import { EXIT, Failure } from '@rkt/exit';
import { DEPTH_MAX, parseJson } from '../src/index.ts';

const what = 'document "x"';
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
const parse = (text: string) => parseJson(Buffer.from(text), { what });

function refused(pattern: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof Failure);
    assert.equal(error.status, EXIT.dataRefused);
    assert.match(error.message, /^cannot read document "x": /);
    assert.match(error.message, pattern);
    return true;
  };
}

test('parseJson() agrees with JSON.parse on what any value prints as', () => {
  const value = fc.jsonValue({ maxDepth: 10 }).filter((x) => !JSON.stringify(x).includes('__proto__'));
  fc.assert(
    fc.property(value, fc.constantFrom(0, 1, 2), (data, indent) => {
      const text = JSON.stringify(data, null, indent);
      assert.deepEqual(parse(text), JSON.parse(text));
    }),
  );
});

test('parseJson() refuses or agrees with JSON.parse on broken text, and never throws anything else', () => {
  const pieces = fc.array(
    fc.constantFrom('{', '}', '[', ']', ',', ':', '"', '\\', '"a"', '"b"', '1', 'true', ' ', '\\"'),
  );
  fc.assert(
    fc.property(pieces, (parts) => {
      const text = parts.join('');
      try {
        assert.deepEqual(parse(text), JSON.parse(text));
      } catch (error) {
        assert.ok(error instanceof Failure, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test('parseJson() refuses a key given twice, also in escaped spelling', () => {
  assert.throws(() => parse('{"a":1,"a":2}'), refused(/the key "a" twice/));
  assert.throws(() => parse(String.raw`{"a":1,"b":[{}],"\u0061":2}`), refused(/the key "a" twice/));
  assert.deepEqual(parse('{"a":{"a":"a"},"b":["a","a"],"c":{"a":1}}'), { a: { a: 'a' }, b: ['a', 'a'], c: { a: 1 } });
});

test('parseJson() refuses the key __proto__ in each spelling', () => {
  assert.throws(() => parse('{"__proto__":{"polluted":true}}'), refused(/__proto__/));
  assert.throws(() => parse(String.raw`{"\u005f_proto__":1}`), refused(/__proto__/));
  assert.deepEqual(parse('["__proto__"]'), ['__proto__']);
});

test('parseJson() refuses more levels than the limit and takes as many', () => {
  assert.ok(parse(nested(DEPTH_MAX)));
  assert.throws(() => parse(nested(DEPTH_MAX + 1)), refused(/deeper than 64/));
  assert.throws(() => parse('[{"a":'.repeat(1_000_000 / 2)), refused(/deeper than 64/));
  assert.throws(() => parse('"['.repeat(10)), refused(/not JSON/));
});

test('parseJson() refuses more bytes than the limit', () => {
  assert.throws(() => parseJson(Buffer.from('[1,2]'), { what, limitBytes: 4 }), refused(/larger than 4 bytes/));
  assert.throws(() => parse(`"${'a'.repeat(4 * 1024 * 1024)}"`), refused(/larger than/));
});

test('parseJson() refuses what is not UTF-8, a byte order mark and the empty text', () => {
  assert.throws(() => parseJson(Buffer.from([0x22, 0xff, 0x22]), { what }), refused(/not UTF-8/));
  assert.throws(() => parse('\ufeff{}'), refused(/not JSON/));
  assert.throws(() => parse(''), refused(/not JSON/));
});

test('parseJson() reads a hostile document of the largest size in linear time', () => {
  const slashes = `["${'\\\\'.repeat(1_000_000)}"]`;
  assert.ok(parse(slashes));
  const keys = Array.from({ length: 100_000 }, (_, index) => `"k${index}":0`).join(',');
  assert.ok(parse(`{${keys}}`));
});
