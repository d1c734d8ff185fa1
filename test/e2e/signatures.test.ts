// SPDX-License-Identifier: Apache-2.0
// Signatures from the registry to the pod: an ordinary user fetches them with the image, root decides by them without network.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { parseVerification } from '@rkt/formats';
import { isDigest } from '@rkt/names';
import { Keyring } from '@rkt/pod-fixtures';
import {
  bundleArtifact,
  cosignImage,
  describe as describeBytes,
  makeKey,
  pushArtifact,
  referrersIndex,
  tagOf,
} from '../attach.ts';
import { startRegistry, type Registry } from '../registry.ts';
import { bin, images, makeRkt, skipPods } from './rkt.ts';

const NOBODY = 65534;
const ALICE = 'Alice <alice@example.com>';
const MALLORY = 'Mallory <mallory@example.com>';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

function write(path: string, content: string | Uint8Array): string {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  writeFileSync(path, content, { mode: 0o644 });
  return path;
}

function temporary(t: TestContext, prefix: string): string {
  const path = mkdtempSync(prefix);
  chmodSync(path, 0o755);
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

describe('signatures from the registry to the pod', { skip: skipPods }, () => {
  const ring = new Keyring();
  const key = makeKey();
  let registry: Registry;
  before(async () => {
    registry = await startRegistry();
  });
  after(async () => {
    await registry.stop();
    ring[Symbol.dispose]();
  });
  const alice = ring.make(ALICE, { at: '20240101T000000' });
  const mallory = ring.make(MALLORY, { at: '20240101T000000' });

  /** What a registry has under a name. */
  function manifestOf(image: string) {
    const raw = execFileSync('skopeo', ['inspect', '--tls-verify=false', '--raw', image]);
    const subject = describeBytes(raw, MANIFEST);
    const { digest } = subject;
    assert.ok(isDigest(digest));
    return { subject, digest };
  }

  /** An image in the registry, an ordinary user who can fetch it, and root with directories of trust. */
  async function makeScene(t: TestContext, name: string) {
    const rkt = makeRkt(t);
    const local = join(temporary(t, '/run/rkt-e2e-signatures-'), 'etc');
    const home = temporary(t, join(tmpdir(), 'rkt-home-'));
    const lookaside = temporary(t, join(tmpdir(), 'rkt-lookaside-'));
    chownSync(home, NOBODY, NOBODY);
    const image = await registry.push(`oci:${join(images, 'busybox')}:latest`, `${name}:v1`);
    const place = image.slice('docker://'.length).replace(/:v1$/, '');
    const { subject, digest } = manifestOf(image);
    const options = [`--local-config=${local}`, `--system-config=${join(local, 'none')}`];
    const stores = [`--store=${join(home, '.local/share/rkt/store')}`];
    const fetch = (...words: readonly string[]) => {
      const as = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--no-new-privs', '--bounding-set=-all'];
      const own = ['--quiet', '--insecure-options=http', `--lookaside=${lookaside}`, ...words, image];
      const env = { PATH: process.env['PATH'], HOME: home };
      const { status, stderr } = spawnSync('setpriv', [...as, join(bin, 'rkt-fetch'), ...own], {
        env,
        encoding: 'utf8',
      });
      assert.deepEqual([status, stderr], [0, `rkt-fetch: talking to "${registry.host}" without encryption\n`]);
    };
    return {
      rkt,
      image,
      place,
      subject,
      digest,
      lookaside,
      fetch,
      local,
      trust: (path: string, content: string | Uint8Array) => write(join(local, 'trustedkeys', path), content),
      verify: (...words: readonly string[]) => rkt.run('verify', ...options, ...stores, ...words, image),
      prepare: () => rkt.run('prepare', '--quiet', ...options, ...stores, image, '--', 'echo', 'hello'),
    };
  }
  type Scene = Awaited<ReturnType<typeof makeScene>>;

  /** Pushes the image once more, signed by skopeo, which writes the signature beside the registry. */
  const signBySkopeo = ({ image, lookaside, local }: Scene, fingerprint: string) => {
    write(join(local, 'd', 'x.yaml'), `default-docker:\n  lookaside-staging: file://${lookaside}\n`);
    const from = `oci:${join(images, 'busybox')}:latest`;
    const words = ['--registries.d', join(local, 'd'), 'copy', '-q', '--preserve-digests', '--dest-tls-verify=false'];
    const env = { ...process.env, GNUPGHOME: ring.home };
    execFileSync('skopeo', [...words, '--sign-by', fingerprint, from, image], { env });
  };

  /** Puts a signed message where skopeo would. */
  const putMessage = ({ lookaside, place, digest, image }: Scene, userId: string, at?: string) => {
    const reference = image.slice('docker://'.length);
    const message = ring.sign(userId, { digest, reference, ...(at === undefined ? {} : { at }) });
    const path = place.slice(place.indexOf('/') + 1);
    write(join(lookaside, `${path}@${digest.replace(':', '=')}`, 'signature-1'), message);
  };

  const accept = (scene: Scene, rule: string, signer: string) => {
    const verified = scene.verify();
    assert.equal(verified.status, 0, verified.stdout + verified.stderr);
    assert.deepEqual(verified.stdout.split(/\t+/).slice(0, 4), [scene.image, 'accepted', signer, rule]);
    const prepared = scene.prepare();
    assert.equal(prepared.status, 0, prepared.stderr);
    const { status, stdout } = scene.rkt.run('run-prepared', prepared.stdout.trim());
    assert.deepEqual([status, stdout], [0, 'hello\n']);
  };

  const refuse = (scene: Scene, pattern: RegExp) => {
    const verified = scene.verify('--format=json');
    assert.equal(verified.status, 1, verified.stderr);
    const [decision] = parseVerification(verified.stdout, 'stdout').decisions;
    assert.match(decision?.reasons.join('; ') ?? '', pattern);
    const prepared = scene.prepare();
    assert.equal(prepared.status, 77, prepared.stderr);
    assert.match(prepared.stderr, pattern);
    const pods = join(scene.rkt.dir, 'pods', 'prepared');
    assert.deepEqual(existsSync(pods) ? readdirSync(pods) : [], []);
  };

  test('an image that skopeo signed with gpg runs without --insecure-options', async (t) => {
    const scene = await makeScene(t, 'skopeo');
    signBySkopeo(scene, alice.toUpperCase());
    scene.fetch();
    refuse(scene, /wanted rkt trust --prefix=\S+ FILE \(its public key\)/);
    accept(scene, scene.trust(`prefix.d/${scene.place}/${alice}`, ring.publicKey(ALICE)), ALICE);
  });

  test('an image that old cosign signed under the tag .sig runs without --insecure-options', async (t) => {
    const scene = await makeScene(t, 'cosign');
    const { place, digest } = scene;
    await pushArtifact(place, cosignImage(digest, place, key.privateKey), tagOf(digest, '.sig'));
    scene.fetch();
    refuse(scene, /nobody is trusted for/);
    accept(scene, scene.trust(`prefix.d/${place}/${key.fileName}`, key.pem), key.fileName.replace('.pub', ''));
  });

  test('an image that a bundle in a tag of referrers signs runs without --insecure-options', async (t) => {
    const scene = await makeScene(t, 'bundle');
    const { place, digest, subject } = scene;
    const bundle = bundleArtifact(subject, key.privateKey);
    await pushArtifact(place, bundle);
    await pushArtifact(place, { manifest: referrersIndex([bundle]), blobs: [] }, tagOf(digest));
    scene.fetch();
    refuse(scene, /found a sigstore signature/);
    accept(scene, scene.trust(`root.d/${key.fileName}`, key.pem), key.fileName.replace('.pub', ''));
  });

  test('an image that nobody signed is refused, and one that was signed since after it is fetched again', async (t) => {
    const scene = await makeScene(t, 'unsigned');
    const rule = scene.trust(`root.d/${alice}`, ring.publicKey(ALICE));
    scene.fetch();
    refuse(scene, /it has no signature/);
    putMessage(scene, ALICE);
    scene.fetch('--pull-policy=update');
    accept(scene, rule, ALICE);
  });

  test('images signed by strangers, for attestations only, and under sibling prefixes are refused', async (t) => {
    const scene = await makeScene(t, 'strangers/app');
    const { place, digest, subject, trust } = scene;
    putMessage(scene, MALLORY);
    const attestation = bundleArtifact(subject, key.privateKey, 'https://slsa.dev/provenance/v1');
    await pushArtifact(place, attestation);
    await pushArtifact(place, { manifest: referrersIndex([attestation]), blobs: [] }, tagOf(digest));
    scene.fetch();
    trust(`prefix.d/${registry.host}/strangers/ap/${mallory}`, ring.publicKey(MALLORY));
    trust(`root.d/${key.fileName}`, key.pem);
    refuse(scene, new RegExp(`wanted rkt trust --prefix=${place} FILE`));
  });

  test('images signed by keys that are masked, revoked or expired are refused', async (t) => {
    const scene = await makeScene(t, 'keys');
    putMessage(scene, ALICE);
    scene.fetch();
    scene.trust(`root.d/${alice}`, ring.publicKey(ALICE));
    const mask = scene.trust(`prefix.d/${scene.place}/${alice}`, '');
    refuse(scene, new RegExp(`"${alice}" is masked by ${mask}`));
    for (const [userId, expire, why] of [
      ['Revoked <revoked@example.com>', 'never', /its key is revoked/],
      ['Expired <expired@example.com>', '1y', /expired/],
    ] as const) {
      const fingerprint = ring.make(userId, { at: '20230101T000000', expire });
      putMessage(scene, userId, '20230201T000000');
      if (expire === 'never') ring.revoke(userId);
      scene.trust(`root.d/${fingerprint}`, ring.publicKey(userId));
      scene.fetch();
      refuse(scene, why);
    }
  });

  test('an image that was put under the name of a signed one is refused, with its signatures and without', async (t) => {
    const scene = await makeScene(t, 'swapped');
    scene.trust(`root.d/${alice}`, ring.publicKey(ALICE));
    putMessage(scene, ALICE);
    const { lookaside, place, digest } = scene;
    const other = await registry.push(`oci:${join(images, 'busybox')}:latest`, 'swapped:v1', { format: 'v2s2' });
    assert.equal(other, scene.image);
    scene.fetch();
    refuse(scene, /it has no signature/);
    const swapped = manifestOf(other).digest;
    const directory = join(lookaside, place.slice(place.indexOf('/') + 1));
    const of = (image: string) => `${directory}@${image.replace(':', '=')}`;
    cpSync(of(digest), of(swapped), { recursive: true });
    await pushArtifact(place, cosignImage(digest, place, key.privateKey), tagOf(swapped, '.sig'));
    scene.trust(`root.d/${key.fileName}`, key.pem);
    scene.fetch();
    refuse(scene, /it signs sha256:/);
  });
});
