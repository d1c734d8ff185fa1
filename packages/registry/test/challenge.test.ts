// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import { parseChallenges } from '../src/index.ts';

const parsed = (header: string | readonly string[]) =>
  parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

test('parseChallenges() reads quoted strings with commas, and names in any case', () => {
  assert.deepEqual(
    parsed('bEaReR REALM="https://a.example/token", Service = "a.example",scope="repository:a/b:pull,push"'),
    [['bearer', { realm: 'https://a.example/token', service: 'a.example', scope: 'repository:a/b:pull,push' }]],
  );
});

test('parseChallenges() reads several challenges in one header and in several', () => {
  const expected = [
    ['newauth', { realm: 'apps', type: '1', title: 'Login to "apps"' }],
    ['basic', { realm: 'simple' }],
  ];
  assert.deepEqual(
    parsed(String.raw`Newauth realm="apps", type=1, title="Login to \"apps\"", Basic realm="simple"`),
    expected,
  );
  assert.deepEqual(
    parsed([String.raw`Newauth realm="apps", type=1, title="Login to \"apps\""`, 'Basic realm="simple"']),
    expected,
  );
});

test('parseChallenges() reads schemes without parameters, token68 and empty elements', () => {
  assert.deepEqual(parsed('Negotiate'), [['negotiate', {}]]);
  assert.deepEqual(parsed('Negotiate YWJj==, Basic realm=x'), [
    ['negotiate', {}],
    ['basic', { realm: 'x' }],
  ]);
  assert.deepEqual(parsed(', ,Basic realm="a" , ,Negotiate, Digest nonce="b"'), [
    ['basic', { realm: 'a' }],
    ['negotiate', {}],
    ['digest', { nonce: 'b' }],
  ]);
});

test('parseChallenges() keeps the first of two parameters of one name', () => {
  assert.deepEqual(parsed('Bearer realm="https://good", Realm="https://evil"'), [
    ['bearer', { realm: 'https://good' }],
  ]);
});

test('parseChallenges() returns what comes before malformed text', () => {
  assert.deepEqual(parsed('Basic realm="a", Bearer realm="b'), [
    ['basic', { realm: 'a' }],
    ['bearer', {}],
  ]);
  for (const text of ['', '"', '=', '@', 'a'.repeat(20_000)]) assert.ok(parsed(text).length <= 1);
});

test('parseChallenges() reads back what is printed, and ends on any text', () => {
  const token = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,8}$/);
  const value = fc.string({ maxLength: 20 });
  const challenge = fc.tuple(
    token,
    fc.uniqueArray(fc.tuple(token, value), { minLength: 1, maxLength: 4, selector: ([name]) => name.toLowerCase() }),
  );
  fc.assert(
    fc.property(fc.array(challenge, { minLength: 1, maxLength: 4 }), (challenges) => {
      const header = challenges
        .map(([scheme, pairs]) => {
          const printed = pairs.map(([name, text]) => `${name}="${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`);
          return `${scheme} ${printed.join(', ')}`;
        })
        .join(', ');
      fc.pre(header === header.trim());
      assert.deepEqual(
        parsed(header),
        challenges.map(([scheme, pairs]) => [
          scheme.toLowerCase(),
          Object.fromEntries(pairs.map(([name, text]) => [name.toLowerCase(), text])),
        ]),
      );
    }),
  );
  const pieces = fc.array(fc.constantFrom('a', ' ', ',', '=', '"', '\\', 'Bearer', 'realm', '\t', '@', '=='));
  fc.assert(
    fc.property(pieces, (parts) => parseChallenges(parts.join('')).length <= parts.length),
    { numRuns: 2000 },
  );
});
