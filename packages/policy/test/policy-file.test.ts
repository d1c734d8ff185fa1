// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { chmodSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import fc from 'fast-check';
import { Failure } from '@rkt/exit';
import { parseContainersPolicy } from '@rkt/formats';
import { imageNameOf, makeStrictReader, readPolicy, type ImageName } from '../src/index.ts';
import { choosePolicy } from '../src/policy-file.ts';
import { docker, misconfigured, strictDirectory, write } from './fixture.ts';

const REJECT = [{ type: 'reject' }];
const ACCEPT = [{ type: 'insecureAcceptAnything' }];
const SIGNED = { type: 'signedBy', keyType: 'GPGKeys', keyData: 'a2V5' };

function chosen(t: TestContext, policy: unknown, name: ImageName = docker('example.com/foo/bar:1')) {
  const path = write(
    join(strictDirectory(t), 'policy.json'),
    typeof policy === 'string' ? policy : JSON.stringify(policy),
  );
  return choosePolicy(makeStrictReader(), path, name);
}

const DIGEST = `sha256:${'1'.repeat(64)}`;

test('choosePolicy() takes the most specific scope alone', (t) => {
  const scopes = [
    '',
    '*.com',
    '*.example.com',
    'sub.example.com',
    'sub.example.com/foo',
    'sub.example.com/foo/bar',
    'sub.example.com/foo/bar:1',
  ];
  for (const [index] of scopes.entries()) {
    const docker_ = Object.fromEntries(scopes.slice(0, index + 1).map((scope) => [scope, REJECT]));
    const policy = { default: ACCEPT, transports: { docker: docker_ } };
    const { scope, requirements } = chosen(t, policy, docker('sub.example.com/foo/bar:1'));
    assert.equal(scope, `docker:${scopes[index] ?? ''}`);
    assert.deepEqual(
      requirements.map(({ kind }) => kind),
      ['reject'],
    );
  }
});

test('choosePolicy() matches whole components, ports, digests and tags as they are, hosts in any case', (t) => {
  const scopeOf = (scope: string, name: string) =>
    chosen(t, { default: ACCEPT, transports: { docker: { [scope]: REJECT } } }, docker(name)).scope;
  assert.equal(scopeOf('example.com/foo', 'example.com/foobar:1'), 'default');
  assert.equal(scopeOf('example.com', 'example.com:5000/foo:1'), 'default');
  assert.equal(scopeOf('example.com:5000', 'example.com:5000/foo:1'), 'docker:example.com:5000');
  assert.equal(scopeOf('*.example.com', 'example.com/foo:1'), 'default');
  assert.equal(scopeOf('*.example.com', 'a.b.example.com:5000/foo:1'), 'docker:*.example.com');
  assert.equal(scopeOf('example.com/foo:1', 'example.com/foo:2'), 'default');
  assert.equal(scopeOf(`example.com/foo@${DIGEST}`, `example.com/foo@${DIGEST}`), `docker:example.com/foo@${DIGEST}`);
  assert.equal(scopeOf('Example.COM/foo', 'EXAMPLE.com/foo:1'), 'docker:Example.COM/foo');
  assert.equal(scopeOf('docker.io/library/busybox', 'busybox'), 'docker:docker.io/library/busybox');
});

test('choosePolicy() refuses scopes that can never match anything', (t) => {
  for (const scope of [
    'example.com/',
    'docker://example.com',
    '/foo',
    'example.com//foo',
    '*',
    'example.com/Foo',
    'a b',
  ]) {
    const policy = { default: ACCEPT, transports: { docker: { [scope]: REJECT } } };
    assert.throws(() => chosen(t, policy), misconfigured(/it has the scope/), scope);
  }
});

test('choosePolicy() has the default for other transports, and nothing where their scopes would decide', (t) => {
  const layout = imageNameOf({ kind: 'oci', path: '/srv/image', tag: undefined }, undefined);
  assert.equal(chosen(t, { default: REJECT, transports: { docker: { '': ACCEPT } } }, layout).scope, 'default');
  const whole = chosen(t, { default: REJECT, transports: { oci: { '': ACCEPT } } }, layout);
  assert.deepEqual([whole.scope, whole.requirements[0]?.kind], ['oci:', 'accept']);
  const narrow = chosen(t, { default: ACCEPT, transports: { oci: { '/srv': REJECT } } }, layout);
  assert.deepEqual(
    narrow.requirements.map(({ kind }) => kind),
    ['unsupported'],
  );
});

