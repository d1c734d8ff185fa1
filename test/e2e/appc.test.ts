// SPDX-License-Identifier: Apache-2.0
// Images in appc's format from a file to a pod, and what is refused on the way.
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
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { suite, test } from 'node:test';
import { makeAci, type AciOptions } from '../images/aci.ts';
import { type Entry } from '../images/tar.ts';
import { makeRkt, skipPods, type Result, type Rkt } from './rkt.ts';

const NAMES = ['sh', 'cat', 'ls', 'id', 'echo', 'env', 'stat', 'touch', 'true', 'find'];

function busybox(): Buffer {
  return readFileSync(spawnSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).stdout.trim());
}

const links = NAMES.map((name): Entry => ({ path: `rootfs/bin/${name}`, type: 'symlink', target: 'busybox' }));

const ROOT = { user: '0', group: '0' };

/** Writes an ACI beside the store and fetches it. */
function fetchAci(rkt: Rkt, file: string, options: AciOptions): { path: string; imageId: string } {
  const aci = makeAci(options);
  const path = join(rkt.dir, `${file}.aci`);
  writeFileSync(path, aci.bytes);
  rkt.ok('fetch', '--quiet', '--pull-policy=never', path);
  return { path, imageId: aci.imageId };
}

function run(rkt: Rkt, image: string, ...words: readonly string[]): Result {
  return rkt.run('run', '--insecure-options=image', image, ...words);
}

function checkRefused({ status, stdout, stderr }: Result, code: number, pattern: RegExp): void {
  assert.equal(status, code, stderr);
  assert.equal(stdout, '');
  assert.match(stderr, /^[^\u0000-\u001f\u007f-\u009f]+\n$/);
  assert.match(stderr, pattern);
}

/** A base with a shell, a library, and an app that depends on both and shows less than all of them. */
function fetchApp(rkt: Rkt, compression: AciOptions['compression'] = 'gzip') {
  const passwd = 'root:x:0:0::/root:/bin/sh\nweb:x:100:101::/srv:/bin/sh\n';
  const base = fetchAci(rkt, 'base', {
    name: 'example.com/base', version: '1', compression: compression ?? 'gzip', entries: links,
    files: { 'bin/busybox': busybox(), 'etc/passwd': passwd, 'etc/group': 'web:x:101:\n', 'etc/secret': 's', 'etc/conf': 'base' },
  }); // prettier-ignore
  const lib = fetchAci(rkt, 'lib', {
    name: 'example.com/lib',
    files: { 'usr/lib/data': 'library\n', 'etc/conf': 'lib' },
  });
  const shown = [...NAMES, 'busybox'].map((name) => `/bin/${name}`);
  const app = {
    exec: ['/bin/sh', '-c', 'cat /usr/lib/data /etc/conf; id; cd / && find etc opt usr | sort; echo $0 $A; pwd', 'zero'],
    user: 'web', group: 'web', supplementaryGIDs: [55], workingDirectory: '/opt',
    environment: [{ name: 'A', value: 'b c' }],
    mountPoints: [{ name: 'data', path: '/data' }],
    isolators: [{ name: 'resource/memory', value: { limit: '64Mi' } }, { name: 'os/linux/capabilities-retain-set', value: { set: ['CAP_SYS_ADMIN', 'CAP_KILL'] } }],
  }; // prettier-ignore
  const made = fetchAci(rkt, 'app', {
    version: '2',
    files: { 'etc/conf': 'app\n', 'opt/app': '', 'opt/other': '' },
    manifest: {
      app,
      dependencies: [{ imageName: 'example.com/base' }, { imageName: 'example.com/lib', imageID: lib.imageId }],
      pathWhitelist: [...shown, '/etc/passwd', '/etc/group', '/etc/conf', '/usr/lib/data', '/opt/app', '/data'],
    },
  });
  return { base, lib, app: made };
}

