// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import test from 'node:test';
import { isDigest } from '@rkt/names';
import { parseQuestions, printQuestions, readPolicy, type Question } from '../src/index.ts';
import { docker, fingerprint, trustDirectories, write } from './fixture.ts';

test('parseQuestions() reads what printQuestions() prints, bytes included', (t) => {
  const directories = trustDirectories(t);
  write(`${directories.local}/trustedkeys/root.d/${fingerprint('a')}`, Buffer.from([0, 255, 128]));
  const id = `sha256:${'1'.repeat(64)}`;
  assert.ok(isDigest(id));
  const name = docker('example.com/a:1');
  const question: Question = {
    image: 'docker://example.com/a:1',
    id,
    name,
    nameIsOurs: false,
    evidence: {
      subject: { kind: 'manifest', digest: id, size: 1 },
      documents: [{ digest: id, bytes: Buffer.from('{}') }],
      signatures: [{ kind: 'bundle', subject: id, blob: id, bytes: Buffer.from([1, 2]), annotations: { a: 'b' } }],
      problems: [],
    },
    rules: readPolicy({ directories }).rulesFor(name),
    verifier: { version: '1', uid: 0, host: 'h' },
    nowMs: 1,
  };
  const [read] = parseQuestions(printQuestions([question]));
  const plain = JSON.parse(JSON.stringify(question));
  assert.deepEqual(JSON.parse(JSON.stringify(read)), plain);
  const [requirement] = read?.rules.requirements ?? [];
  assert.ok(requirement?.kind === 'signed');
  assert.deepEqual(
    [...(requirement.authorities[0]?.kind === 'pgp' ? requirement.authorities[0].bytes : [])],
    [0, 255, 128],
  );
  assert.throws(() => parseQuestions(Buffer.from('[]\n')), /not what rkt prints/);
});