test('choosePolicy() keeps the order of a list, and its keys and identities', (t) => {
  const dir = strictDirectory(t);
  const keyPath = write(join(dir, 'key.gpg'), 'one');
  const list = [
    { ...SIGNED, signedIdentity: { type: 'remapIdentity', prefix: 'example.com', signedPrefix: 'example.org' } },
    { type: 'sigstoreSigned', keyPaths: [keyPath], signedIdentity: { type: 'matchRepository' } },
    { type: 'sigstoreSigned', keyData: 'a2V5' },
  ];
  const { requirements } = chosen(t, { default: list });
  assert.deepEqual(
    requirements.map(
      (one) => one.kind === 'signed' && [one.identity.type, one.authorities.map(({ kind }) => kind).join()],
    ),
    [
      ['remapIdentity', 'pgp'],
      ['matchRepository', 'key'],
      ['matchRepoDigestOrExact', 'key'],
    ],
  );
  const [, second] = requirements;
  assert.equal(second?.kind === 'signed' && second.authorities[0]?.source, keyPath);
});

test('choosePolicy() makes a trusted root of the certificates and log keys of fulcio, and never meets pki', (t) => {
  const pem = (label: string) =>
    Buffer.from(`-----BEGIN ${label}-----\nAAAA\n-----END ${label}-----\n`).toString('base64');
  const fulcio = {
    caData: pem('CERTIFICATE'),
    oidcIssuer: 'https://issuer.example.com',
    subjectEmail: 'a@example.com',
  };
  const rekorPublicKeyData = pem('PUBLIC KEY');
  const [requirement] = chosen(t, { default: [{ type: 'sigstoreSigned', fulcio, rekorPublicKeyData }] }).requirements;
  assert.ok(requirement?.kind === 'signed');
  const [authority] = requirement.authorities;
  assert.ok(authority?.kind === 'identity');
  assert.deepEqual([authority.issuer, authority.san], ['https://issuer.example.com', 'a@example.com']);
  const made = JSON.parse(Buffer.from(authority.root.bytes).toString());
  assert.equal(made.certificateAuthorities[0].certChain.certificates[0].rawBytes, 'AAAA');
  assert.equal(made.tlogs[0].publicKey.rawBytes, 'AAAA');
  const pki = { caRootsData: pem('CERTIFICATE'), subjectHostname: 'example.com' };
  assert.deepEqual(
    chosen(t, { default: [{ type: 'sigstoreSigned', pki }] }).requirements.map(({ kind }) => kind),
    ['unsupported'],
  );
});

test('choosePolicy() holds that a scope by name depends on who says the name, a default does not', (t) => {
  const byName = (docker_: object) => chosen(t, { default: ACCEPT, transports: { docker: docker_ } }).requirements[0];
  assert.partialDeepStrictEqual(byName({ 'example.com': ACCEPT }), { kind: 'accept', byName: true });
  assert.partialDeepStrictEqual(byName({ '': ACCEPT }), { kind: 'accept', byName: false });
  assert.partialDeepStrictEqual(byName({}), { kind: 'accept', byName: false });
});

