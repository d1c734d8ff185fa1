// SPDX-License-Identifier: Apache-2.0
// The tree of files that an image becomes, attribute for attribute beside those of umoci and GNU tar.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { tar } from '../images/tar.ts';
import { storeImages } from './made.ts';
import { images, makeRkt, skipPods, type Rkt } from './rkt.ts';

type Attributes = Readonly<Record<string, unknown>>;
type Tree = Readonly<Record<string, Attributes>>;

const program = join(import.meta.dirname, 'tree.py');

function list(...words: readonly string[]): Tree {
  return JSON.parse(execFileSync('python3', [program, ...words], { encoding: 'utf8', maxBuffer: 1 << 28 }));
}

/** The tree that a pod of the image sees, from the directories that its plan stacks. */
function treeOfRkt(rkt: Rkt, image: string): Tree {
  const uuid = rkt.ok('prepare', '--quiet', '--insecure-options=image', image, '--name=app');
  const app = join(rkt.dir, 'pods', 'prepared', uuid, 'apps', 'app');
  const plan = readFileSync(join(app, 'plan'), 'utf8');
  const layers = [...plan.matchAll(/^open_tree \d+ AT_FDCWD (\S+\/layers\/[0-9a-f]{64}\/tree) /gm)];
  assert.match(plan, /,redirect_dir=nofollow,metacopy=off,index=off,xino=off,volatile$/m);
  return list('overlay', [join(app, 'data', 'upper'), ...layers.map(([, path]) => path).toReversed()].join(':'));
}

function scratch(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'rkt-trees-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function treeOfUmoci(t: TestContext, image: string): Tree {
  const bundle = join(scratch(t), 'bundle');
  execFileSync('umoci', ['unpack', '--image', image, bundle], { stdio: 'ignore' });
  return list('list', join(bundle, 'rootfs'));
}

function treeOfTar(t: TestContext, { rkt, image }: { rkt: Rkt; image: string }): Tree {
  const directory = scratch(t);
  const root = join(directory, 'root');
  execFileSync('mkdir', ['-m', '755', root]);
  const manifest: { layers: { digest: string }[] } = JSON.parse(rkt.ok('image', 'cat-manifest', image));
  for (const { digest } of manifest.layers) {
    const layer = join(directory, 'layer.tar');
    writeFileSync(layer, gunzipSync(readFileSync(join(rkt.dir, 'store', 'blobs', digest.replace(':', '/')))));
    execFileSync('python3', [program, 'apply', layer, root], { stdio: ['ignore', 'ignore', 'pipe'] });
  }
  return list('list', root);
}

/** A difference that is as it should be. */
interface Accepted {
  readonly peers: readonly string[];
  readonly pattern: RegExp;
  readonly reason: string;
}

const accepted: readonly Accepted[] = [
  {
    peers: ['umoci', 'tar'],
    pattern: /^\/: mtime: /,
    reason: 'the root is a directory of the pod and has the time at which the pod was made',
  },
  {
    peers: ['tar'],
    pattern: /: mtime: "1700000000000000000" for "(?!1700000000)\d{19}"$/,
    reason:
      'tar gives directories that a layer writes into without naming them the time of unpacking, not that of the image',
  },
  {
    peers: ['umoci', 'tar'],
    pattern: /^\/(dev|kinds)\/[a-z]+: missing$/,
    reason: 'device nodes of an image are left out; /dev is made anew in each pod',
  },
  {
    peers: ['umoci', 'tar'],
    pattern: /^\/links\/(one|two|three|across-layers): links: /,
    reason: 'a name that an upper layer links to a file of a lower one is a copy: layers are shared and never change',
  },
];

/** Fails for each difference to the peer that is not accepted. */
function compare(ours: Tree, { peer, tree }: { peer: string; tree: Tree }): void {
  const right = accepted.filter(({ peers }) => peers.includes(peer));
  const wrong = differences(ours, tree).filter((line) => !right.some(({ pattern }) => pattern.test(line)));
  assert.deepEqual(wrong, [], peer);
}

/** One line for each attribute that two trees do not share. */
function differences(ours: Tree, theirs: Tree): string[] {
  const names = [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].toSorted();
  return names.flatMap((hex) => {
    const name = `/${Buffer.from(hex, 'hex').toString('latin1')}`;
    const [own, other] = [ours[hex], theirs[hex]];
    if (!own) return [`${name}: missing`];
    if (!other) return [`${name}: too much`];
    return [...new Set([...Object.keys(own), ...Object.keys(other)])]
      .filter((key) => JSON.stringify(own[key]) !== JSON.stringify(other[key]))
      .map((key) => `${name}: ${key}: ${JSON.stringify(own[key])} for ${JSON.stringify(other[key])}`);
  });
}

