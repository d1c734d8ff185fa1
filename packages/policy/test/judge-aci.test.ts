// SPDX-License-Identifier: Apache-2.0
// Images in appc's format: who vouches for them by a detached signature over the file as it was served.
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { after, test, type TestContext } from 'node:test';
import { MEDIA_TYPE, type Verification } from '@rkt/formats';
import { addAciSignatures, Keyring } from '@rkt/pod-fixtures';
import { gatherAciEvidence, judge, readPolicy, type Question } from '../src/index.ts';
import { write } from './fixture.ts';
import { addBlob, makeScene, NOW } from './judging.ts';

const ring = new Keyring();
after(() => ring[Symbol.dispose]());
const [ALICE, BOB] = ['Alice <alice@example.com>', 'Bob <bob@example.com>'];
const at = '20240101T000000';
const alice = ring.make(ALICE, { at });
const bob = ring.make(BOB, { at });
const sign = (userId: string, bytes: Uint8Array) => ring.signDetached(userId, bytes, '20260101T000000');

/** An ACI in a store; of its file only the bytes matter here. */
async function makeAci(t: TestContext) {
  const scene = await makeScene(t);
  const { store } = scene;
  const blob = await addBlob(store, Buffer.from('the bytes of an ACI'));
  const layer = { mediaType: 'application/vnd.appc.image.aci', digest: blob.digest, size: blob.size };
  const manifest = { schemaVersion: 2, mediaType: MEDIA_TYPE.manifest, config: layer, layers: [layer] };
  const artifact = await addBlob(store, Buffer.from(JSON.stringify(manifest)));
  let passes = 0;
  return {
    ...scene,
    artifact: artifact.digest,
    blob,
    passes: () => passes,
    /** Keeps the signatures that one `.asc` file has. */
    keep: async (bytes: Uint8Array) => {
      const subject = { mediaType: MEDIA_TYPE.manifest, digest: artifact.digest, size: artifact.size };
      await addAciSignatures(store.dir, subject, [bytes]);
    },
    askAbout: async (path: string, served: Uint8Array = blob.bytes, policyFile?: string): Promise<Verification> => {
      const name = { transport: 'appc', path, tag: undefined, digest: undefined } as const;
      const question: Question = {
        image: path,
        id: artifact.digest,
        name,
        nameIsOurs: true,
        rules: readPolicy({ directories: scene.directories, policyFile }).rulesFor(name),
        evidence: gatherAciEvidence(store, { artifact: artifact.digest, blob }),
        verifier: { version: '2', uid: 0, host: 'h' },
        nowMs: NOW,
      };
      passes = 0;
      return judge(question, () => {
        passes += 1;
        return Readable.from([served]);
      });
    },
  };
}

function assertRejected({ outcome, reasons }: Verification, pattern: RegExp): void {
  assert.equal(outcome, 'rejected');
  assert.match(reasons.join('; '), pattern);
}

test('judge() accepts an ACI by its detached signature over the bytes that were served, and no other bytes', async (t) => {
  const { trust, keep, blob, askAbout } = await makeAci(t);
  trust(`prefix.d/example.com/app/${alice}`, ring.publicKey(ALICE));
  const other = Buffer.from('other bytes');
  for (const bytes of [other, blob.bytes]) await keep(sign(ALICE, bytes));
  const found = await askAbout('example.com/app');
  assert.equal(found.outcome, 'accepted', found.reasons.join());
  assert.deepEqual(found.subject, { kind: 'aci', digest: blob.digest, size: blob.size });
  const good = found.signatures.find(({ result }) => result === 'good');
  assert.partialDeepStrictEqual(good, { kind: 'detached', signer: { fingerprint: alice } });
  assert.equal((await askAbout('example.com/app/sub')).outcome, 'accepted');
  assertRejected(await askAbout('example.com/application'), /nobody is trusted for "example\.com\/application"/);
  assertRejected(await askAbout('example.com/app', other), /the bytes of the image have the digest "sha256:/);
});

test('judge() reads an ACI once for all its signatures, and not at all where nobody is trusted', async (t) => {
  const { trust, keep, blob, askAbout, passes } = await makeAci(t);
  for (const userId of [BOB, ALICE, BOB]) await keep(sign(userId, blob.bytes));
  const refused = await askAbout('example.com/app');
  assertRejected(refused, /found a signature by OpenPGP key .* and no key is trusted; .*wanted rkt trust --prefix=example\.com\/app \[FILE\]/);
  assert.equal(passes(), 0);
  trust(`root.d/${alice}`, ring.publicKey(ALICE));
  assert.equal((await askAbout('example.com/app')).outcome, 'accepted');
  assert.equal(passes(), 1);
}); // prettier-ignore

test('judge() refuses an ACI whose signatures are missing, of others, or cannot be read, and says what would help', async (t) => {
  const { trust, keep, blob, askAbout } = await makeAci(t);
  trust(`prefix.d/example.com/app/${alice}`, ring.publicKey(ALICE));
  assertRejected(await askAbout('example.com/app'), /it has no signature; wanted --insecure-options=image/);
  await keep(Buffer.from('<html>please log in</html>'));
  assertRejected(await askAbout('example.com/app'), /it is neither ASCII armor nor OpenPGP/);
  await keep(sign(BOB, blob.bytes));
  const command = 'wanted rkt trust --prefix=example\\.com\\/app \\[FILE\\] \\(its public key\\)';
  assertRejected(await askAbout('example.com/app'), new RegExp(`by key ${bob}, which is not trusted; ${command}`));
});

test('judge() takes an ACI for what its digests say where they are pinned', async (t) => {
  const { directories, blob, artifact, askAbout } = await makeAci(t);
  for (const digest of [blob.digest, artifact]) {
    const pinned = { 'example.com/app': [digest] };
    write(`${directories.local}/trust.json`, JSON.stringify({ rktKind: 'trust', rktVersion: 'v1', pinned }));
    assert.equal((await askAbout('example.com/app')).outcome, 'accepted');
    assert.equal((await askAbout('example.com/other')).outcome, 'rejected');
  }
});

test('judge() lets a policy file accept or refuse ACIs, and has it want no signature that names no image', async (t) => {
  const { directories, keep, blob, askAbout, passes } = await makeAci(t);
  await keep(sign(ALICE, blob.bytes));
  const ask = async (...requirements: readonly object[]) => {
    const policyFile = write(`${directories.local}/policy.json`, JSON.stringify({ default: requirements }));
    return askAbout('example.com/app', blob.bytes, policyFile);
  };
  assert.equal((await ask({ type: 'insecureAcceptAnything' })).outcome, 'accepted');
  assertRejected(await ask({ type: 'reject' }), /is rejected by .*policy\.json/);
  const signedBy = { type: 'signedBy', keyType: 'GPGKeys', keyData: ring.publicKey(ALICE).toString('base64') };
  const exact = { type: 'exactRepository', dockerRepository: 'example.com/app' };
  for (const requirement of [signedBy, { ...signedBy, signedIdentity: exact }]) {
    assertRejected(await ask(requirement), /found a signature: it names no image, and the policy wants one/);
    assert.equal(passes(), 0);
  }
});