suite("images in appc's format", { skip: skipPods }, () => {
  test('a pod runs from an ACI with two dependencies and a path whitelist', (t) => {
    const rkt = makeRkt(t);
    fetchApp(rkt);
    const { status, stdout, stderr } = run(rkt, 'example.com/app:2', '--', 'more');
    assert.equal(status, 0, stderr);
    const files = ['etc', 'etc/conf', 'etc/group', 'etc/hostname', 'etc/hosts', 'etc/passwd', 'etc/resolv.conf', 'opt', 'opt/app', 'usr', 'usr/lib', 'usr/lib/data'];
    const [data, conf, id, ...rest] = stdout.trim().split('\n');
    assert.deepEqual([data, conf, id], ['library', 'app', 'uid=100(web) gid=101(web) groups=55']);
    assert.deepEqual(rest.slice(0, -2).filter((path) => path !== 'etc/resolv.conf'), files.filter((path) => path !== 'etc/resolv.conf'));
    assert.deepEqual(rest.slice(-2), ['zero b c', '/']);
    assert.match(stderr, /no volume specified for mount point "data" of app "app"/);
    const pods = join(rkt.dir, 'pods', 'run');
    const config: { process: { capabilities: { bounding: string[] } }; linux: { resources: { memory: { limit: number } } } } =
      JSON.parse(readFileSync(join(pods, readdirSync(pods)[0] ?? '', 'apps', 'app', 'config.json'), 'utf8'));
    assert.deepEqual(config.process.capabilities.bounding, ['CAP_KILL']);
    assert.equal(config.linux.resources.memory.limit, 64 * 2 ** 20);
    assert.match(rkt.ok('list', '--no-legend'), /\tapp\t+example\.com\/app:2\t/);
  }); // prettier-ignore

  test('an image is named by its file, address, name, labels or id, and each runs the same', (t) => {
    const rkt = makeRkt(t);
    const { app } = fetchApp(rkt, 'xz');
    for (const image of [app.path, `file://${app.path}`, 'example.com/app', 'example.com/app:2,os=linux', app.imageId, app.imageId.slice(0, 39)]) {
      const { status, stdout, stderr } = run(rkt, image, '--exec=/bin/echo', '--', 'hello');
      assert.deepEqual([status, stdout], [0, 'hello\n'], `${image}: ${stderr}`);
    }
    checkRefused(run(rkt, '--pull-policy=never', 'example.com/app:3'), 66, /cannot find image "example\.com\/app:3"/);
  }); // prettier-ignore

  test('rkt fetch reads a file that is named by path or by address, wherever it lies', (t) => {
    const place = mkdtempSync(join(tmpdir(), 'rkt-aci-'));
    t.after(() => rmSync(place, { recursive: true, force: true }));
    const path = join(place, 'app.aci');
    const { bytes, imageId } = makeAci({ name: 'example.com/app' });
    writeFileSync(path, bytes);
    for (const word of [path, `file://${path}`])
      assert.equal(makeRkt(t).ok('fetch', '--quiet', '--full', word), imageId.slice(0, 71));
  });

  test('a file that changed is run as it is now, and prepared only when it has been fetched again', (t) => {
    const rkt = makeRkt(t);
    const write = (word: string) => {
      const manifest = { app: { exec: ['/bin/echo', word], ...ROOT } };
      return fetchAci(rkt, 'app', { files: { 'bin/busybox': busybox() }, entries: links, manifest });
    };
    const { path } = write('first');
    assert.equal(run(rkt, path).stdout, 'first\n');
    const second = makeAci({ files: { 'bin/busybox': busybox() }, entries: links, manifest: { app: { exec: ['/bin/echo', 'second'], ...ROOT } } });
    writeFileSync(path, second.bytes);
    checkRefused(rkt.run('prepare', '--insecure-options=image', path), 66, /the file changed since it was fetched/);
    assert.equal(run(rkt, path).stdout, 'second\n');
  }); // prettier-ignore

  test('the trees of an ACI are shared by pods, and others for another whitelist', (t) => {
    const rkt = makeRkt(t);
    fetchApp(rkt);
    const layers = () => readdirSync(join(rkt.dir, 'layers')).filter((name) => !name.startsWith('.')).length;
    const prepare = (...words: string[]) => rkt.ok('prepare', '--quiet', '--insecure-options=image', ...words);
    prepare('example.com/app');
    assert.equal(layers(), 3);
    prepare('example.com/app');
    assert.equal(layers(), 3);
    prepare('example.com/lib', '--exec=/x');
    assert.equal(layers(), 4);
  }); // prettier-ignore

  test('an image for another machine, without a program, or whose dependency is gone, is refused in one line', (t) => {
    const rkt = makeRkt(t);
    fetchAci(rkt, 'bsd', { name: 'example.com/bsd', labels: { os: 'freebsd', arch: 'amd64' } });
    checkRefused(run(rkt, 'example.com/bsd,os=freebsd'), 65, /bad os "freebsd": must be "linux"/);
    fetchAci(rkt, 'data', { name: 'example.com/data' });
    checkRefused(run(rkt, 'example.com/data'), 65, /it names no program: use --exec/);
    const { lib } = fetchApp(rkt);
    rkt.ok('image', 'rm', lib.imageId);
    checkRefused(rkt.run('prepare', '--insecure-options=image', 'example.com/app'), 66, /cannot find image "sha512-[0-9a-f]+": not in the store/);
  }); // prettier-ignore

  test('rkt image lists, prints, exports and checks ACIs by name and id', (t) => {
    const rkt = makeRkt(t);
    const { base, app } = fetchApp(rkt, 'bzip2');
    const rows = rkt.ok('image', 'list', '--no-legend', '--fields=id,name').split('\n');
    assert.deepEqual(rows.map((row) => row.split(/\t+/)[1]), ['example.com/base:1', 'example.com/lib', 'example.com/app:2']);
    assert.equal(rows[2]?.split(/\t+/)[0], app.imageId.slice(0, 19));
    const [first]: { id: string }[] = JSON.parse(rkt.ok('image', 'list', '--format=json'));
    assert.equal(first?.id, base.imageId.slice(0, 71));
    for (const image of ['example.com/base:1', 'example.com/base', base.imageId.slice(0, 9), base.path]) {
      const manifest: { name: string } = JSON.parse(rkt.ok('image', 'cat-manifest', '--pretty-print=false', image));
      assert.equal(manifest.name, 'example.com/base', image);
    }
    const exported = join(rkt.dir, 'exported.aci');
    rkt.ok('image', 'export', 'example.com/base', exported);
    assert.ok(readFileSync(exported).equals(readFileSync(base.path)));
    assert.match(rkt.ok('image', 'check', 'example.com/app'), /^(sha256:[0-9a-f]{64}\tok\n?){3}$/);
    checkRefused(rkt.run('image', 'cat-manifest', 'sha512-not-existed'), 64, /wanted sha512-<2 to 128/);
    checkRefused(rkt.run('image', 'cat-manifest', 'some~random~aci~name'), 66, /not in the store/);
  }); // prettier-ignore

  test('rkt image extract writes the files of an ACI alone, render with what it depends on', (t) => {
    const rkt = makeRkt(t);
    const { app } = fetchApp(rkt);
    const files = (path: string) =>
      readdirSync(path, { recursive: true, encoding: 'utf8' }).filter((name) => !name.startsWith('rootfs/bin/')).toSorted();
    const [alone, merged, plain] = ['alone', 'merged', 'plain'].map((name) => join(rkt.dir, name));
    rkt.ok('image', 'extract', 'example.com/app', alone ?? '');
    assert.deepEqual(files(alone ?? ''), ['manifest', 'rootfs', 'rootfs/etc', 'rootfs/etc/conf', 'rootfs/opt', 'rootfs/opt/app', 'rootfs/opt/other']);
    const { name }: { name: string } = JSON.parse(readFileSync(join(alone ?? '', 'manifest'), 'utf8'));
    assert.equal(name, 'example.com/app');
    rkt.ok('image', 'render', app.imageId, merged ?? '');
    const shown = ['etc', 'etc/conf', 'etc/group', 'etc/passwd', 'opt', 'opt/app', 'usr', 'usr/lib', 'usr/lib/data'].map((path) => `rootfs/${path}`);
    assert.deepEqual(files(merged ?? ''), ['manifest', 'rootfs', 'rootfs/bin', ...shown]);
    assert.equal(readFileSync(join(merged ?? '', 'rootfs/etc/conf'), 'utf8'), 'app\n');
    rkt.ok('image', 'render', '--rootfs-only', app.imageId, plain ?? '');
    assert.deepEqual(readdirSync(plain ?? '').toSorted(), ['bin', 'etc', 'opt', 'usr']);
  }); // prettier-ignore

  test('rkt image gc keeps the trees of ACIs that are in the store, rm and gc remove the rest', (t) => {
    const rkt = makeRkt(t);
    const { app } = fetchApp(rkt);
    rkt.ok('prepare', '--quiet', '--insecure-options=image', 'example.com/app');
    rkt.ok('gc', '--expire-prepared=0s');
    const layers = () => readdirSync(join(rkt.dir, 'layers')).filter((name) => !name.startsWith('.')).length;
    rkt.ok('image', 'gc', '--grace-period=0s');
    assert.equal(layers(), 3);
    assert.equal(rkt.ok('image', 'rm', app.path, 'example.com/app', app.imageId), `successfully removed image: "${app.imageId.slice(0, 71)}"`);
    rkt.ok('image', 'gc', '--grace-period=0s');
    assert.equal(layers(), 0);
    assert.equal(rkt.ok('image', 'list', '--no-legend').split('\n').length, 2);
    assert.equal(readdirSync(join(rkt.dir, 'store', 'remote')).length, 2);
  }); // prettier-ignore
});

