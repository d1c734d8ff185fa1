// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { EXIT } from '@rkt/exit';
import { Keyring } from '@rkt/pod-fixtures';
import { parsePgpKeys } from '@rkt/signatures';
import { assertRefused, makePlace, root, type Place } from './fixture.ts';

const ring = new Keyring();
after(() => ring[Symbol.dispose]());
const ALICE = 'Alice <alice@example.com>';
const BOB = 'Bob \u202e <bob@example.com>';
const alice = ring.make(ALICE, { at: '20240102T000000', expire: '30y' });
const bob = ring.make(BOB, { at: '20240102T000000' });
const SKIP = '--skip-fingerprint-review';

const keyFile = (place: Place, name = 'alice.asc', content = ring.publicKey(ALICE)) => place.write(name, content);

test('rkt-trust puts a key where rkt had it, readable for all, shows what it is and says where it went', async (t) => {
  const place = makePlace(t);
  const { status, stdout, stderr } = place.trust('--prefix=example.com/app', SKIP, keyFile(place));
  assert.equal(status, EXIT.ok, stderr);
  const path = join(place.local, 'trustedkeys', 'prefix.d', 'example.com', 'app', alice);
  assert.equal(stdout, `Added key for prefix "example.com/app" at "${path}"\n`);
  const groups = alice.toUpperCase().match(/.{4}/g) ?? [];
  const lines = [
    'prefix: "example.com/app"',
    `key: "${join(place.path, 'alice.asc')}"`,
    `gpg key fingerprint is: ${groups.slice(0, 5).join(' ')}  ${groups.slice(5).join(' ')}`,
    `\t${ALICE}`,
  ];
  assert.ok(stderr.startsWith(`${lines.join('\n')}\n`), stderr);
  assert.match(stderr, /\n\tEd25519[^\n]*, created 2024-01-02, expires 20\d\d-\d\d-\d\d\n/);
  assert.match(stderr, /Trusting ".*alice\.asc" for prefix "example\.com\/app" without fingerprint review\.\n$/);
  assert.equal(statSync(path).mode & 0o7777, 0o644);
  for (const directory of ['', 'trustedkeys', 'trustedkeys/prefix.d', 'trustedkeys/prefix.d/example.com/app']) {
    assert.equal(statSync(join(place.local, directory)).mode & 0o7777, 0o755);
  }
  const [key] = await parsePgpKeys(Buffer.from(place.files()[`prefix.d/example.com/app/${alice}`] ?? ''), 'it');
  assert.equal(key?.fingerprint, alice);
});

