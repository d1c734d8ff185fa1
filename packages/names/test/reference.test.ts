// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseReference, printReference } from '@rkt/names';

const DIGEST = `sha256:${'0f'.repeat(32)}`;

const CANONICAL: readonly (readonly [string, string])[] = [
  ['docker://busybox', 'docker://docker.io/library/busybox:latest'],
  ['docker://docker.io/busybox', 'docker://docker.io/library/busybox:latest'],
  ['docker://coreos/etcd:v3', 'docker://docker.io/coreos/etcd:v3'],
  ['docker://localhost/a/b:1', 'docker://localhost/a/b:1'],
  ['docker://127.0.0.1:5000/busybox', 'docker://127.0.0.1:5000/busybox:latest'],
  [`docker://registry.example.com/a@${DIGEST}`, `docker://registry.example.com/a@${DIGEST}`],
  [`docker://registry.example.com/a:t@${DIGEST}`, `docker://registry.example.com/a:t@${DIGEST}`],
  ['oci:/srv/layout', 'oci:/srv/layout'],
  ['oci:layout:tag', 'oci:layout:tag'],
  ['oci-archive:/x.tar', 'oci-archive:/x.tar'],
  ['docker-archive:/x.tar:h.example:5000/a/b:v1', 'docker-archive:/x.tar:h.example:5000/a/b:v1'],
  ['sha256-0123456789abcdef', 'sha256:0123456789abcdef'],
];

test('parseReference() reads each form, and printReference() is canonical', () => {
  for (const [text, canonical] of CANONICAL) {
    assert.equal(printReference(parseReference(text)), canonical);
    assert.equal(printReference(parseReference(canonical)), canonical);
  }
});

test('parseReference() refuses what is no image reference, with the status of wrong usage', () => {
  const wrong = ['', 'busybox', 'docker://', 'docker://UPPER/case', 'docker://a/b:', 'docker://a/b:bad tag', 'docker://a/../b',
    'docker://a/b@sha256:12', 'docker://a/b@sha512:00', 'oci:', 'oci:x:', 'sha256:123', 'docker://user:pw@host/x', 'http://x']; // prettier-ignore
  for (const text of wrong) assert.throws(() => parseReference(text), { name: 'Failure', status: 64 }, text);
});

test('parseReference() throws nothing but Failure', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string().map((text) => `docker://${text}`),
      ),
      (text) => {
        try {
          parseReference(text);
        } catch (error) {
          assert.equal(error instanceof Error && error.name, 'Failure');
        }
      },
    ),
  );
});
