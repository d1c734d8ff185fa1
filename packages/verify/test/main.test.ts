// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { after, test, type TestContext } from 'node:test';
import { EXIT } from '@rkt/exit';
import { MEDIA_TYPE, parseVerification } from '@rkt/formats';
import { parseDigest, type Digest } from '@rkt/names';
import { addSignatures, Keyring, runBin } from '@rkt/pod-fixtures';
import { INDEX, openStore, type Store } from '@rkt/store';

const ring = new Keyring();
after(() => ring[Symbol.dispose]());
const ALICE = 'Alice <alice@example.com>';
const alice = ring.make(ALICE, { at: '20240101T000000' });
const root = process.geteuid?.() === 0;

async function put(store: Store, bytes: Buffer, mediaType: string) {
  const digest = parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
  const descriptor = { mediaType, digest, size: bytes.byteLength };
  await store.addBlob(descriptor, (offset) => Readable.from([bytes.subarray(offset)]));
  return descriptor;
}

const json = (value: object) => Buffer.from(JSON.stringify(value));

/** A store with one image of this name. */
async function addImage(store: Store, name: string, index?: Digest) {
  const layer = await put(store, Buffer.from(name), 'application/vnd.oci.image.layer.v1.tar');
  const rootfs = { type: 'layers', diff_ids: [layer.digest] };
  const config = await put(store, json({ architecture: 'amd64', os: 'linux', rootfs }), MEDIA_TYPE.config);
  const manifest = { schemaVersion: 2, mediaType: MEDIA_TYPE.manifest, config, layers: [layer] };
  const image = await put(store, json(manifest), MEDIA_TYPE.manifest);
  await store.setReference(name, image, index === undefined ? {} : { [INDEX]: index });
  return image;
}

function makePlace(context: TestContext) {
  const place = mkdtempSync(join(root ? '/run' : (process.env['HOME'] ?? '/'), 'rkt-verify-test-'));
  chmodSync(place, 0o755);
  context.after(() => rmSync(place, { recursive: true, force: true }));
  const store = openStore(join(place, 'rkt', 'store'), { create: true });
  const local = join(place, 'etc');
  const options = [`--dir=${join(place, 'rkt')}`, `--local-config=${local}`, `--system-config=${join(place, 'usr')}`];
  return { place, store, local, options };
}

function write(path: string, content: string | Uint8Array): string {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  writeFileSync(path, content, { mode: 0o644 });
  return path;
}

const trust = (local: string, place: string) => write(join(local, 'trustedkeys', place), ring.publicKey(ALICE));

test('rkt-verify prints by whom, under which rule and since when, and ends with 0 if all are accepted', async (t) => {
  const { store, local, options } = makePlace(t);
  const image = await addImage(store, 'example.com/app:1');
  const path = trust(local, `prefix.d/example.com/${alice}`);
  const signature = ring.sign(ALICE, { digest: image.digest, reference: 'example.com/app:1', at: '20260102T030405' });
  await addSignatures(store.dir, image, [signature]);
  const expected = ['docker://example.com/app:1', 'accepted', ALICE, path, '2026-01-02 03:04:05 +0000 UTC (claimed)'];
  for (const operand of ['docker://example.com/app:1', 'example.com/app:1']) {
    const { status, stdout, stderr } = runBin('rkt-verify', [...options, operand]);
    assert.deepEqual([status, stderr], [EXIT.ok, '']);
    assert.deepEqual(stdout.trimEnd().split(/\t+/), expected);
  }
  const byId = runBin('rkt-verify', [...options, image.digest.slice(0, 20)]);
  assert.equal(byId.status, EXIT.ok, byId.stderr);
});

test('rkt-verify ends with 1 if one image is not accepted, and tells about all', async (t) => {
  const { store, local, options } = makePlace(t);
  const [good, bad] = [await addImage(store, 'example.com/app:1'), await addImage(store, 'example.com/bad:1')];
  trust(local, `root.d/${alice}`);
  const reference = 'example.com/app:1';
  await addSignatures(store.dir, good, [ring.sign(ALICE, { digest: good.digest, reference })]);
  await addSignatures(store.dir, bad, [ring.sign(ALICE, { digest: bad.digest, reference })]);
  const { status, stdout } = runBin('rkt-verify', [...options, 'example.com/app:1', 'example.com/bad:1']);
  assert.equal(status, EXIT.no);
  const [first = '', second = ''] = stdout.trimEnd().split('\n');
  assert.match(first, /\taccepted\t/);
  assert.match(
    second,
    /\trejected\t+nobody who is trusted for "example\.com\/bad:1".*it is about "example\.com\/app:1"/,
  );
});

