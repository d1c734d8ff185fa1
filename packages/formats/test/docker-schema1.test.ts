// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { EXIT, Failure } from '@rkt/exit';
import { isSchema1, parseSchema1, printV1Config, SCHEMA1, schema1Payload } from '../src/index.ts';
import { parseDigest } from '@rkt/names';

const what = 'manifest "x"';
const digest = (digit: string) => parseDigest(`sha256:${digit.repeat(64)}`);
const id = (digit: string) => digit.repeat(64);

/** A payload with signatures put in before its closing brace, as libtrust does it. */
function sign(payload: string, headers?: readonly object[]): Buffer {
  const end = payload.lastIndexOf('}');
  const length = payload.slice(0, end).trimEnd().length;
  const [head, formatTail] = [payload.slice(0, length), payload.slice(length)];
  const made = headers ?? [
    { formatLength: Buffer.byteLength(head), formatTail: Buffer.from(formatTail).toString('base64url') },
  ];
  const signatures = made.map((header) => ({
    signature: 'AAAA',
    protected: Buffer.from(JSON.stringify(header)).toString('base64url'),
  }));
  return Buffer.from(`${head},\n   "signatures": ${JSON.stringify(signatures)}\n}`);
}

const image = (changes: object = {}) => ({
  schemaVersion: 1,
  name: 'a/b',
  tag: 'v1',
  architecture: 'amd64',
  fsLayers: ['3', '2', '1'].map((digit) => ({ blobSum: digest(digit) })),
  history: [
    { id: id('c'), parent: id('b'), created: '2015-03-01T10:00:00Z', config: { Cmd: ['/x'] }, os: 'linux' },
    { id: id('b'), parent: id('a'), throwaway: true, container_config: { Cmd: ['#(nop)', 'ENV'] } },
    { id: id('a'), created: 'yesterday', comment: 'first' },
  ].map((link) => ({ v1Compatibility: JSON.stringify(link) })),
  ...changes,
});

const bytesOf = (changes: object = {}) => Buffer.from(JSON.stringify(image(changes)));

function refused(pattern: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof Failure, String(error));
    assert.equal(error.status, EXIT.dataRefused);
    assert.match(error.message, /^cannot read [^\n]+$/);
    assert.match(error.message, pattern);
    return true;
  };
}

test('schema1Payload takes out what was signed, byte for byte', () => {
  const key = fc.string({ minLength: 1 }).filter((text) => !['signatures', '__proto__'].includes(text));
  const payloads = fc.dictionary(key, fc.oneof(fc.string(), fc.integer()), { minKeys: 1, noNullPrototype: true });
  fc.assert(
    fc.property(payloads, fc.constantFrom(0, 3), (value, indent) => {
      const payload = JSON.stringify(value, null, indent);
      assert.equal(schema1Payload(sign(payload), { what }).toString(), payload);
    }),
  );
  assert.equal(schema1Payload(bytesOf(), { what }).toString(), bytesOf().toString());
});

test('schema1Payload refuses signatures that could mean several documents', () => {
  const payload = bytesOf().toString();
  const good = { formatLength: payload.length - 1, formatTail: Buffer.from('}').toString('base64url') };
  assert.equal(schema1Payload(sign(payload, [good, good]), { what }).toString(), payload);
  for (const [headers, pattern] of [
    [[good, { ...good, formatLength: 5 }], /of different documents/],
    [[{ ...good, formatLength: 10_000_000 }], /more bytes than there are/],
    [[{ ...good, formatLength: -1 }], /formatLength/],
    [[{ ...good, formatTail: '!' }], /not base64/],
    [[{}], /formatLength/],
  ] as const) {
    assert.throws(() => schema1Payload(sign(payload, headers), { what }), refused(pattern));
  }
});

test('parseSchema1 reads the chain, and leaves out layers that were thrown away', () => {
  const { chain, layers } = parseSchema1(bytesOf(), { what });
  assert.deepEqual(layers, [digest('1'), digest('3')]);
  assert.deepEqual(JSON.parse(printV1Config(chain, [digest('8'), digest('9')])), {
    created: '2015-03-01T10:00:00Z',
    architecture: 'amd64',
    os: 'linux',
    config: { Cmd: ['/x'] },
    rootfs: { type: 'layers', diff_ids: [digest('8'), digest('9')] },
    history: [
      { comment: 'first' },
      { created_by: '#(nop) ENV', empty_layer: true },
      { created: '2015-03-01T10:00:00Z' },
    ],
  });
});

test('parseSchema1 refuses what is no chain', () => {
  const { history, fsLayers } = image();
  const link = (value: unknown) => ({ v1Compatibility: typeof value === 'string' ? value : JSON.stringify(value) });
  for (const [changes, pattern] of [
    [{ history: history.slice(1) }, /2 entries of history for 3 layers/],
    [{ history: history.toReversed() }, /the parent of "a{64}" is "": wanted "b{64}"/],
    [{ history: [...history.slice(0, 2), link('{')] }, /history 2 of manifest "x": it is not JSON/],
    [{ history: [...history.slice(0, 2), link({ id: '../x' })] }, /history 2 .*id/],
    [{ fsLayers: [] }, /fsLayers/],
    [{ fsLayers: [...fsLayers.slice(1), { blobSum: 'sha256:../../x' }] }, /fsLayers\.2\.blobSum/],
    [{ schemaVersion: 2 }, /schemaVersion/],
    [{ signatures: [] }, /signed within its signature/],
    [{ fsLayers: Array(1001).fill(fsLayers[0]) }, /fsLayers/],
  ] as const) {
    assert.throws(() => parseSchema1(bytesOf(changes), { what }), refused(pattern));
  }
});

test('isSchema1 believes the media type, and looks for itself only without one', () => {
  assert.ok(isSchema1(Buffer.alloc(0), 'application/vnd.docker.distribution.manifest.v1+prettyjws'));
  assert.ok(isSchema1(bytesOf(), SCHEMA1));
  assert.ok(isSchema1(bytesOf(), undefined));
  assert.ok(!isSchema1(bytesOf(), 'application/vnd.oci.image.manifest.v1+json'));
  assert.ok(!isSchema1(Buffer.from('{"schemaVersion":2,"layers":[]}'), undefined));
  assert.ok(!isSchema1(Buffer.from('{'), undefined));
});
