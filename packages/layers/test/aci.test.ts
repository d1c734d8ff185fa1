// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { readAci, type AciExpectation } from '../src/index.ts';
import { pathSet } from '../src/path-set.ts';
import { collect, linesOf, pieces } from './collect.ts';
import { entry, gnuLong, pax, tar, type Fields } from './tar-writer.ts';

const REFUSED = { name: 'Failure', status: 65, message: /^cannot unpack layer: [^\n]+$/ };
const ACI = 'application/vnd.appc.image.aci';
const MANIFEST = '{"acKind":"ImageManifest"}';

const manifest = entry({ name: 'manifest', data: MANIFEST });
const rootfs = entry({ name: 'rootfs/', type: '5', mode: 0o755 });
const file = (name: string, data = name): Buffer => entry({ name, data });
const directory = (name: string): Buffer => entry({ name, type: '5', mode: 0o755 });

const sum = (algorithm: string, bytes: Buffer | string) => createHash(algorithm).update(bytes).digest('hex');

/** What an ACI of this tar is expected to be. */
function expectation(bytes: Buffer, whitelists: AciExpectation['whitelists'] = []): AciExpectation {
  return { imageId: `sha512-${sum('sha512', bytes)}`, manifest: `sha256:${sum('sha256', MANIFEST)}`, whitelists };
}

/** The lines of the tree of an ACI, as they are without owner and time. */
async function treeOf(bytes: Buffer, whitelists: AciExpectation['whitelists'] = []): Promise<string[]> {
  const lines = await linesOf(bytes, { mediaType: ACI, aci: expectation(bytes, whitelists) });
  return lines.map((line) => line.replace(/ 0 0 1700000000 0/, '').replace(/\n/g, ' '));
}

const plain = tar(manifest, rootfs, directory('rootfs/bin/'), file('rootfs/bin/app', 'hello'));

test('readAci() tells the hashes of the file and of the tar, and gives the manifest, however it is compressed', async () => {
  const compress = (program: string) => execFileSync(program, ['-c'], { input: plain });
  const files = {
    none: plain,
    gzip: gzipSync(plain),
    zstd: zstdCompressSync(plain),
    bzip2: compress('bzip2'),
    xz: compress('xz'),
  };
  for (const [compression, bytes] of Object.entries(files)) {
    for (const length of [1, 1000, 1_000_000]) {
      const found = await readAci(pieces(bytes, length));
      assert.deepEqual(
        { ...found, manifest: found.manifest.toString() },
        {
          compression,
          digest: `sha256:${sum('sha256', bytes)}`,
          size: bytes.length,
          imageId: `sha512-${sum('sha512', plain)}`,
          tarBytes: plain.length,
          manifest: MANIFEST,
        },
      );
    }
    const mediaType = compression === 'none' ? ACI : `${ACI}+${compression}`;
    const { result } = await collect(bytes, { mediaType, aci: expectation(plain) });
    assert.equal(result.diffId, `sha512-${sum('sha512', plain)}`);
  }
});

test('unpackLayer() puts what lies below rootfs at the root, wherever the manifest stands', async () => {
  const parts = [rootfs, directory('rootfs/bin'), file('rootfs/bin/app', 'hello'), entry({ name: 'rootfs/bin/sh', type: '1', linkname: 'rootfs/bin/app' }), entry({ name: './rootfs/lib', type: '2', linkname: '../rootfs/x' })]; // prettier-ignore
  const wanted = [
    'dir . 0755',
    'dir bin 0755',
    'file bin/app 0644 5',
    'data 0 5 hello',
    'link bin/sh bin/app',
    'symlink lib ../rootfs/x',
  ];
  for (const at of [0, 2, parts.length])
    assert.deepEqual(await treeOf(tar(...parts.toSpliced(at, 0, manifest))), wanted);
  assert.deepEqual(await treeOf(tar(directory('./'), manifest, ...parts)), wanted);
});