suite('a hostile store of ACIs', { skip: skipPods }, () => {
  /** Puts an artifact into the store that says something else than the ACI in it. */
  function forge(rkt: Rkt, { config, imageId, served }: { config?: object; imageId?: string; served?: Buffer }): string {
    const store = join(rkt.dir, 'store');
    const aci = makeAci({ name: 'example.com/real', manifest: { app: { exec: ['/x'], ...ROOT } } });
    const blob = (bytes: Buffer | string) => {
      const hex = createHash('sha256').update(bytes).digest('hex');
      mkdirSync(join(store, 'blobs', 'sha256'), { recursive: true });
      writeFileSync(join(store, 'blobs', 'sha256', hex), bytes);
      return { digest: `sha256:${hex}`, size: Buffer.byteLength(bytes) };
    };
    const id = imageId ?? aci.imageId;
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const manifest = blob(JSON.stringify({
      schemaVersion: 2, mediaType, artifactType: 'application/vnd.appc.image.v1',
      config: { mediaType: 'application/vnd.appc.image.manifest.v1+json', ...blob(config === undefined ? aci.manifest : JSON.stringify(config)) },
      layers: [{ mediaType: 'application/vnd.appc.image.aci+gzip', ...blob(served ?? aci.bytes) }],
      annotations: { 'org.rkt.appc.id': id },
    }));
    writeFileSync(join(store, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
    const annotations = { 'org.opencontainers.image.ref.name': 'cimd:appc:v=0:example.com/wanted?version=1', 'org.rkt.appc.id': id };
    writeFileSync(join(store, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType, ...manifest, annotations }] }));
    return manifest.digest;
  } // prettier-ignore

  const prepare = (rkt: Rkt, image: string) => rkt.run('prepare', '--quiet', '--insecure-options=image', image);

  test('an ACI is refused whose manifest is not the one that the store shows, or that has another id or name', (t) => {
    const rkt = makeRkt(t);
    const evil = { acKind: 'ImageManifest', acVersion: '0.8.11', name: 'example.com/wanted', labels: [{ name: 'version', value: '1' }], app: { exec: ['/evil'], ...ROOT } };
    forge(rkt, { config: evil });
    checkRefused(prepare(rkt, 'example.com/wanted:1'), 65, /its manifest has the digest sha256:[0-9a-f]{64}: wanted/);
    const digest = forge(rkt, { imageId: `sha512-${'0'.repeat(128)}` });
    checkRefused(prepare(rkt, digest), 65, /its image id begins with sha512-[0-9a-f]{32}: wanted "sha512-0{32}"/);
    forge(rkt, {});
    checkRefused(prepare(rkt, 'example.com/wanted:1'), 65, /"example\.com\/wanted" expected but "example\.com\/real" found/);
    assert.deepEqual(readdirSync(join(rkt.dir, 'layers')).filter((name) => !name.startsWith('.')), []);
  }); // prettier-ignore

  test('a tree is not taken for that of an ACI with another manifest', (t) => {
    const rkt = makeRkt(t);
    const good = forge(rkt, {});
    assert.equal(prepare(rkt, good).status, 0);
    // The tree of the ACI is there now; with other words about it, it is looked at again.
    const manifest = {
      acKind: 'ImageManifest',
      acVersion: '0.8.11',
      name: 'example.com/real',
      app: { exec: ['/evil'], ...ROOT },
    };
    checkRefused(prepare(rkt, forge(rkt, { config: manifest })), 65, /its manifest has the digest/);
  });

  test('a tree is not taken for that of another file, such as a signed one, under its id and manifest', (t) => {
    const rkt = makeRkt(t);
    assert.equal(prepare(rkt, forge(rkt, {})).status, 0);
    const { bytes } = makeAci({ name: 'example.com/signed' });
    checkRefused(
      prepare(rkt, forge(rkt, { served: bytes })),
      65,
      /its manifest has the digest|its image id begins with/,
    );
  });

  test('files that an ACI cannot have harm nobody', (t) => {
    const rkt = makeRkt(t);
    const canary = join(rkt.dir, 'canary');
    mkdirSync(canary);
    chmodSync(canary, 0o755);
    const up = `${'../'.repeat(12)}${canary.slice(1)}`;
    const entry = (path: string, more: Partial<Entry> = {}): Entry => ({ path: `rootfs/${path}`, ...more });
    const cases: [Entry[], RegExp | undefined][] = [
      [[entry('a', { type: 'symlink', target: canary }), entry('a/x', { content: 'x' })], /./],
      [[entry('a', { type: 'symlink', target: up }), entry('a/b/c', { type: 'directory' })], /./],
      [[entry('a', { type: 'link', target: `rootfs/${up}` })], /component "\.\."/],
      [[entry('a', { type: 'link', target: canary })], /wanted nothing but/],
      [[{ path: canary, content: 'x' }], /wanted nothing but/],
      [[entry('.wh.a')], /has the name of a whiteout/],
      [[entry('a', { type: 'char', device: { major: 0, minor: 0 } })], /is a whiteout of overlayfs/],
      [[entry('sda', { type: 'block', device: { major: 8, minor: 0 } })], undefined],
      [[entry('a', { xattrs: { 'trusted.overlay.redirect': Buffer.from(canary) } })], undefined],
      [[entry('a', { type: 'fifo' }), entry('etc', { type: 'directory' }), entry('etc/passwd', { type: 'fifo' })], undefined],
    ];
    for (const [index, [entries, pattern]] of cases.entries()) {
      const path = join(rkt.dir, `${index}.aci`);
      writeFileSync(path, makeAci({ name: `example.com/h${index}`, entries, manifest: { app: { exec: ['/x'], ...ROOT } } }).bytes);
      const fetched = rkt.run('fetch', '--quiet', path);
      const outcome = fetched.status === 0 ? prepare(rkt, path) : fetched;
      if (pattern === undefined) assert.equal(outcome.status, 0, `${index}: ${outcome.stderr}`);
      else checkRefused(outcome, 65, pattern);
      assert.deepEqual(readdirSync(canary), [], String(index));
    }
    assert.ok(existsSync(canary));
    rmSync(canary, { recursive: true });
  }); // prettier-ignore
});
