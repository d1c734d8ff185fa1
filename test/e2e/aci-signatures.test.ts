// SPDX-License-Identifier: Apache-2.0
// Who vouches for images in appc's format: signatures of gpg from the file beside the ACI to the pod.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { after, suite, test, type TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { parseVerification } from '@rkt/formats';
import { isDigest, type Digest } from '@rkt/names';
import { addAciSignatures, Keyring } from '@rkt/pod-fixtures';
import { makeAci, type AciOptions, type MadeAci } from '../images/aci.ts';
import { makeRkt, skipPods } from './rkt.ts';

const ring = new Keyring();
after(() => ring[Symbol.dispose]());

const [ALICE, MALLORY, SEVERAL] = [
  'Alice <alice@example.com>',
  'Mallory <mallory@example.com>',
  'Several <keys@example.com>',
];
const at = '20240101T000000';
const APP = { exec: ['/true'], user: '0', group: '0' };

function write(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  writeFileSync(path, content, { mode: 0o644 });
}

/** A store, and directories of trust that nobody but root can write to. */
function makePlace(t: TestContext) {
  const rkt = makeRkt(t);
  const place = mkdtempSync('/run/rkt-e2e-aci-');
  chmodSync(place, 0o755);
  t.after(() => rmSync(place, { recursive: true, force: true }));
  const keys = join(place, 'etc', 'trustedkeys');
  const options = [`--local-config=${join(place, 'etc')}`, `--system-config=${join(place, 'usr')}`];
  return {
    rkt,
    keys,
    options,
    verify: (image: string) => rkt.run('verify', ...options, image),
    prepare: (image: string) => rkt.run('prepare', '--quiet', ...options, image),
    /** Trusts these files of keys, and no others. */
    trust: (files: Readonly<Record<string, string | Uint8Array>>) => {
      rmSync(keys, { recursive: true, force: true });
      for (const [path, content] of Object.entries(files)) write(join(keys, path), content);
    },
  };
}

type Place = ReturnType<typeof makePlace>;

/** Fetches an ACI from a file, with what lies beside it as its signature. */
function fetchSigned({ rkt }: Pick<Place, 'rkt'>, options: AciOptions, sign: (aci: MadeAci) => Uint8Array | string | undefined) {
  const aci = makeAci({ manifest: { app: APP }, ...options });
  const path = join(rkt.dir, 'image.aci');
  writeFileSync(path, aci.bytes);
  const signature = sign(aci);
  rmSync(`${path}.asc`, { force: true });
  if (signature !== undefined) writeFileSync(`${path}.asc`, signature);
  rkt.ok('fetch', '--quiet', '--pull-policy=never', path);
  return aci;
} // prettier-ignore