test('choosePolicy() refuses a file with unknown or doubled keys, empty lists and wrong combinations', (t) => {
  const fulcio = { caData: 'AAAA', oidcIssuer: 'i', subjectEmail: 's' };
  const policies: readonly unknown[] = [
    {},
    { default: [] },
    { default: REJECT, more: 1 },
    { default: [{ type: 'reject', more: 1 }] },
    { default: [{ type: 'other' }] },
    { default: REJECT, transports: { docker: { 'example.com': [] } } },
    { default: REJECT, transports: { docker: { 'example.com': {} } } },
    { default: [{ type: 'signedBy', keyData: 'a2V5' }] },
    { default: [{ ...SIGNED, keyPath: '/x' }] },
    { default: [{ type: 'signedBy', keyType: 'GPGKeys' }] },
    { default: [{ ...SIGNED, keyType: 'X' }] },
    { default: [{ ...SIGNED, signedIdentity: { type: 'matchExact', dockerReference: 'x' } }] },
    { default: [{ ...SIGNED, signedIdentity: { type: 'exactReference' } }] },
    { default: [{ type: 'sigstoreSigned' }] },
    { default: [{ type: 'sigstoreSigned', keyData: 'AAAA', fulcio, rekorPublicKeyData: 'AAAA' }] },
    { default: [{ type: 'sigstoreSigned', fulcio }] },
    {
      default: [{ type: 'sigstoreSigned', keyData: 'AAAA', rekorPublicKeyData: 'AAAA', rekorPublicKeyDatas: ['AAAA'] }],
    },
    {
      default: [
        { type: 'sigstoreSigned', pki: { caRootsData: 'AAAA', subjectEmail: 's' }, rekorPublicKeyData: 'AAAA' },
      ],
    },
    { default: [{ type: 'sigstoreSigned', pki: { caRootsData: 'AAAA' } }] },
    '{"default":[{"type":"reject"}],"default":[{"type":"insecureAcceptAnything"}]}',
    '{"default":[{"type":"reject","type":"insecureAcceptAnything"}]}',
    '{"default":[{"type":"reject"}],"transports":{"docker":{"a.com":[{"type":"reject"}],"a.com":[{"type":"insecureAcceptAnything"}]}}}',
    'no JSON',
  ];
  for (const policy of policies) {
    assert.throws(() => chosen(t, policy), misconfigured(/^cannot read "/), JSON.stringify(policy));
  }
});

test('choosePolicy() refuses a file, or a key, that is missing, a link or open to others', (t) => {
  const dir = strictDirectory(t);
  const path = join(dir, 'policy.json');
  const choose = () => choosePolicy(makeStrictReader(), path, docker('example.com/foo'));
  assert.throws(choose, misconfigured(/there is no such file/));
  const keyPath = join(dir, 'key');
  write(path, JSON.stringify({ default: [{ type: 'signedBy', keyType: 'GPGKeys', keyPath }] }));
  assert.throws(choose, misconfigured(/which is not there/));
  write(keyPath, 'key', 0o666);
  assert.throws(choose, misconfigured(/key": it can be written by/));
  chmodSync(keyPath, 0o644);
  choose();
  chmodSync(path, 0o664);
  assert.throws(choose, misconfigured(/policy\.json": it can be written by its group/));
  symlinkSync(path, join(dir, 'link'));
  assert.throws(
    () => choosePolicy(makeStrictReader(), join(dir, 'link'), docker('a/b')),
    misconfigured(/symbolic link/),
  );
  write(path, JSON.stringify({ default: [{ type: 'signedBy', keyType: 'GPGKeys', keyPath: 'key' }] }));
  assert.throws(choose, misconfigured(/wanted absolute paths/));
});

test('readPolicy() is decided by the file of the command line before that of the settings, and by no other', (t) => {
  const dir = strictDirectory(t);
  const directories = { system: join(dir, 'usr'), local: join(dir, 'etc') };
  const policy = write(join(dir, 'one.json'), JSON.stringify({ default: REJECT }));
  const policyFile = write(join(dir, 'two.json'), JSON.stringify({ default: ACCEPT }));
  write(join(directories.local, 'trust.json'), JSON.stringify({ rktKind: 'trust', rktVersion: 'v1', policy }));
  const name = docker('example.com/foo');
  assert.equal(readPolicy({ directories }).rulesFor(name).path, policy);
  assert.equal(readPolicy({ directories, policyFile }).rulesFor(name).path, policyFile);
});

test('parseContainersPolicy() fails only by refusing, whatever it is given', () => {
  const anything = fc.oneof(
    fc.json(),
    fc.record({ default: fc.array(fc.jsonValue()), transports: fc.jsonValue() }).map((value) => JSON.stringify(value)),
  );
  fc.assert(
    fc.property(anything, (text) => {
      try {
        parseContainersPolicy(Buffer.from(text), '/x');
      } catch (error) {
        assert.ok(error instanceof Failure);
      }
    }),
  );
});
