// SPDX-License-Identifier: Apache-2.0
// Certificates that the mock does not issue, made by openssl.
import { execFileSync } from 'node:child_process';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { verifyBundleSignature, type Identity, type RefusalCode } from '../src/index.ts';
import {
  assertBad,
  assertGood,
  bundleOf,
  bytesOf,
  digestOf,
  entryFor,
  envelopeOf,
  ISSUER,
  makeInstance,
  statementOf,
  type Signing,
} from './sigstore-fixtures.ts';

const directory = mkdtempSync(join(tmpdir(), 'certificates-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' });
const derOf = (name: string): Buffer => {
  openssl('x509', '-in', `${name}.pem`, '-outform', 'DER', '-out', `${name}.der`);
  return readFileSync(join(directory, `${name}.der`));
};

writeFileSync(
  join(directory, 'ca.cnf'),
  `[req]
distinguished_name = dn
x509_extensions = ca
prompt = no
[dn]
CN = authority
[ca]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
`,
);
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '30', '-config', 'ca.cnf');

const digest = digestOf(Buffer.from('manifest'));
const instance = await makeInstance();
const authority = {
  uri: 'https://openssl.example.com',
  subject: { organization: 'x', commonName: 'x' },
  certChain: { certificates: [{ rawBytes: derOf('ca').toString('base64') }] },
  validFor: { start: '2020-01-01T00:00:00Z' },
};
const root = await instance.root({ ...instance.document, certificateAuthorities: [authority], ctlogs: [] });

const usual = {
  keyUsage: 'critical, digitalSignature',
  extendedKeyUsage: 'codeSigning',
  subjectAltName: 'email:alice@example.com',
  authorityKeyIdentifier: 'keyid',
  '1.3.6.1.4.1.57264.1.8': `ASN1:UTF8String:${ISSUER}`,
};
const alice: Identity = { issuer: ISSUER, san: 'alice@example.com' };

let count = 0;

/** A key and a certificate with these extensions; undefined leaves one out. */
function issue(changes: Readonly<Record<string, string | undefined>> = {}, key = newKey): Signing {
  count += 1;
  const name = `leaf${count}`;
  const lines = Object.entries({ ...usual, ...changes }).map(([oid, value]) =>
    value === undefined ? '' : `${oid} = ${value}`,
  );
  writeFileSync(join(directory, `${name}.cnf`), lines.join('\n'));
  openssl('req', ...key, '-subj', '/', '-keyout', `${name}.key`, '-out', `${name}.csr`);
  const by = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-set_serial', String(count)];
  openssl('x509', '-req', '-in', `${name}.csr`, ...by, '-days', '1', '-extfile', `${name}.cnf`, '-out', `${name}.pem`);
  const privateKey = createPrivateKey(readFileSync(join(directory, `${name}.key`)));
  return { privateKey, publicKey: createPublicKey(privateKey), certificate: derOf(name) };
}

async function ask(signing: Signing, identities: readonly Identity[] = [alice], against = root) {
  const made = envelopeOf(statementOf(digest), signing);
  const tlogEntries = [await instance.logV1(entryFor(made, signing))];
  const trust = { kind: 'identities', identities, root: against } as const;
  return verifyBundleSignature(bytesOf(bundleOf(made, signing, { tlogEntries })), { digest, trust, now: new Date() });
}

/** A name of one kind with bytes as they are. */
function rawName(tag: number, text: string): string {
  const name = Buffer.concat([Buffer.from([0x80 | tag, text.length]), Buffer.from(text, 'latin1')]);
  return `DER:${Buffer.concat([Buffer.from([0x30, name.length]), name]).toString('hex')}`;
}

test('an e-mail address is a name, and so is a URI', async () => {
  assertGood(await ask(issue()), { kind: 'identity', ...alice }, 'e-mail');
  const san = 'https://example.com/workflow';
  const uri = { issuer: ISSUER, san };
  assertGood(await ask(issue({ subjectAltName: `URI:${san}` }), [uri]), { kind: 'identity', ...uri }, 'URI');
});

test('names that can be read in two ways are refused', async () => {
  // The highest bit dropped, as by a reader of 7-bit text, these become the name that is trusted.
  const lifted = `${String.fromCharCode(alice.san.charCodeAt(0) | 0x80)}${alice.san.slice(1)}`;
  const cases: readonly (readonly [string, Record<string, string | undefined>, RefusalCode])[] = [
    ['a second name', { subjectAltName: 'email:alice@example.com, email:mallory@example.com' }, 'malformed'],
    [
      'a second name of another kind',
      { subjectAltName: 'URI:https://example.com/x, email:alice@example.com' },
      'malformed',
    ],
    ['no name', { subjectAltName: undefined }, 'malformed'],
    ['a host', { subjectAltName: 'DNS:alice@example.com' }, 'unsupported'],
    ['an e-mail address with the highest bit', { subjectAltName: rawName(1, lifted) }, 'malformed'],
    ['a URI with the highest bit', { subjectAltName: rawName(6, lifted) }, 'malformed'],
    ['a line break', { subjectAltName: rawName(1, 'alice@example.com\n') }, 'malformed'],
    ['a zero', { subjectAltName: rawName(1, 'alice@example.com\0.evil') }, 'malformed'],
    ['no issuer', { '1.3.6.1.4.1.57264.1.8': undefined }, 'malformed'],
  ];
  for (const [what, extensions, code] of cases) assertBad(await ask(issue(extensions)), code, what);
});

test('certificates for other purposes are refused', async () => {
  const cases: readonly (readonly [string, Record<string, string | undefined>])[] = [
    ['servers', { extendedKeyUsage: 'serverAuth' }],
    ['nothing in particular', { extendedKeyUsage: undefined }],
    ['issuing', { basicConstraints: 'critical, CA:true', keyUsage: 'critical, keyCertSign, digitalSignature' }],
  ];
  for (const [what, extensions] of cases) assertBad(await ask(issue(extensions)), 'untrusted-certificate', what);
});

test('a certificate that no log has is refused if the root has logs of certificates', async () => {
  const logged = await instance.root({ ...instance.document, certificateAuthorities: [authority] });
  assertBad(await ask(issue(), [alice], logged), 'untrusted-certificate', 'no proof');
});

test('keys that are too weak are refused in certificates too', async () => {
  assertBad(await ask(issue({}, ['-newkey', 'rsa:1024', '-nodes'])), 'unsupported', 'RSA-1024');
  assertGood(await ask(issue({}, ['-newkey', 'rsa:2048', '-nodes'])), { kind: 'identity', ...alice }, 'RSA-2048');
});

test('a certificate that signed itself is refused', async () => {
  const extensions = Object.entries({ ...usual, authorityKeyIdentifier: 'none' }).map(
    ([oid, value]) => `${oid} = ${value}`,
  );
  const head = [
    '[req]',
    'distinguished_name = dn',
    'x509_extensions = x',
    'prompt = no',
    '[dn]',
    'CN = authority',
    '[x]',
  ];
  writeFileSync(join(directory, 'self.cnf'), [...head, ...extensions, ''].join('\n'));
  openssl('req', '-x509', ...newKey, '-keyout', 'self.key', '-out', 'self.pem', '-days', '1', '-config', 'self.cnf');
  const privateKey = createPrivateKey(readFileSync(join(directory, 'self.key')));
  const self = { privateKey, publicKey: createPublicKey(privateKey), certificate: derOf('self') };
  assertBad(await ask(self), 'untrusted-certificate', 'self-signed');
});