test('readAci() and unpackLayer() refuse an ACI that is not as the specification says', async () => {
  const link = (name: string, linkname: string, type = '1') => entry({ name, linkname, type });
  const cases: [Buffer[], RegExp][] = [
    [[rootfs], /it has no file "manifest"/],
    [[manifest], /it has no directory "rootfs"/],
    [[manifest, file('rootfs/x')], /it has no directory "rootfs"/],
    [[manifest, rootfs, file('README')], /there is "README": wanted nothing but/],
    [[manifest, rootfs, file('rootfsx/a')], /there is "rootfsx\/a"/],
    [[manifest, rootfs, file('manifest/a')], /there is "manifest\/a"/],
    [[manifest, rootfs, file('../x')], /a component "\.\."/],
    [[manifest, rootfs, file('rootfs/../x')], /a component "\.\."/],
    [[manifest, rootfs, manifest], /"manifest" is there twice/],
    [[manifest, rootfs, rootfs], /"rootfs" is there twice/],
    [[manifest, rootfs, file('rootfs/a'), file('./rootfs//a')], /"rootfs\/a" is there twice/],
    [[manifest, rootfs, directory('rootfs/a'), directory('rootfs/a/')], /"rootfs\/a" is there twice/],
    [[directory('manifest'), rootfs], /"manifest" is a directory/],
    [[link('manifest', 'rootfs/x', '2'), rootfs], /"manifest" is a symlink/],
    [[link('manifest', 'rootfs/x'), rootfs], /"manifest" is a link/],
    [[manifest, link('rootfs', '/etc', '2')], /"rootfs" is a symlink/],
    [[manifest, rootfs, link('rootfs/a', 'manifest')], /the link "rootfs\/a" is to "manifest"/],
    [[manifest, rootfs, link('rootfs/a', '/etc/passwd')], /the link "rootfs\/a" is to "etc\/passwd"/],
    [[manifest, rootfs, link('rootfs/a', 'rootfs/../../x')], /component "\.\."/],
    [[entry({ name: 'manifest', size: 5_000_000, data: Buffer.alloc(5_000_000) }), rootfs], /larger than 4194304/],
    [[pax([['GNU.sparse.size', '100'], ['GNU.sparse.map', '0,26']]), entry({ name: 'manifest', data: MANIFEST }), rootfs], /sparse/],
  ]; // prettier-ignore
  for (const [parts, message] of cases) {
    const bytes = tar(...parts);
    await assert.rejects(readAci(pieces(bytes, 1000)), { ...REFUSED, message }, String(message));
    await assert.rejects(treeOf(bytes), { ...REFUSED, message }, String(message));
  }
});

test('unpackLayer() refuses names of whiteouts and devices that are some in an ACI', async () => {
  for (const name of ['rootfs/.wh.a', 'rootfs/.wh..wh..opq', 'rootfs/.wh.d/a'])
    await assert.rejects(treeOf(tar(manifest, rootfs, file(name))), /has the name of a whiteout/, name);
  const device = entry({ name: 'rootfs/a', type: '3' });
  await assert.rejects(treeOf(tar(manifest, rootfs, device)), /is a whiteout of overlayfs/);
  const { result } = await collect(tar(manifest, rootfs, entry({ name: 'rootfs/sda', type: '4', devmajor: 8 })), {
    mediaType: ACI,
    aci: expectation(tar(manifest, rootfs, entry({ name: 'rootfs/sda', type: '4', devmajor: 8 }))),
  });
  assert.deepEqual(result.warnings, ['left out a block device']);
});

test('unpackLayer() refuses an ACI with another image id or manifest than expected, before the stream ends', async () => {
  const good = expectation(plain);
  for (const aci of [
    { ...good, imageId: good.imageId.replace(/.$/, (digit) => (digit === '0' ? '1' : '0')) },
    { ...good, manifest: `sha256:${'0'.repeat(64)}` },
  ])
    await assert.rejects(collect(plain, { mediaType: ACI, aci }), REFUSED);
  await assert.rejects(collect(plain, { mediaType: `${ACI}+gzip`, aci: good }), /not what its media type says/);
});

test('unpackLayer() keeps what is in every whitelist, and the directories above it', async () => {
  const bytes = tar(
    manifest,
    rootfs,
    ...['etc', 'etc/ssl', 'opt', 'opt/empty', 'usr'].map((path) => directory(`rootfs/${path}`)),
    ...['etc/passwd', 'etc/ssl/cert', 'usr/app', 'opt/empty/x', 'usrx'].map((path) => file(`rootfs/${path}`, 'x')),
    entry({ name: 'rootfs/caf\u00c3\u00a9', data: 'x' }),
    entry({ name: 'rootfs/bin', type: '2', linkname: 'usr/bin' }),
  );
  const paths = async (...whitelists: string[][]) =>
    (await treeOf(bytes, whitelists)).filter((line) => !line.startsWith('data')).map((line) => line.split(' ')[1]);
  assert.deepEqual(await paths(['/etc/ssl/cert', '/opt/empty/', '/missing']), ['.', 'etc', 'etc/ssl', 'opt', 'opt/empty', 'etc/ssl/cert']); // prettier-ignore
  assert.deepEqual(await paths(['/etc/ssl/cert', '/usr/app'], ['/usr//./app', '/etc/passwd']), ['.', 'etc', 'usr', 'usr/app']); // prettier-ignore
  assert.deepEqual(await paths(['/caf\u00e9']), ['.', 'caf\u00c3\u00a9']);
  // A link is no directory, whatever the list says about what lies behind it.
  assert.deepEqual(await paths(['/bin/sh']), ['.']);
  assert.deepEqual(await paths(['/']), ['.']);
});

