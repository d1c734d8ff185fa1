// SPDX-License-Identifier: Apache-2.0
// oddities.ts DIRECTORY BUSYBOX: a layout whose layers have everything that an unpacker gets wrong.
import { execFileSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeLayout } from './layout.ts';
import { EPOCH, type Entry, sealHeader, tar } from './tar.ts';

const directory = (path: string, more: Partial<Entry> = {}): Entry => ({
  path: `${path}/`,
  type: 'directory',
  ...more,
});
const file = (path: string, content: string, more: Partial<Entry> = {}): Entry => ({ path, content, ...more });
const symlink = (path: string, target: string): Entry => ({ path, type: 'symlink', target });
const link = (path: string, target: string): Entry => ({ path, type: 'link', target });

const long = 'n'.repeat(255);
const steps = Array.from({ length: 8 }, (_, index) => `${String(index)}-${'d'.repeat(45)}`);
const deep = steps.join('/');
const latin1 = Buffer.from('names/caf\xe9', 'latin1');

/** The value of security.capability, revision 2: permitted cap_net_raw, effective. */
const netRaw = Buffer.from([1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

function base(busybox: string): Entry[] {
  return [
    directory('.'),
    directory('bin'),
    file('bin/busybox', '', { mode: 0o755, content: readFileSync(busybox) }),
    ...['sh', 'ls', 'cat', 'stat', 'true', 'find'].map((applet) => link(`bin/${applet}`, 'bin/busybox')),
    directory('etc'),
    file('etc/passwd', 'root:x:0:0:root:/:/bin/sh\nbig:x:70000:70000::/:/bin/sh\n'),
    file('etc/group', 'root:x:0:\nbig:x:70000:\n'),
    directory('proc'),
    directory('sys'),
    directory('dev'),
    directory('tmp', { mode: 0o1777 }),
  ];
}

const attributes: readonly Entry[] = [
  directory('modes', { mode: 0o2775, gid: 5 }),
  file('modes/setuid', 'x', { mode: 0o4755 }),
  file('modes/setgid', 'x', { mode: 0o2755, gid: 5 }),
  file('modes/none', 'x', { mode: 0 }),
  directory('modes/sticky', { mode: 0o1777 }),
  file('modes/capability', 'x', { mode: 0o755, xattrs: { 'security.capability': netRaw } }),
  file('modes/user-xattr', 'x', { xattrs: { 'user.colour': Buffer.from('blue\0green') } }),
  directory('modes/user-xattr-directory', { xattrs: { 'user.colour': Buffer.from('red') } }),
  file('modes/big-owner', 'x', { uid: 70_000, gid: 70_000 }),
  directory('times', { mtime: { seconds: EPOCH - 5, nanoseconds: 123_456_789 } }),
  file('times/nanoseconds', 'x', { mtime: { seconds: EPOCH, nanoseconds: 987_654_321 } }),
  file('times/epoch', 'x', { mtime: { seconds: 0, nanoseconds: 0 } }),
  { ...symlink('times/symlink', 'epoch'), mtime: { seconds: EPOCH - 9, nanoseconds: 1 } },
  directory('kinds'),
  { path: 'kinds/fifo', type: 'fifo', mode: 0o640 },
  { path: 'kinds/null', type: 'char', mode: 0o666, device: { major: 1, minor: 3 } },
  { path: 'kinds/disk', type: 'block', mode: 0o660, device: { major: 7, minor: 200 } },
  file('kinds/empty', ''),
];

const names: readonly Entry[] = [
  directory('names'),
  file(`names/${long}`, 'pax'),
  file(`names/${'g'.repeat(255)}`, 'gnu', { longNames: 'gnu' }),
  ...steps.map((_, index) => directory(`names/${steps.slice(0, index + 1).join('/')}`)),
  file(`names/${deep}/end`, 'deep'),
  { path: latin1, content: 'not UTF-8' },
  file('names/ü 漢字', 'UTF-8'),
  file('names/new\nline', 'newline'),
  file('names/tab\tquote"back\\slash', 'quotes'),
  file('names/-rf', 'dash'),
  file('names/ space ', 'space'),
  { path: 'names/long-target', type: 'symlink', target: `${deep}/${long}` },
  { path: 'names/long-link', type: 'link', target: `names/${long}` },
];

const links: readonly Entry[] = [
  directory('links'),
  file('links/one', 'shared'),
  link('links/two', 'links/one'),
  link('links/three', 'links/two'),
  symlink('links/absolute', '/etc/passwd'),
  symlink('links/relative', '../etc/passwd'),
  symlink('links/upwards', '../../../../../../etc/passwd'),
  symlink('links/dangling', 'nowhere'),
  symlink('links/loop', 'loop'),
  symlink('links/directory', '../whiteouts'),
];

const whiteoutsBelow: readonly Entry[] = [
  directory('whiteouts'),
  file('whiteouts/removed', 'x'),
  file('whiteouts/kept', 'x'),
  directory('whiteouts/tree'),
  directory('whiteouts/tree/sub'),
  file('whiteouts/tree/sub/file', 'x'),
  directory('whiteouts/opaque'),
  file('whiteouts/opaque/below', 'x'),
  file('whiteouts/file-then-directory', 'x'),
  directory('whiteouts/directory-then-file'),
  file('whiteouts/directory-then-file/inside', 'x'),
  directory('whiteouts/directory-then-symlink'),
  file('whiteouts/directory-then-symlink/inside', 'x'),
  symlink('whiteouts/symlink-then-file', 'kept'),
  file('whiteouts/replaced', 'old', { mode: 0o600 }),
  directory('whiteouts/merged', { mode: 0o700 }),
  file('whiteouts/merged/below', 'x'),
  file('whiteouts/removed-and-made-again', 'old'),
];

const whiteoutsAbove: readonly Entry[] = [
  directory('whiteouts'),
  file('whiteouts/.wh.removed', ''),
  file('whiteouts/.wh.tree', ''),
  file('whiteouts/.wh.was-never-there', ''),
  directory('whiteouts/opaque'),
  file('whiteouts/opaque/above', 'x'),
  // The marker stands behind an entry of its own layer, which it must not hide.
  file('whiteouts/opaque/.wh..wh..opq', ''),
  directory('whiteouts/file-then-directory'),
  file('whiteouts/file-then-directory/inside', 'x'),
  file('whiteouts/directory-then-file', 'x'),
  symlink('whiteouts/directory-then-symlink', 'merged'),
  file('whiteouts/symlink-then-file', 'x'),
  file('whiteouts/replaced', 'new', { mode: 0o644 }),
  directory('whiteouts/merged', { mode: 0o755 }),
  file('whiteouts/merged/above', 'x'),
  file('whiteouts/.wh.removed-and-made-again', ''),
  file('whiteouts/removed-and-made-again', 'new'),
  // A hard link to a file of a lower layer, and a second name for one that this layer changed.
  link('links/across-layers', 'links/one'),
  file('links/changed', 'changed'),
  link('links/changed-too', 'links/changed'),
];

/** A layer by GNU tar with one file full of holes, in each of its four formats for such files. */
function sparse(format: string): Buffer {
  const place = mkdtempSync(join(tmpdir(), 'rkt-sparse-'));
  try {
    const name = `sparse-${format}`;
    const descriptor = openSync(join(place, name), 'w');
    writeSync(descriptor, 'start', 0);
    writeSync(descriptor, 'middle', 3 * 1024 * 1024 + 17);
    ftruncateSync(descriptor, 8 * 1024 * 1024);
    closeSync(descriptor);
    const owner = ['--owner=0', '--group=0', '--mode=0644', `--mtime=@${String(EPOCH)}`];
    const [family = '', version] = format.split('-');
    const style = version === undefined ? [] : [`--sparse-version=${version}`];
    const pax = family === 'pax' ? ['--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime'] : [];
    const options = ['--sparse', `--format=${family}`, ...style, ...pax, ...owner, '-C', place, '-cf', '-', name];
    return withoutProcessId(execFileSync('tar', options, { maxBuffer: 64 * 1024 * 1024 }));
  } finally {
    rmSync(place, { recursive: true });
  }
}

/** GNU tar puts its process id into the stand-in name of a sparse file; a fixed one makes the layer the same each time. */
function withoutProcessId(archive: Buffer): Buffer {
  for (let offset = 0; offset < archive.length; offset += 512) {
    const block = archive.subarray(offset, offset + 512);
    const name = block.toString('latin1', 0, 100).replace(/\0.*/s, '');
    if (!name.includes('GNUSparseFile.')) continue;
    block.fill(0, 0, 100).write(name.replace(/GNUSparseFile\.\d+/, 'GNUSparseFile.0'), 'latin1');
    sealHeader(block);
  }
  return archive;
}

const [target = '', busybox = ''] = process.argv.slice(2);
const layers = [
  tar([...base(busybox), ...links, ...whiteoutsBelow]),
  tar([...attributes, ...names]),
  tar(whiteoutsAbove),
  ...['pax-0.0', 'pax-0.1', 'pax-1.0'].map(sparse),
];
// Not every peer reads GNU tar's old format for sparse files: a tag of its own.
const old = [...layers, sparse('gnu')];
const config = {
  Env: ['PATH=/bin', 'EMPTY=', 'WORDS=two words'],
  Cmd: ['/bin/sh', '-c', 'stat -c "%n %F" /names/*'],
  Labels: { 'org.example.oddities': 'yes' },
};
writeLayout(target, [
  { tag: 'latest', layers, config },
  { tag: 'zstd', layers: old, config, compression: 'zstd' },
  { tag: 'gnu-sparse', layers: old, config },
]);
