// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { pack, unpack } from '../src/wire.ts';

const annotations = fc.dictionary(
  fc.string().filter((key) => key !== '__proto__'),
  fc.string(),
);
const part = fc.record({ bytes: fc.uint8Array(), annotations, name: fc.string(), size: fc.integer() });

test('unpack() reads what pack() makes, whatever strangers wrote into it', () => {
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      const read = unpack(pack({ parts }, 'x'), 'x');
      assert.deepEqual(JSON.parse(JSON.stringify(read)), JSON.parse(JSON.stringify({ parts: parts.map(asBuffers) })));
    }),
  );
});

const asBuffers = (one: { bytes: Uint8Array }) => ({ ...one, bytes: Buffer.from(one.bytes) });

test('unpack() takes a text of strangers for no bytes, and refuses what was cut', () => {
  const data = { annotations: { 'bytes at': 'x' }, bytes: Buffer.from('secret') };
  const packed = pack(data, 'x');
  assert.deepEqual(unpack(packed, 'x'), data);
  assert.throws(() => unpack(packed.subarray(0, 20), 'x'), /cannot read x: it was cut/);
});