test('unpackLayer() refuses a kept hard link to a file that the whitelist leaves out', async () => {
  const link = entry({ name: 'rootfs/b', type: '1', linkname: 'rootfs/a' });
  const bytes = tar(manifest, rootfs, file('rootfs/a'), link);
  await assert.rejects(treeOf(bytes, [['/b']]), /the link "b" is to "a", which the path whitelist leaves out/);
  assert.equal((await treeOf(bytes, [['/a', '/b']])).at(-1), 'link b a');
  assert.equal((await treeOf(bytes, [['/a']])).at(-1), 'data 0 8 rootfs/a');
});

test('unpackLayer() agrees with a model on what an ACI with whitelists holds, in any order', async () => {
  const path = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(path, { maxLength: 8 }),
      fc.array(fc.uniqueArray(path, { minLength: 1, maxLength: 4 }), { maxLength: 2 }),
      async (paths, lists) => {
        const isParent = (parent: string) => paths.some((other) => other.startsWith(`${parent}/`));
        const entries = paths.map((each) =>
          isParent(each) ? directory(`rootfs/${each}`) : file(`rootfs/${each}`, ''),
        );
        const found = await treeOf(
          tar(rootfs, ...entries, manifest),
          lists.map((list) => list.map((p) => `/${p}`)),
        );
        const wanted = paths.filter((each) =>
          lists.every((list) => list.includes(each) || (isParent(each) && list.some((p) => p.startsWith(`${each}/`)))),
        );
        assert.deepEqual(found.map((line) => line.split(' ')[1]), ['.', ...wanted]); // prettier-ignore
      },
    ),
    { numRuns: 300 },
  );
});

test('readAci() refuses or reads any damaged ACI, and throws nothing but Failure', async () => {
  const long = (fields: Fields) => gnuLong({ ...fields, name: `rootfs/${'x'.repeat(120)}` });
  const bytes = tar(manifest, rootfs, long({ name: '', data: 'y' }), pax([['path', 'rootfs/p']]), file('z'));
  const change = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255));
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), fc.boolean(), async (changes, isCompressed) => {
      const damaged = isCompressed ? gzipSync(bytes) : Buffer.from(bytes);
      for (const [at, value] of changes) damaged[at % damaged.length] = value;
      try {
        await readAci(pieces(damaged, 777));
      } catch (error) {
        assert.equal(error instanceof Error && error.name, 'Failure', String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test('readAci() takes an ACI of 2.5 GB with holes in little memory', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'rkt-aci-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const path = join(dir, 'large.aci');
  const size = 2_500_000_000;
  const head = Buffer.concat([manifest, rootfs, entry({ name: 'rootfs/large', size, data: '' })]);
  const total = head.length + Math.ceil(size / 512) * 512 + 1024;
  writeFileSync(path, head);
  truncateSync(path, total);
  const script = `
    import { createReadStream } from 'node:fs';
    import { readAci } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)};
    const { tarBytes } = await readAci(createReadStream(process.argv[1]));
    console.log(tarBytes + ' ' + process.resourceUsage().maxRSS);`;
  const words = ['--conditions=source', '--input-type=module', '-e', script, path];
  const { stdout, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
  const [tarBytes, rss] = stdout.trim().split(' ').map(Number);
  assert.equal(tarBytes, total, stderr);
  assert.ok((rss ?? Infinity) < 160 * 1024, `${rss} KiB`);
});

test('pathSet() knows what it has seen, of many paths', () => {
  const { add } = pathSet();
  const paths = Array.from({ length: 50_000 }, (_, n) => `rootfs/${n}`);
  assert.ok(paths.every((path) => add(path)));
  assert.ok(paths.every((path) => !add(path)));
});