const missing = ['umoci', 'tar', 'python3'].filter(
  (name) => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0,
);
const skip = skipPods || (missing.length > 0 && `not installed: ${missing.join()}`);

suite('the tree of an image', { skip }, () => {
  for (const name of ['busybox', 'oddities', 'nginx']) {
    test(`${name}: as umoci and GNU tar unpack it`, { skip: !existsSync(join(images, name)) }, (t) => {
      const rkt = makeRkt(t);
      const image = rkt.image(name);
      const ours = treeOfRkt(rkt, image);
      compare(ours, { peer: 'umoci', tree: treeOfUmoci(t, `${join(images, name)}:latest`) });
      compare(ours, { peer: 'tar', tree: treeOfTar(t, { rkt, image }) });
    });
  }

  test('oddities: zstd and gzip hold the same', { skip: !existsSync(join(images, 'oddities')) }, (t) => {
    const [gzip, zstd] = ['latest', 'zstd'].map((tag) => {
      const rkt = makeRkt(t);
      return treeOfRkt(rkt, rkt.image('oddities', tag));
    });
    assert.ok(gzip && zstd);
    const wrong = differences(gzip, zstd).filter((line) => !line.startsWith('/: mtime: '));
    // The image with zstd has one layer more.
    assert.deepEqual(wrong, ['/sparse-gnu: missing']);
  });

  test('oddities in an archive of docker: as skopeo turns it into a layout', (t) => {
    const place = scratch(t);
    const [archive, layout] = [`docker-archive:${join(place, 'saved.tar')}`, `oci:${join(place, 'layout')}:x`];
    const copy = (from: string, to: string) => execFileSync('skopeo', ['--insecure-policy', 'copy', '-q', from, to]);
    copy(`oci:${join(images, 'oddities')}:latest`, `${archive}:example.com/saved:v1`);
    copy(archive, layout);
    const [ours, theirs] = [archive, layout].map((image) => {
      const rkt = makeRkt(t);
      rkt.ok('fetch', '--quiet', image);
      return treeOfRkt(rkt, image);
    });
    assert.ok(ours && theirs && Object.keys(ours).length > 10);
    assert.deepEqual(
      differences(ours, theirs).filter((line) => !line.startsWith('/: mtime: ')),
      [],
    );
  });

  test('directories that an upper layer does not name keep their attributes', (t) => {
    const rkt = makeRkt(t);
    const owned = {
      type: 'directory',
      mode: 0o750,
      uid: 5,
      gid: 6,
      xattrs: { 'user.colour': Buffer.from('red') },
    } as const;
    const lower = tar([
      { path: './', ...owned },
      { path: 'a', ...owned },
      { path: 'a/b', ...owned },
      { path: 'a/b/below', content: 'x' },
      { path: 'a/removed', content: 'x' },
    ]);
    const upper = tar([{ path: 'a/b/above', content: 'x' }, { path: 'a/.wh.removed' }]);
    const { image = '' } = storeImages(rkt, { image: { layers: [lower, upper], config: { Cmd: ['/bin/true'] } } });
    const tree = treeOfRkt(rkt, image);
    for (const name of ['', 'a', 'a/b']) {
      const { type, mode, uid, gid, 'xattr user.colour': colour } = tree[Buffer.from(name).toString('hex')] ?? {};
      assert.deepEqual([name, type, mode, uid, gid, colour], [name, 'd', '750', 5, 6, '726564']);
    }
  });

  test('attributes of the root directory: as umoci unpacks them, whichever layer gives, changes or takes them', (t) => {
    const root = (xattrs: Readonly<Record<string, Buffer>>) => ({ path: './', type: 'directory' as const, xattrs });
    const binary = Buffer.from([0, 1, 0xff, 0]);
    const given = root({ 'user.colour': Buffer.from('red'), 'user.binary': binary });
    const nothing = { path: 'file', content: 'x' };
    const made = {
      below: [[given], [nothing]],
      above: [[nothing], [given]],
      changed: [[given], [root({ 'user.colour': Buffer.from('blue') })], [nothing]],
      taken: [[given, nothing], [root({})]],
    };
    const rkt = makeRkt(t);
    const config = { Cmd: ['/bin/true'] };
    const layered = Object.entries(made).map(
      ([name, layers]) => [name, { layers: layers.map((entries) => tar(entries)), config }] as const,
    );
    for (const [name, image] of Object.entries(storeImages(rkt, Object.fromEntries(layered)))) {
      const from = `${join(rkt.dir, 'store')}:${image.replace('docker://', '')}`;
      compare(treeOfRkt(rkt, image), { peer: 'umoci', tree: treeOfUmoci(t, from) });
      const [seen] = Object.values(treeOfRkt(rkt, image));
      assert.equal(
        Object.keys(seen ?? {}).some((key) => key.startsWith('xattr user.')),
        name !== 'taken',
        name,
      );
    }
  });
});
