// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isAcIdentifier, parseReference, printArchiveCimd, printCimd, printReference } from '@rkt/names';

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
  ['sha512-0f', 'sha512-0f'],
  ['docker:busybox', 'docker://docker.io/library/busybox:latest'],
  ['busybox', 'busybox'],
  ['example.com/app', 'example.com/app'],
  ['example.com/app:1.2.aci', 'example.com/app:1.2.aci'],
  ['example.com/app:1.2,os=linux,arch=amd64', 'example.com/app:1.2,arch=amd64,os=linux'],
  ['example.com/app,version=1', 'example.com/app:1'],
  ['example.com/app,url=a:b=c', 'example.com/app,url=a:b=c'],
  ['example.com/app,version=a:b', 'example.com/app,version=a:b'],
  ['cimd:appc:v=0:example.com/app?version=1&os=linux', 'example.com/app:1,os=linux'],
  ['cimd:appc:v=0:example.com/app?a=b%2Cc', 'cimd:appc:v=0:example.com/app?a=b%2Cc'],
  ['localhost:5000/x', 'localhost:5000/x'],
  ['app.aci', 'app.aci'],
  ['aci:app.aci', 'app.aci'],
  ['aci:app', './app'],
  ['aci:a:b', './a:b'],
  ['aci:https://example.com/app.aci', 'https://example.com/app.aci'],
  ['./app', './app'],
  ['./a:b,c', './a:b,c'],
  ['../dir/app.aci', '../dir/app.aci'],
  ['/srv/app', '/srv/app'],
  ['file:///srv/my%20app.aci', '/srv/my app.aci'],
  ['https://example.com/a%20b.aci?x=1#f', 'https://example.com/a%20b.aci?x=1'],
  ['http://example.com/app.aci', 'http://example.com/app.aci'],
  ['https://example.com/a/../b/./app.aci', 'https://example.com/b/app.aci'],
  ['./https://x', './https://x'],
  ['cimd:aci-archive:v=0:https%3A%2F%2Fexample.com%2Fapp.aci', 'https://example.com/app.aci'],
];

test('parseReference() reads each form, and printReference() is canonical', () => {
  for (const [text, canonical] of CANONICAL) {
    assert.equal(printReference(parseReference(text)), canonical);
    assert.equal(printReference(parseReference(canonical)), canonical);
  }
});

test('parseReference() refuses what is no image reference, with the status of wrong usage', () => {
  const wrong = ['', 'Busybox', 'app:1:2', 'app:', 'app,x', 'app,x=', 'app:1,version=2', 'app,name=x', 'app,A=b', 'a,b=c,b=c', 'a..b',
    'https://example.com/app', 'https://u:p@example.com/app.aci', 'ftp://x/app.aci', 'file://host/app.aci', 'file:///%zz.aci', '/a\0.aci',
    'aci:', 'aci:docker://x', 'sha512-0', 'sha512-not-existed', 'cimd:docker:v=0:x', 'cimd:appc:v=0:A', 'cimd:appc:v=0:a?b=%zz', 'some~random~aci~', 'docker://', 'docker://UPPER/case', 'docker://a/b:', 'docker://a/b:bad tag', 'docker://a/../b',
    'docker://a/b@sha256:12', 'docker://a/b@sha512:00', 'oci:', 'oci:x:', 'sha256:123', 'docker://user:pw@host/x', 'http://x']; // prettier-ignore
  for (const text of wrong) assert.throws(() => parseReference(text), { name: 'Failure', status: 64 }, text);
});

test('parseReference() throws nothing but Failure, and reads what printReference() prints', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc
          .tuple(
            fc.constantFrom(
              'docker://',
              'cimd:appc:v=0:a?',
              'cimd:aci-archive:v=0:',
              'https://h/',
              'file:///',
              'a',
              'a:',
              'a,b=',
            ),
            fc.string(),
          )
          .map((parts) => parts.join('')),
        fc.stringMatching(/^[a-z.:,=/%?&-]{0,30}$/),
      ),
      (text) => {
        try {
          const canonical = printReference(parseReference(text));
          assert.equal(printReference(parseReference(canonical)), canonical);
        } catch (error) {
          assert.equal(error instanceof Error && error.name, 'Failure');
        }
      },
    ),
  );
});

test('parseReference() tells paths, addresses and appc names apart by their text alone', () => {
  const kinds = { 'a.aci': 'aci-file', './a': 'aci-file', '/a:b': 'aci-file', 'x/../y': 'aci-file', 'https://h/a.aci': 'aci-url', 'a.aci:1': 'appc', 'my-app:v1': 'appc' }; // prettier-ignore
  for (const [text, kind] of Object.entries(kinds)) assert.equal(parseReference(text).kind, kind, text);
});

test('printCimd() is one text for one name and set of labels', () => {
  const labels = ['a/b', 'version'].flatMap((name) => (isAcIdentifier(name) ? [{ name, value: `x&=?\ud800` }] : []));
  const name = 'example.com/app';
  assert.ok(isAcIdentifier(name));
  assert.equal(printCimd({ name, labels }), printCimd({ name, labels: labels.toReversed() }));
  const found = parseReference(printCimd({ name, labels }));
  assert.deepEqual(found.kind === 'appc' ? found.labels.map(({ value }) => value) : [], ['x&=?\ufffd', 'x&=?\ufffd']);
  assert.equal(printArchiveCimd('https://h/a.aci'), 'cimd:aci-archive:v=0:https%3A%2F%2Fh%2Fa.aci');
});