test('rkt-verify prints the record of a decision as JSON', async (t) => {
  const { store, options } = makePlace(t);
  await addImage(store, 'example.com/app:1');
  for (const format of ['json', 'json-pretty']) {
    const { status, stdout } = runBin('rkt-verify', [...options, `--format=${format}`, 'example.com/app:1']);
    assert.equal(status, EXIT.no);
    const [decision] = parseVerification(stdout, 'stdout').decisions;
    assert.partialDeepStrictEqual(decision, { outcome: 'rejected', name: 'example.com/app:1', signatures: [] });
  }
});

test('rkt-verify ends with 66 for an image that is in no store, and still tells about the others', async (t) => {
  const { store, options } = makePlace(t);
  await addImage(store, 'example.com/app:1');
  const { status, stdout, stderr } = runBin('rkt-verify', [
    ...options,
    'docker://example.com/none:1',
    'example.com/app:1',
  ]);
  assert.equal(status, EXIT.notFound);
  assert.match(stdout, /^docker:\/\/example\.com\/app:1\trejected/);
  assert.equal(stderr, 'rkt-verify: cannot find image "docker://example.com/none:1": not in a store: fetch it first\n');
  assert.equal(runBin('rkt-verify', options).status, EXIT.usage);
});

test('rkt-verify ends with 78 when somebody else could have written what is trusted', async (t) => {
  const { store, local, options } = makePlace(t);
  await addImage(store, 'example.com/app:1');
  const path = trust(local, `root.d/${alice}`);
  chmodSync(path, 0o664);
  const { status, stdout, stderr } = runBin('rkt-verify', [...options, 'example.com/app:1']);
  assert.deepEqual([status, stdout], [EXIT.configuration, '']);
  assert.equal(stderr, `rkt-verify: cannot trust "${path}": it can be written by its group: wanted chmod go-w\n`);
});

test('rkt-verify decides by a policy file, and refuses one with a doubled key', async (t) => {
  const { place, store, options } = makePlace(t);
  const image = await addImage(store, 'example.com/app:1');
  await addSignatures(store.dir, image, [ring.sign(ALICE, { digest: image.digest, reference: 'example.com/app:1' })]);
  const keyPath = write(join(place, 'key'), ring.publicKey(ALICE));
  const signedBy = [{ type: 'signedBy', keyType: 'GPGKeys', keyPath }];
  const policy = write(
    join(place, 'policy.json'),
    JSON.stringify({ default: [{ type: 'reject' }], transports: { docker: { 'example.com': signedBy } } }),
  );
  const words = [...options, `--policy=${policy}`, 'example.com/app:1'];
  const accepted = runBin('rkt-verify', words);
  assert.deepEqual([accepted.status, accepted.stdout.split(/\t+/)[3]], [EXIT.ok, keyPath], accepted.stderr);
  write(policy, '{"default":[{"type":"reject"}],"default":[{"type":"insecureAcceptAnything"}]}');
  assert.equal(runBin('rkt-verify', words).status, EXIT.configuration);
});

test(
  'rkt-verify of an ordinary user trusts what is its own, and writes nothing',
  { skip: !root && 'root becomes that user' },
  async (t) => {
    const { place, store, local, options } = makePlace(t);
    const image = await addImage(store, 'example.com/app:1');
    trust(local, `root.d/${alice}`);
    await addSignatures(store.dir, image, [ring.sign(ALICE, { digest: image.digest, reference: 'example.com/app:1' })]);
    const list = () => readdirSync(place, { recursive: true }).map(String).toSorted();
    const before = list();
    const user = 65534;
    assert.equal(runBin('rkt-verify', [...options, 'example.com/app:1'], { user }).status, EXIT.ok);
    chownSync(join(local, 'trustedkeys', 'root.d', alice), user, user);
    assert.equal(runBin('rkt-verify', [...options, 'example.com/app:1'], { user }).status, EXIT.ok);
    assert.equal(runBin('rkt-verify', [...options, 'example.com/app:1']).status, EXIT.configuration);
    assert.deepEqual(list(), before);
  },
);
