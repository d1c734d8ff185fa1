// SPDX-License-Identifier: Apache-2.0
// Who vouches for images: rkt-trust, rkt-verify and rkt-prepare together, with keys of gpg.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { after, describe, test, type TestContext } from 'node:test';
import { parseVerification } from '@rkt/formats';
import { isDigest } from '@rkt/names';
import { addSignatures, Keyring } from '@rkt/pod-fixtures';
import { bin, makeRkt, skipPods, type Rkt } from './rkt.ts';

const ALICE = 'Alice <alice@example.com>';
const MALLORY = 'Mallory <mallory@example.com>';

interface Scene {
  readonly rkt: Rkt;
  readonly image: string;
  /** The administrator's directory. */
  readonly local: string;
  readonly options: readonly string[];
  readonly manifest: Parameters<typeof addSignatures>[1];
  readonly prepare: (...words: readonly string[]) => ReturnType<Rkt['run']>;
}

function write(path: string, content: string | Uint8Array): string {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  writeFileSync(path, content, { mode: 0o644 });
  return path;
}

/** A store with an image, and directories of trust that nobody but root can write to. */
function makeScene(t: TestContext): Scene {
  const rkt = makeRkt(t);
  const place = mkdtempSync('/run/rkt-e2e-trust-');
  chmodSync(place, 0o755);
  t.after(() => rmSync(place, { recursive: true, force: true }));
  const local = join(place, 'etc');
  const image = rkt.image('busybox');
  const options = [`--local-config=${local}`, `--system-config=${join(place, 'usr')}`];
  const [entry] = JSON.parse(readFileSync(join(rkt.dir, 'store', 'index.json'), 'utf8')).manifests;
  assert.ok(isDigest(entry.digest));
  return {
    rkt,
    image,
    local,
    options,
    manifest: { mediaType: entry.mediaType, digest: entry.digest, size: entry.size },
    prepare: (...words) => rkt.run('prepare', '--quiet', ...options, ...words),
  };
}