test('rkt-trust writes keys that gpg reads, with a right checksum', (t) => {
  const place = makePlace(t);
  assert.equal(place.trust('--root', SKIP, keyFile(place)).status, EXIT.ok);
  const path = join(place.local, 'trustedkeys', 'root.d', alice);
  const shown = execFileSync('gpg', ['--homedir', place.path, '--batch', '--with-colons', '--show-keys', path], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  assert.match(shown.toString(), new RegExp(`^fpr:+${alice.toUpperCase()}:$`, 'm'));
});

test('rkt-trust keeps modes whatever the umask is', (t) => {
  const place = makePlace(t);
  const before = process.umask(0o077);
  t.after(() => process.umask(before));
  assert.equal(place.trust('--root', SKIP, keyFile(place)).status, EXIT.ok);
  assert.equal(statSync(join(place.local, 'trustedkeys', 'root.d', alice)).mode & 0o7777, 0o644);
  assert.equal(statSync(join(place.local, 'trustedkeys', 'root.d')).mode & 0o7777, 0o755);
});

test('rkt-trust adds every key of a file as a file of its own, binary or armored, and escapes user ids', (t) => {
  const place = makePlace(t);
  const both = Buffer.concat([ring.publicKey(ALICE), ring.publicKey(BOB)]);
  const { status, stderr } = place.trust('--root', SKIP, keyFile(place, 'both', both));
  assert.equal(status, EXIT.ok, stderr);
  assert.deepEqual(Object.keys(place.files()).toSorted(), [`root.d/${alice}`, `root.d/${bob}`].toSorted());
  assert.match(stderr, /\tBob \\u202e <bob@example\.com>\n/);
});

test('rkt-trust adds bare keys under the hash of the key, and identities with a trusted root', (t) => {
  const place = makePlace(t);
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const hash = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
  const trustedRoot = place.write('root.json', '{}');
  const identity = { issuer: 'https://issuer.example.com', san: 'https://example.com/workflow', trustedRoot };
  const files = [place.write('cosign.pub', pem), place.write('ci.sigstore.json', JSON.stringify(identity))];
  const { status, stderr } = place.trust('--root', SKIP, ...files);
  assert.equal(status, EXIT.ok, stderr);
  assert.match(stderr, /key fingerprint is: [0-9A-F ]+\n\tECDSA P-256, 256 bits\n/);
  assert.match(stderr, /identity: https:\/\/example\.com\/workflow\n\tissuer https:\/\/issuer\.example\.com\n/);
  assert.deepEqual(place.files(), { [`root.d/${hash}.pub`]: pem, 'root.d/ci.sigstore.json': JSON.stringify(identity) });
  rmSync(trustedRoot);
  assertRefused(
    place.trust('--root', SKIP, join(place.path, 'ci.sigstore.json')),
    EXIT.notFound,
    /its trusted root .* is not there/,
  );
});

test('rkt-trust says what is wrong with the command line', (t) => {
  const place = makePlace(t);
  const key = keyFile(place);
  for (const [words, message] of [
    [[key], /aborting due to implicit unbounded trust: wanted --prefix=PREFIX, or --root/],
    [['--root', '--prefix=example.com', key], /--root and --prefix usage mutually exclusive/],
    [['--prefix=https://example.com', key], /--prefix must not contain a URL scheme, omit https:\/\/$/m],
    [['--prefix=example.com/', key], /wanted HOST\[\/PATH\]/],
    [['--prefix=example.com/app:1', key], /wanted HOST\[\/PATH\]/],
    [['--prefix=../../etc', key], /wanted HOST\[\/PATH\]/],
    [['--prefix=example.com/../x', key], /wanted HOST\[\/PATH\]/],
    [['--prefix=Example.com', key], /wanted HOST\[\/PATH\]/],
    [['--prefix=', key], /needs a value/],
    [['--root'], /cannot discover keys for every name: wanted PUBKEY/],
    [['--root', 'http://127.0.0.1/key'], /wanted https, or --insecure-allow-http/],
    [['--root', 'ftp://127.0.0.1/key'], /wanted a path or an https URL/],
    [['--root', key], /unable to ask user to review fingerprint due to lack of tty: wanted a terminal/],
    [['--list', '--remove=a'], /--list and --remove usage mutually exclusive/],
    [['--list', key], /wanted none with --list/],
  ] as const) {
    assertRefused(place.trust(...words), EXIT.usage, message);
  }
  assert.deepEqual(place.files(), {});
});

test('rkt-trust refuses what is no public key, and keys that can vouch for nothing, before it writes anything', (t) => {
  const place = makePlace(t);
  const expired = 'Expired <expired@example.com>';
  ring.make(expired, { at: '20200101T000000', expire: '1y' });
  const revoked = 'Revoked <revoked@example.com>';
  ring.make(revoked, { at: '20200101T000000' });
  ring.revoke(revoked);
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
  for (const [content, message] of [
    ['', /cannot use key/],
    ['nonsense', /cannot use key/],
    [ring.publicKey(expired), /it expired 20/],
    [ring.publicKey(revoked), /it is revoked: wanted one that can sign/],
    [publicKey.export({ type: 'spki', format: 'pem' }), /RSA of 1024 bits is too weak/],
    ['x'.repeat(300 * 1024), /larger than 262144 bytes/],
  ] as const) {
    const path = place.write('bad', content);
    assertRefused(place.trust('--root', SKIP, keyFile(place), path), EXIT.dataRefused, message);
    assert.deepEqual(place.files(), {});
  }
  assertRefused(place.trust('--root', SKIP, join(place.path, 'none')), EXIT.notFound, /no such file/);
});

test('rkt-trust writes into no store that others can write to, and through no link', (t) => {
  const open = makePlace(t);
  mkdirSync(join(open.local, 'trustedkeys'), { recursive: true });
  chmodSync(join(open.local, 'trustedkeys'), 0o775);
  const { status, stderr } = open.trust('--root', SKIP, keyFile(open));
  assert.equal(status, EXIT.configuration);
  assert.match(stderr, /trustedkeys": it can be written by its group: wanted chmod go-w\n$/);
  const linked = makePlace(t);
  const elsewhere = join(linked.path, 'elsewhere');
  mkdirSync(elsewhere);
  mkdirSync(join(linked.local, 'trustedkeys'), { recursive: true });
  symlinkSync(elsewhere, join(linked.local, 'trustedkeys', 'root.d'));
  assert.equal(linked.trust('--root', SKIP, keyFile(linked)).status, EXIT.configuration);
  rmSync(join(linked.local, 'trustedkeys', 'root.d'));
  mkdirSync(join(linked.local, 'trustedkeys', 'root.d'));
  symlinkSync(join(elsewhere, 'file'), join(linked.local, 'trustedkeys', 'root.d', alice));
  assert.equal(linked.trust('--root', SKIP, keyFile(linked)).status, EXIT.configuration);
  assert.deepEqual(readdirSync(elsewhere), []);
});

/** Runs rkt-trust for a prefix and a key on a terminal, and does these steps there. */
function onTerminal({ local }: Place, key: string, steps: readonly (readonly string[])[]) {
  const program = join(import.meta.dirname, '..', '..', '..', 'test', 'e2e', 'terminal.py');
  const bin = join(import.meta.dirname, '..', 'bin', 'rkt-trust.ts');
  const command = [
    process.execPath,
    '--conditions=source',
    bin,
    `--local-config=${local}`,
    '--prefix=example.com',
    key,
  ];
  const { stdout, stderr } = spawnSync('python3', [program, JSON.stringify([...steps, ['end']]), ...command], {
    encoding: 'utf8',
  });
  assert.equal(stderr, '');
  return JSON.parse(stdout);
}

const ASKED = ['wait', String.raw`\(yes/no\)\? $`];

test('rkt-trust asks on a terminal until the answer is yes or no', (t) => {
  const place = makePlace(t);
  const answer = (...typed: readonly string[]) =>
    onTerminal(
      place,
      keyFile(place),
      typed.flatMap((text) => [ASKED, ['type', text]]),
    );
  const no = answer('maybe\n', 'no\n');
  assert.equal(no.status, EXIT.no);
  assert.match(no.shown, /Are you sure you want to trust this key \(yes\/no\)\? maybe\r\nPlease enter "yes" or "no"\./);
  assert.match(no.shown, /not trusting "/);
  assert.equal(answer('\u0004').status, EXIT.no);
  assert.deepEqual(place.files(), {});
  const yes = answer('yes\n');
  assert.equal(yes.status, EXIT.ok);
  assert.match(yes.shown, /Trusting ".*" for prefix "example\.com" after fingerprint review\./);
  assert.deepEqual(Object.keys(place.files()), [`prefix.d/example.com/${alice}`]);
});

test('rkt-trust trusts the key that it has shown, whatever the file is when the answer comes', (t) => {
  const place = makePlace(t);
  const shown = keyFile(place);
  const userId = 'Swapped <swapped@example.com>';
  ring.make(userId, { at: '20240101T000000' });
  const other = place.write('other.asc', ring.publicKey(userId));
  const { status } = onTerminal(place, shown, [ASKED, ['move', other, shown], ['type', 'yes\n']]);
  assert.equal(status, EXIT.ok);
  assert.ok(!existsSync(other));
  const kept = place.files();
  assert.deepEqual(Object.keys(kept), [`prefix.d/example.com/${alice}`]);
  const again = makePlace(t);
  again.trust('--prefix=example.com', SKIP, keyFile(again));
  assert.deepEqual(kept, again.files());
});

test(
  'rkt-trust of an ordinary user says that /etc is not its own',
  { skip: !root && 'root becomes that user' },
  (t) => {
    const place = makePlace(t);
    const key = keyFile(place);
    const bin = join(import.meta.dirname, '..', 'bin', 'rkt-trust.ts');
    const words = ['--conditions=source', bin, `--local-config=${place.local}`, '--root', SKIP, key];
    const { status, stderr } = spawnSync('setpriv', ['--reuid=65534', '--clear-groups', process.execPath, ...words], {
      encoding: 'utf8',
    });
    assert.equal(status, EXIT.notPermitted, stderr);
    assert.match(stderr, /cannot write ".*": this user may not: wanted sudo/);
  },
);