/** Fails unless verify and prepare refuse the image, each in one line, and nothing of it was prepared. */
function assertRefused({ rkt, verify, prepare }: Place, image: string, pattern: RegExp): void {
  const verified = verify(image);
  assert.equal(verified.status, 1, verified.stdout + verified.stderr);
  assert.match(verified.stdout, /^[^\t\n]+\trejected\t[^\t\n]+\n$/);
  assert.match(verified.stdout, pattern);
  const { status, stdout, stderr } = prepare(image);
  assert.equal(status, 77, stderr);
  assert.equal(stdout, '');
  assert.match(stderr, /^rkt-prepare: cannot use image "[^\u0000-\u001f\u007f-\u009f]+\n$/);
  assert.match(stderr, pattern);
  for (const path of [join('pods', 'embryo'), join('pods', 'prepared'), 'layers'])
    assert.deepEqual(existsSync(join(rkt.dir, path)) ? readdirSync(join(rkt.dir, path)) : [], [], path);
}

/** Fails unless verify and prepare accept the image; returns what was written down for each of its parts. */
function assertAccepted({ rkt, verify, prepare }: Place, image: string) {
  const verified = verify(image);
  assert.equal(verified.status, 0, verified.stdout + verified.stderr);
  const { status, stdout, stderr } = prepare(image);
  assert.equal(status, 0, stderr);
  const record = join(rkt.dir, 'pods', 'prepared', stdout.trim(), 'verification.json');
  return { lines: verified.stdout.trimEnd().split('\n'), decisions: parseVerification(readFileSync(record, 'utf8'), record).decisions };
} // prettier-ignore

const detached =
  (userId: string, ...options: readonly string[]) =>
  (aci: Pick<MadeAci, 'bytes'>) =>
    ring.gpg(['--local-user', userId, ...options, '--detach-sign', '--output', '-'], { input: aci.bytes });
const armored = (userId: string, ...options: readonly string[]) => detached(userId, '--armor', ...options);
const inline = (...options: readonly string[]) => ({ bytes }: MadeAci) =>
  ring.gpg(['--local-user', `=${ALICE}`, ...options, '--output', '-'], { input: bytes }); // prettier-ignore

suite("signatures of images in appc's format", { skip: skipPods }, () => {
  const alice = ring.make(ALICE, { at });
  const mallory = ring.make(MALLORY, { at });
  const aliceKey = ring.publicKey(ALICE);
  const good = armored(`=${ALICE}`);
  const command = (name: string, more = '') =>
    new RegExp(
      `${more}.*wanted rkt trust --prefix=example\\.com/x/${name} \\[FILE\\] \\(its public key\\), or --insecure-options=image\n$`,
    );

  test('an ACI is used that a key for its name has signed, however the signature is written', (t) => {
    const place = makePlace(t);
    const several = ring.make(SEVERAL, { at });
    ring.gpg(['--quick-add-key', several, 'ed25519', 'sign', 'never'], { at });
    const signers = { alice: [alice, ALICE], several: [several, SEVERAL] } as const;
    const both = (...parts: readonly Uint8Array[]) => Buffer.concat(parts);
    const [own, other] = [detached(`=${ALICE}`), detached(`=${MALLORY}`)];
    const wrong = () => own({ bytes: Buffer.from('x') });
    const cases: readonly (readonly [string, (aci: MadeAci) => Uint8Array, string, (keyof typeof signers)?])[] = [
      ['armored', good, 'prefix.d/example.com'],
      ['binary', own, 'prefix.d/example.com/x/binary'],
      ['subkey', armored(`=${SEVERAL}`), 'root.d', 'several'],
      ['first', (aci) => both(own(aci), other(aci)), 'root.d'],
      ['second', (aci) => both(other(aci), own(aci)), 'root.d'],
      ['beside-a-wrong-one', (aci) => both(wrong(), own(aci)), 'root.d'],
    ]; // prettier-ignore
    for (const [name, sign, directory, by = 'alice'] of cases) {
      const [fingerprint, userId] = signers[by];
      place.trust({ [`${directory}/${fingerprint}`]: ring.publicKey(userId) });
      for (const compression of ['gzip', 'none'] as const) {
        const version = compression;
        fetchSigned(place, { name: `example.com/x/${name}`, version, compression }, sign);
        const { lines, decisions } = assertAccepted(place, `example.com/x/${name}:${version}`);
        const rule = join(place.keys, directory, fingerprint);
        assert.deepEqual(lines.map((line) => line.split(/\t+/).slice(1, 4)), [['accepted', userId, rule]], name);
        const [decision] = decisions;
        assert.partialDeepStrictEqual(decision, { outcome: 'accepted', name: `example.com/x/${name}:${version}`, subject: { kind: 'aci' }, rules: [rule] });
        assert.partialDeepStrictEqual(decision?.signatures[0], { kind: 'detached', result: 'good', signer: { fingerprint } });
      }
    }
  }); // prettier-ignore

  test('an ACI without a signature by somebody who is trusted for its name is refused, with the command that would trust him', (t) => {
    const place = makePlace(t);
    const key = (directory: string) => ({ [`${directory}/${alice}`]: aliceKey });
    const mask = `prefix.d/example.com/x/${alice}`;
    const by = armored(`=${MALLORY}`);
    type Files = Parameters<Place['trust']>[0];
    const cases: readonly (readonly [string, typeof good | (() => undefined), Files, RegExp | string])[] = [
      ['unsigned', () => undefined, key('root.d'), /nobody who is trusted for "example\.com\/x\/unsigned" vouches for it; it has no signature; wanted --insecure-options=image\n$/],
      ['nobody', good, {}, 'nobody is trusted for "example.com/x/nobody"; found a signature by OpenPGP key'],
      ['other-key', by, key('root.d'), `by key ${mallory}, which is not trusted`],
      ['other-prefix', good, key('prefix.d/example.com/y'), 'nobody is trusted'],
      ['below', good, key('prefix.d/example.com/x/below/it'), 'nobody is trusted'],
      ['sibling', good, key('prefix.d/example.com/x/sib'), 'nobody is trusted'],
      ['other-host', good, key('prefix.d/example.co'), 'nobody is trusted'],
      ['masked', good, { ...key('root.d'), [mask]: '' }, `"${alice}" is masked by ${join(place.keys, mask)}`],
    ];
    for (const [name, sign, files, wanted] of cases) {
      place.trust(files);
      fetchSigned(place, { name: `example.com/x/${name}` }, sign);
      assertRefused(place, `example.com/x/${name}`, typeof wanted === 'string' ? command(name, wanted) : wanted);
    }
  }); // prettier-ignore

  test('an ACI is refused whose signature is over other bytes, is none, or is by a key that is no good', (t) => {
    const place = makePlace(t);
    const user = (name: string, expire = 'never') => ring.make(`${name} <k@example.com>`, { at, expire });
    const [old, gone] = [user('Old', '1y'), user('Gone')];
    const past = ({ bytes }: MadeAci) => ring.signDetached('Old <k@example.com>', bytes, '20240301T000000');
    const before = ({ bytes }: MadeAci) => ring.signDetached('Gone <k@example.com>', bytes, at);
    const cases: readonly (readonly [string, (aci: MadeAci) => Uint8Array | string, RegExp])[] = [
      ['swapped', () => good(makeAci({ name: 'example.com/x/other' })), /it does not fit the content/],
      ['decompressed', ({ bytes }) => good({ bytes: gunzipSync(bytes) }), /it does not fit the content/],
      ['truncated-armor', (aci) => good(aci).subarray(0, -60), /does not end/],
      ['truncated', (aci) => detached(`=${ALICE}`)(aci).subarray(0, -10), /ends too early/],
      ['two-blocks', (aci) => Buffer.concat([good(aci), good(aci)]), /more than one block of ASCII armor/],
      ['tail', (aci) => Buffer.concat([good(aci), Buffer.from('tail\n')]), /is outside of the ASCII armor/],
      ['page', () => '<html>please log in</html>', /it is neither ASCII armor nor OpenPGP/],
      ['text-mode', armored(`=${ALICE}`, '--textmode'), /not of a binary document/],
      ['clear-signed', inline('--armor', '--clearsign'), /wanted "PGP SIGNATURE"/],
      ['inline', inline('--sign'), /wanted signatures alone/],
      ['sha1', armored(`=${ALICE}`, '--digest-algo', 'SHA1'), /SHA-?1/i],
      ['expired-signature', ({ bytes }) => ring.gpg(['--local-user', `=${ALICE}`, '--default-sig-expire', '30d', '--detach-sign', '--output', '-'], { input: bytes, at: '20240201T000000' }), /it has expired/],
      ['future', ({ bytes }) => ring.signDetached(ALICE, bytes, '20500101T000000'), /it was made in the future/],
      ['expired-key', past, /its key has expired/],
      ['revoked-key', before, /its key is revoked/],
    ]; // prettier-ignore
    for (const [name, sign, pattern] of cases) {
      fetchSigned(place, { name: `example.com/x/${name}` }, sign);
      if (name === 'revoked-key') ring.revoke('Gone <k@example.com>');
      const keys = [[alice, ALICE], [old, 'Old <k@example.com>'], [gone, 'Gone <k@example.com>']] as const; // prettier-ignore
      place.trust(
        Object.fromEntries(keys.map(([fingerprint, userId]) => [`root.d/${fingerprint}`, ring.publicKey(userId)])),
      );
      // No key could help, so none is asked for.
      const wanted = new RegExp(
        `${pattern.source}(?:(?!rkt trust).)*wanted --insecure-options=image\n$`,
        pattern.flags,
      );
      assertRefused(place, `example.com/x/${name}`, wanted);
    }
    place.trust({ [`root.d/${alice}`]: aliceKey });
    const path = join(place.rkt.dir, 'huge.aci');
    writeFileSync(path, makeAci({ name: 'example.com/x/huge', manifest: { app: APP } }).bytes);
    writeFileSync(`${path}.asc`, Buffer.alloc(8 * 1024 * 1024, 0x88));
    const { stderr } = place.rkt.run('fetch', path);
    assert.match(stderr, /the signature of ".*huge\.aci" may be missing: .*larger than 65536 bytes/);
    assertRefused(place, 'example.com/x/huge', /it has no signature/);
  });

  test('every image that one depends on is vouched for by itself, and none is used before all are', (t) => {
    const place = makePlace(t);
    const file = { 'a/b': 'x' };
    const base = fetchSigned(place, { name: 'example.com/x/base', version: '1', files: file }, armored(`=${MALLORY}`));
    fetchSigned(place, { name: 'other.example/lib' }, good);
    const dependencies = [{ imageName: 'example.com/x/base', imageID: base.imageId }, { imageName: 'other.example/lib' }];
    fetchSigned(place, { name: 'example.com/x/app', manifest: { app: APP, dependencies } }, good);
    place.trust({ [`root.d/${alice}`]: aliceKey });
    const { status, stdout } = place.verify('example.com/x/app');
    assert.equal(status, 1);
    assert.deepEqual(stdout.trimEnd().split('\n').map((line) => line.split(/\t+/).slice(0, 2)), [
      ['example.com/x/app', 'accepted'],
      ['other.example/lib', 'accepted'],
      ['example.com/x/base:1', 'rejected'],
    ]);
    const refused = place.prepare('example.com/x/app');
    assert.equal(refused.status, 77);
    assert.match(refused.stderr, /cannot use image "example\.com\/x\/base:1", on which "example\.com\/x\/app" depends: nobody who is trusted .*wanted rkt trust --prefix=example\.com\/x\/base /);
    assert.equal(existsSync(join(place.rkt.dir, 'layers')), false);
    place.trust({ [`root.d/${alice}`]: aliceKey, [`prefix.d/example.com/x/base/${mallory}`]: ring.publicKey(MALLORY) });
    const { decisions } = assertAccepted(place, 'example.com/x/app');
    assert.deepEqual(decisions.map(({ image, signatures: [one] }) => [image, one?.signer?.kind === 'pgp' && one.signer.userIds[0]]), [
      ['example.com/x/app', ALICE],
      ['other.example/lib', ALICE],
      ['example.com/x/base:1', MALLORY],
    ]);
    const skipped = place.rkt.ok('prepare', '--quiet', '--insecure-options=image', 'example.com/x/app');
    const record = join(place.rkt.dir, 'pods', 'prepared', skipped, 'verification.json');
    const outcomes = parseVerification(readFileSync(record, 'utf8'), record).decisions.map(({ outcome, subject }) => [outcome, subject.kind]);
    assert.deepEqual(outcomes, [['skipped', 'aci'], ['skipped', 'aci'], ['skipped', 'aci']]);
  }); // prettier-ignore

  test('an ACI is not used under another name than the one that was signed, nor with other bytes', async (t) => {
    const place = makePlace(t);
    place.trust({ [`prefix.d/example.com/x/${alice}`]: aliceKey });
    const aci = fetchSigned(place, { name: 'example.com/x/real' }, good);
    const store = join(place.rkt.dir, 'store');
    const blob = (bytes: Buffer | string): { digest: Digest; size: number } => {
      const hex = createHash('sha256').update(bytes).digest('hex');
      writeFileSync(join(store, 'blobs', 'sha256', hex), bytes);
      const digest = `sha256:${hex}`;
      assert.ok(isDigest(digest));
      return { digest, size: Buffer.byteLength(bytes) };
    };
    // Whoever owns the store shows the signed ACI as another one of the same signer.
    const index = JSON.parse(readFileSync(join(store, 'index.json'), 'utf8'));
    const manifest = JSON.parse(readFileSync(join(store, 'blobs', 'sha256', index.manifests[0].digest.slice(7)), 'utf8'));
    Object.assign(manifest.config, blob(aci.manifest.replace('example.com/x/real', 'example.com/x/fake')));
    const fake = { mediaType: manifest.mediaType, ...blob(JSON.stringify(manifest)) };
    const annotations = { ...index.manifests[0].annotations, 'org.opencontainers.image.ref.name': 'cimd:appc:v=0:example.com/x/fake' };
    index.manifests.push({ ...fake, annotations });
    // And under a name that is not in it.
    const wanted = { ...annotations, 'org.opencontainers.image.ref.name': 'cimd:appc:v=0:example.com/x/wanted' };
    index.manifests.push({ ...index.manifests[0], annotations: wanted });
    writeFileSync(join(store, 'index.json'), JSON.stringify(index));
    await addAciSignatures(store, fake, [good(aci)]);
    for (const { status, stderr } of [place.verify('example.com/x/wanted'), place.prepare('example.com/x/wanted')]) {
      assert.equal(status, 65);
      assert.match(stderr, /app name: "example\.com\/x\/wanted" expected but "example\.com\/x\/real" found/);
    }
    const verified = place.verify('example.com/x/fake');
    assert.deepEqual([verified.status, verified.stdout], [65, '']);
    assert.match(verified.stderr, /the ACI in the store is another than the store says/);
    assert.equal(place.prepare('example.com/x/fake').status, 65);
    // One byte of the ACI is another one.
    const path = join(store, 'blobs', 'sha256', createHash('sha256').update(aci.bytes).digest('hex'));
    const changed = Buffer.from(aci.bytes);
    changed.writeUInt8((changed[9] ?? 0) ^ 1, 9);
    chmodSync(path, 0o644);
    writeFileSync(path, changed);
    assertRefused(place, 'example.com/x/real', /it does not fit the content/);
  }); // prettier-ignore
});