describe('trust', { skip: skipPods }, () => {
  const ring = new Keyring();
  after(() => ring[Symbol.dispose]());
  const alice = ring.make(ALICE, { at: '20240101T000000' });
  ring.make(MALLORY, { at: '20240101T000000' });

  const sign = async ({ rkt, image, manifest }: Scene, userId = ALICE) => {
    const reference = image.slice('docker://'.length);
    await addSignatures(join(rkt.dir, 'store'), manifest, [ring.sign(userId, { digest: manifest.digest, reference })]);
  };
  const trust = ({ local }: Scene, place: string, content: Uint8Array | string = ring.publicKey(ALICE)) =>
    write(join(local, 'trustedkeys', place), content);

  test('prepare makes a pod of an image that a trusted key has signed, and writes down who and why', async (t) => {
    const scene = makeScene(t);
    const path = trust(scene, `prefix.d/registry.example.com/${alice}`);
    await sign(scene);
    const { status, stdout, stderr } = scene.prepare(scene.image);
    assert.equal(status, 0, stderr);
    const record = join(scene.rkt.dir, 'pods', 'prepared', stdout.trim(), 'verification.json');
    const [decision] = parseVerification(readFileSync(record, 'utf8'), record).decisions;
    assert.partialDeepStrictEqual(decision, { outcome: 'accepted', rules: [path], id: scene.manifest.digest });
    assert.partialDeepStrictEqual(decision?.signatures[0], {
      result: 'good',
      signer: { kind: 'pgp', fingerprint: alice },
    });
    assert.equal(decision?.verifier.uid, 0);
  });

  test('trust, verify and prepare agree, and the command that a refusal names is the one that helps', async (t) => {
    const scene = makeScene(t);
    const { rkt, image, options, local, prepare } = scene;
    await sign(scene);
    const refused = prepare(image);
    const [, words = ''] = /wanted rkt trust (--prefix=\S+) FILE/.exec(refused.stderr) ?? [];
    assert.equal(rkt.run('verify', ...options, image).status, 1);
    const key = write(join(local, 'alice.asc'), ring.publicKey(ALICE));
    rkt.ok('trust', ...options, words, '--skip-fingerprint-review', key);
    assert.equal(rkt.run('verify', ...options, image).status, 0);
    assert.equal(prepare(image).status, 0);
    rkt.ok('trust', ...options, `--remove=${alice}`);
    assert.equal(rkt.run('verify', ...options, image).status, 1);
    assert.equal(prepare(image).status, 77);
  });

  /** Prepares and expects a refusal of this status; no pod and no layer may stay. */
  const refuse = ({ rkt, image, prepare }: Scene, status: number, ...words: readonly string[]): string => {
    const result = prepare(...words, image);
    assert.equal(result.status, status, result.stderr);
    assert.match(result.stderr, /^rkt-prepare: [^\n]*\n$/);
    for (const phase of ['prepare', 'prepared', 'embryo']) {
      const path = join(rkt.dir, 'pods', phase);
      assert.deepEqual(existsSync(path) ? readdirSync(path) : [], [], phase);
    }
    assert.equal(existsSync(join(rkt.dir, 'layers')), false);
    return result.stderr;
  };

  test('prepare refuses an image that nobody has signed or whose signer is unknown, with the command that would trust it', async (t) => {
    const scene = makeScene(t);
    assert.match(
      refuse(scene, 77),
      /nobody is trusted for .*; it has no signature; wanted --insecure-options=image\n$/,
    );
    await sign(scene, MALLORY);
    const command = /wanted rkt trust --prefix=registry\.example\.com\/busybox FILE \(its public key\), or --insec/;
    assert.match(refuse(scene, 77), command);
    trust(scene, `root.d/${alice}`);
    assert.match(refuse(scene, 77), command);
  });

  test('prepare refuses keys of sibling prefixes, masked keys, and keys that were revoked since', async (t) => {
    const scene = makeScene(t);
    await sign(scene);
    trust(scene, `prefix.d/registry.example.com/busy/${alice}`);
    assert.match(refuse(scene, 77), /nobody is trusted for "registry\.example\.com\/busybox:latest"/);
    trust(scene, `root.d/${alice}`);
    const mask = trust(scene, `prefix.d/registry.example.com/${alice}`, '');
    assert.match(refuse(scene, 77), new RegExp(`"${alice}" is masked by ${mask}`));
    rmSync(mask);
    const userId = 'Revoked <revoked@example.com>';
    const fingerprint = ring.make(userId, { at: '20240101T000000' });
    rmSync(join(scene.local, 'trustedkeys'), { recursive: true });
    await sign(scene, userId);
    ring.revoke(userId);
    trust(scene, `root.d/${fingerprint}`, ring.publicKey(userId));
    assert.match(refuse(scene, 77), /its key is revoked/);
  });

  test('prepare refuses, with status 78, whatever somebody else could have written', async (t) => {
    const scene = makeScene(t);
    await sign(scene);
    const path = trust(scene, `root.d/${alice}`);
    chmodSync(path, 0o664);
    assert.match(refuse(scene, 78), /it can be written by its group: wanted chmod go-w/);
    chmodSync(path, 0o644);
    chownSync(path, 1000, 0);
    assert.match(refuse(scene, 78), /it belongs to user 1000: wanted owner 0/);
    chownSync(path, 0, 0);
    renameSync(path, join(scene.local, 'key'));
    symlinkSync('../../key', path);
    assert.match(refuse(scene, 78), /it is a symbolic link/);
    rmSync(path);
    trust(scene, `root.d/${alice}`, ring.publicKey(MALLORY));
    assert.match(refuse(scene, 78), /it holds the key "[0-9a-f]{40}": wanted the fingerprint as its name/);
  });

  test('prepare decides by --policy, and refuses a policy file that is not understood whole', async (t) => {
    const scene = makeScene(t);
    await sign(scene);
    const keyData = ring.publicKey(ALICE).toString('base64');
    const signedBy = [{ type: 'signedBy', keyType: 'GPGKeys', keyData }];
    const transports = { docker: { 'registry.example.com': signedBy } };
    const path = write(join(scene.local, 'policy.json'), JSON.stringify({ default: [{ type: 'reject' }], transports }));
    const { status, stdout, stderr } = scene.rkt.run(
      'run',
      ...scene.options,
      `--policy=${path}`,
      scene.image,
      '--',
      'echo',
      'in',
    );
    assert.deepEqual([status, stdout], [0, 'in\n'], stderr);
    rmSync(join(scene.rkt.dir, 'layers'), { recursive: true });
    write(path, '{"default":[{"type":"reject"}],"default":[{"type":"insecureAcceptAnything"}]}');
    assert.match(refuse(scene, 78, `--policy=${path}`), /the key "default" twice/);
  });

  test('prepare believes nothing that the owner of a store says: no record, no list, no name', async (t) => {
    const scene = makeScene(t);
    await sign(scene, MALLORY);
    trust(scene, `root.d/${alice}`);
    const { rkt, manifest } = scene;
    const store = join(rkt.dir, 'store');
    const record = { version: 2, decisions: [{ image: scene.image, id: manifest.digest, outcome: 'accepted' }] };
    const forged = [`verified/${manifest.digest}/x.json`, 'verification.json', `referrers/sha256/verification.json`];
    for (const path of forged) write(join(store, path), JSON.stringify(record));
    spawnSync('chown', ['-R', '1000:1000', store]);
    assert.match(refuse(scene, 77), /nobody who is trusted for .* vouches for it/);
    // A scope that accepts anything is about what root has fetched, not about what a user calls so.
    const transports = { docker: { 'registry.example.com': [{ type: 'insecureAcceptAnything' }] } };
    const path = write(join(scene.local, 'policy.json'), JSON.stringify({ default: [{ type: 'reject' }], transports }));
    assert.match(refuse(scene, 77, `--policy=${path}`), /only the owner of its store says/);
  });

  test('prepare refuses an image that was swapped after rkt-verify had accepted it', async (t) => {
    const scene = makeScene(t);
    trust(scene, `root.d/${alice}`);
    await sign(scene);
    const { rkt, manifest, image, options } = scene;
    assert.match(rkt.ok('verify', ...options, image), /\taccepted\t/);
    const path = join(rkt.dir, 'store', 'blobs', 'sha256', manifest.digest.slice('sha256:'.length));
    const bytes = readFileSync(path);
    writeFileSync(path, Buffer.from(bytes.toString().replace('"schemaVersion"', ' "schemaVersion"')));
    assert.match(refuse(scene, 65), /its bytes have the digest/);
    writeFileSync(path, bytes);
    const config = JSON.parse(bytes.toString()).config.digest;
    writeFileSync(join(rkt.dir, 'store', 'blobs', 'sha256', config.slice('sha256:'.length)), '{}');
    refuse(scene, 65);
  });

  test('"allowInsecure": false in the settings of the machine cannot be switched off by any option', async (t) => {
    const scene = makeScene(t);
    await sign(scene);
    const settings = '{ "rktKind": "trust", "rktVersion": "v1", "allowInsecure": false }';
    const etc = join(scene.local, '..', 'machine');
    write(join(etc, 'rkt', 'trust.json'), settings);
    write(join(etc, 'rkt', 'trustedkeys', 'root.d', alice), ring.publicKey(ALICE));
    // The machine's own /etc with ours on top, for one process.
    const script = 'mount -t overlay -o "lowerdir=$1:/etc" overlay /etc && shift && exec "$@"';
    const prepare = (...words: readonly string[]) => {
      const command = [join(bin, 'rkt-prepare'), `--dir=${scene.rkt.dir}`, '--quiet', ...words, scene.image];
      return spawnSync('unshare', ['--mount', 'sh', '-c', script, 'sh', etc, ...command], { encoding: 'utf8' });
    };
    const accept = write(join(scene.local, 'accept.json'), '{ "default": [{ "type": "insecureAcceptAnything" }] }');
    for (const option of [
      '--insecure-options=image',
      '--insecure-options=all',
      `--policy=${accept}`,
      ...scene.options,
    ]) {
      const { status, stderr } = prepare(option);
      assert.equal(status, 77, stderr);
      assert.match(
        stderr,
        /^rkt-prepare: cannot use --[a-z=-]+: "allowInsecure" is false in "\/etc\/rkt\/trust\.json"\n$/,
      );
    }
    const { status, stderr } = prepare();
    assert.equal(status, 0, stderr);
  });

  test('settings of --local-config forbid --insecure-options=image as well', (t) => {
    const scene = makeScene(t);
    write(join(scene.local, 'trust.json'), '{ "rktKind": "trust", "rktVersion": "v1", "allowInsecure": false }');
    assert.match(refuse(scene, 77, '--insecure-options=image'), /"allowInsecure" is false in/);
    assert.doesNotMatch(refuse(scene, 77), /insecure-options/);
  });
});
