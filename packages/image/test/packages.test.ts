// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Failure } from '@rkt/exit';
import { harmless } from '../src/attached/harmless.ts';
import { packagesIn } from '../src/attached/packages.ts';

const key = fc.constantFrom('packages', 'components', 'artifacts', 'externalRefs', 'name', 'version', 'purl');
const { document } = fc.letrec((tie) => ({
  document: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, 7, true, 'text'),
    fc.array(tie('document'), { maxLength: 3 }),
    fc.dictionary(key, tie('document'), { maxKeys: 3 }),
  ),
}));

test('packagesIn() takes any JSON: a list of texts, or a refusal', () => {
  fc.assert(
    fc.property(fc.dictionary(key, document), fc.constantFrom('spdx', 'cyclonedx', 'syft'), (value, format) => {
      try {
        for (const row of packagesIn(format, value)) assert.ok(row.every((cell) => typeof cell === 'string'));
      } catch (error) {
        assert.ok(error instanceof Failure, String(error));
      }
    }),
  );
});

test('packagesIn() reads no more than 100000 packages, however they nest', () => {
  const flat = Array.from({ length: 100_001 }, () => ({ name: 'a' }));
  assert.equal(packagesIn('spdx', { packages: flat }).length, 100_000);
  assert.equal(packagesIn('cyclonedx', { components: [{ name: 'top', components: flat }] }).length, 100_000);
});

test('harmless() leaves JSON the same, and nothing that a terminal obeys', () => {
  fc.assert(
    fc.property(
      fc.jsonValue(),
      fc.string({ unit: fc.constantFrom('\u001b', '\u009b', '\u202e', 'a') }),
      (value, text) => {
        const printed = JSON.stringify({ value, text }, null, '\t');
        const escaped = harmless(printed);
        assert.deepEqual(JSON.parse(escaped), JSON.parse(printed));
        // eslint-disable-next-line no-control-regex
        assert.doesNotMatch(escaped, /[\u001b\u007f-\u009f\u202e]/);
      },
    ),
  );
});
