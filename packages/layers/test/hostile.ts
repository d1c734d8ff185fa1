// SPDX-License-Identifier: Apache-2.0
import { base256, entry, gnuLong, pax, record, tar, type Fields } from './tar-writer.ts';

/** A tar that somebody made to do harm, and who stops it. */
export interface Hostile {
  readonly name: string;
  readonly layer: Buffer;
  /** `reader`: refused while it is read; `writer`: refused when its files are made; `nobody`: harmless, its files are made. */
  readonly stoppedBy: 'reader' | 'writer' | 'nobody';
}

const dir = (name: string): Buffer => entry({ name, type: '5', mode: 0o755 });
const file = (name: string, data = 'x'): Buffer => entry({ name, data });
const symlink = (name: string, linkname: string): Buffer => entry({ name, type: '2', linkname });
const link = (name: string, linkname: string): Buffer => entry({ name, type: '1', linkname });
const gnu = (fields: Fields): Buffer => entry({ magic: 'ustar  \0', ...fields });
const wh = (name: string): Buffer => entry({ name });

const by = (stoppedBy: Hostile['stoppedBy'], cases: Readonly<Record<string, readonly Buffer[]>>): Hostile[] =>
  Object.entries(cases).map(([name, parts]) => ({ name, layer: tar(...parts), stoppedBy }));

/** Traversal by symbolic links; CANARY stands beside the root of the tree. */
const symlinks = [
  ...by('writer', {
    'a file beneath an absolute symlink': [symlink('a', '/tmp'), file('a/x')],
    'a file beneath a relative symlink out of the tree': [symlink('a', '../CANARY'), file('a/x')],
    'a file beneath a symlink to the root': [symlink('a', '/'), file('a/x')],
    'a file beneath a symlink to "."': [symlink('a', '.'), file('a/x')],
    'a file two below a symlink': [symlink('a', '../CANARY'), file('a/b/x')],
    'a file beneath two symlinks': [symlink('a', 'b'), symlink('b', '../CANARY'), file('a/x')],
    'a directory, replaced by a symlink, with children after': [
      dir('a'),
      file('a/y'),
      symlink('a', '../CANARY'),
      file('a/x'),
    ],
    'a file beneath a symlink, with "./"': [symlink('./a', '../CANARY'), file('./a/./x')],
    'a file beneath a symlink, with "//"': [symlink('a', '../CANARY'), file('a//x')],
    'a directory beneath a symlink': [symlink('a', '../CANARY'), dir('a/x/')],
    'a symlink beneath a symlink': [symlink('a', '../CANARY'), symlink('a/x', 'y')],
    'a fifo beneath a symlink': [symlink('a', '../CANARY'), entry({ name: 'a/x', type: '6' })],
    'a file beneath a file': [file('a'), file('a/x')],
    'a file beneath a fifo': [entry({ name: 'a', type: '6' }), file('a/x')],
    'an opaque whiteout beneath a symlink': [symlink('a', '../CANARY'), wh('a/.wh..wh..opq')],
    'a link beneath a symlink': [symlink('a', '../CANARY'), file('f'), link('a/x', 'f')],
    'a link through a symlink': [symlink('a', '../CANARY'), link('x', 'a/canary')],
    'a link to what is not there': [link('x', 'y')],
    'a link to a later entry': [link('x', 'y'), file('y')],
    'a link to a directory': [dir('y'), link('x', 'y')],
    'a link through a file': [file('y'), link('x', 'y/z')],
    'a file over a symlink to a link, two in-tree symlinks and a hard link': [
      symlink('a', 'b'),
      symlink('b', '../CANARY/canary'),
      link('c', 'a'),
      file('a/x'),
    ],
  }),
  ...by('nobody', {
    'a file over a symlink': [symlink('a', '../CANARY/canary'), file('a')],
    'a directory over a symlink, then a file in it': [symlink('a', '../CANARY'), dir('a'), file('a/x')],
    'a fifo over a symlink': [symlink('a', '../CANARY/canary'), entry({ name: 'a', type: '6' })],
    'a link over a symlink': [symlink('a', '../CANARY/canary'), file('f'), link('a', 'f')],
    'a link to a symlink': [symlink('a', '../CANARY/canary'), link('b', 'a')],
    'a file over a link to a symlink': [symlink('a', '../CANARY/canary'), link('b', 'a'), file('b')],
    'attributes of a symlink that points out': [
      entry({ name: 'a', type: '2', linkname: '../CANARY/canary', mode: 0o4777, uid: 1 }),
    ],
    'a whiteout beneath a symlink': [symlink('a', '../CANARY'), wh('a/.wh.canary')],
    'a whiteout of a symlink, then its children': [symlink('a', '../CANARY'), wh('.wh.a')],
    'an absolute name': [file('/x')],
    'an absolute name with slashes': [file('///x')],
    'file, directory, symlink of the same name': [file('a'), dir('a'), symlink('a', 'x')],
    'a directory with children, then a file': [dir('a'), file('a/b'), dir('a/c'), file('a/c/d'), file('a')],
    'a backslash': [file('..\\..\\x')],
    'names that are equal after normalisation': [file('a\u00cc\u0088'), file('\u00c3\u00a4')],
    'names that differ by case': [file('A'), file('a'), dir('B'), symlink('b', '../CANARY'), file('B/x')],
    'a line feed in a name': [file('a\nb c')],
    'bytes that are not UTF-8': [file('a\u0080\u00ff')],
    'a setuid file': [entry({ name: 'a', mode: 0o6755, data: 'x' })],
    'a fifo named as a file the host reads': [dir('etc'), entry({ name: 'etc/passwd', type: '6' })],
    'a device': [
      entry({ name: 'sda', type: '4', devmajor: 8, devminor: 0 }),
      entry({ name: 'mem', type: '3', devmajor: 1, devminor: 1 }),
    ],
    'a name that AUFS reserves': [dir('.wh..wh.plnk'), file('.wh..wh.plnk/1.2'), file('.wh..wh.aufs')],
  }),
];

const names = by('reader', {
  'a name "..": up': [file('../x')],
  'a name with ".." within': [dir('a'), file('a/../../x')],
  'a name that ends in ".."': [dir('a/..')],
  'an absolute name with ".."': [file('/../x')],
  'an empty name': [file('')],
  'a file as root': [file('.')],
  'a symlink as root': [symlink('.', '/')],
  'a symlink as root, with slashes': [symlink('/.//.', '/')],
  'a file with the name of a directory': [file('a/')],
  'a symlink with the name of a directory': [symlink('a/', 'b')],
  'a component of 256 bytes': [gnuLong({ name: 'a'.repeat(256) })],
  'a path of 4096 bytes': [gnuLong({ name: `${'a'.repeat(31)}/`.repeat(127) + 'a'.repeat(32) })],
  'a path of a million bytes': [gnuLong({ name: `${'a/'.repeat(500_000)}a` })],
  'a path of 257 components': [gnuLong({ name: 'a/'.repeat(256) + 'a' })],
  'a link to ".."': [link('a', '../CANARY/canary')],
  'a link to itself': [file('a'), link('a', './a')],
  'a link to the root': [link('a', '/')],
  'a link to nothing': [link('a', '')],
  'a symlink to nothing': [symlink('a', '')],
  'a whiteout of ".."': [wh('.wh...')],
  'a whiteout of "."': [wh('.wh..')],
  'a whiteout of nothing': [wh('a/.wh.')],
  'a whiteout that is a symlink': [symlink('.wh.a', 'b')],
  'a whiteout that is a directory': [dir('.wh.a')],
  'a whiteout with content': [file('.wh.a')],
  'a file in a whiteout': [file('.wh.a/b')],
  'a file in an opaque whiteout': [file('.wh..wh..opq/b')],
  'a link to a whiteout': [link('a', '.wh.b')],
  'a whiteout of overlayfs': [entry({ name: 'a', type: '3' })],
});

const headers = by('reader', {
  'a record with a NUL in the path': [pax([['path', 'a\0b']]), file('c')],
  'a record that is too long': [entry({ name: 'p', type: 'x', data: '99 path=a\n' }), file('a')],
  'a record that is too short': [entry({ name: 'p', type: 'x', data: '5 path=a\n' }), file('a')],
  'a record of length 0': [entry({ name: 'p', type: 'x', data: '0 path=a\n' }), file('a')],
  'a record without a line feed': [entry({ name: 'p', type: 'x', data: '9 path=ab' }), file('a')],
  'a record without a keyword': [entry({ name: 'p', type: 'x', data: '5 =a\n' }), file('a')],
  'records with bytes behind them': [entry({ name: 'p', type: 'x', data: `${record('path', 'a')}xx` }), file('a')],
  'a record with a negative size': [pax([['size', '-1']]), file('a')],
  'a record with a huge size': [pax([['size', '9007199254740993']]), file('a')],
  'a record with a size beyond the tar': [pax([['size', '1000']]), file('a')],
  'a record with a uid of -1': [pax([['uid', '4294967295']]), file('a')],
  'a record with a malformed time': [pax([['mtime', '1e9']]), file('a')],
  'two extended headers': [pax([['path', 'a']]), pax([['path', 'b']]), file('c')],
  'two long names': [gnu({ name: 'l', type: 'L', data: 'a\0' }), gnu({ name: 'l', type: 'L', data: 'b\0' }), file('c')],
  'a long name and a record': [gnu({ name: 'l', type: 'L', data: 'a\0' }), pax([['path', 'b']]), file('c')],
  'a long name with bytes behind its NUL': [gnu({ name: 'l', type: 'L', data: 'a\0b' }), file('c')],
  'a long name without an entry': [gnu({ name: 'l', type: 'L', data: 'a\0' })],
  'an extended header of more than a megabyte': [pax([['comment', 'a'.repeat(2 ** 20)]]), file('c')],
  'a global header with a path': [pax([['path', 'a']], 'g'), file('c')],
  'a global header with a size': [pax([['size', '0']], 'g'), file('c')],
  'a global header with an extended attribute': [pax([['SCHILY.xattr.user.a', 'b']], 'g'), file('c')],
  'a directory with a size': [entry({ name: 'a', type: '5', size: 512 }), file('b')],
  'a link with a size': [file('b'), entry({ name: 'a', type: '1', linkname: 'b', size: 512 }), file('c')],
  'a symlink with a size by a record': [pax([['size', '512']]), symlink('a', 'b'), file('c')],
  'an unknown type': [entry({ name: 'a', type: 'V' })],
  'a dump directory': [gnu({ name: 'a', type: 'D' })],
  'an unknown format': [entry({ name: 'a', magic: 'ustar\u000001' })],
  'a size that is negative in base 256': [entry({ name: 'a', size: base256(-1n, 12) })],
  'a size that is huge in base 256': [entry({ name: 'a', size: base256(2n ** 70n, 12) })],
  'a size with junk': [entry({ name: 'a', size: Buffer.from('0000000001x\0') })],
  'a size with digits behind its end': [entry({ name: 'a', size: Buffer.from('000\u0000000001 ') })],
  'a uid with a sign': [entry({ name: 'a', uid: Buffer.from('-000001\0') })],
  'a wrong checksum': [Buffer.concat([file('a').fill('b', 0, 1), file('c')])],
  'a sparse map that overlaps': [
    pax([
      ['GNU.sparse.map', '0,1,0,1'],
      ['GNU.sparse.size', '9'],
    ]),
    file('a', 'xx'),
  ],
  'a sparse map beyond the size': [
    pax([
      ['GNU.sparse.map', '8,2'],
      ['GNU.sparse.size', '9'],
    ]),
    file('a', 'xx'),
  ],
  'a sparse map that is not what is stored': [
    pax([
      ['GNU.sparse.map', '0,1'],
      ['GNU.sparse.size', '9'],
    ]),
    file('a', 'xx'),
  ],
  'a sparse map with an odd count': [
    pax([
      ['GNU.sparse.map', '0,1,2'],
      ['GNU.sparse.size', '9'],
    ]),
    file('a'),
  ],
  'a sparse map with an endless count': [
    pax([
      ['GNU.sparse.major', '1'],
      ['GNU.sparse.minor', '0'],
      ['GNU.sparse.realsize', '9'],
    ]),
    file('a', '999999999\n'.padEnd(512, '1')),
  ],
  'a sparse map without an end': [
    pax([
      ['GNU.sparse.major', '1'],
      ['GNU.sparse.minor', '0'],
      ['GNU.sparse.realsize', '9'],
    ]),
    file('a', '1'.repeat(512)),
  ],
  'a sparse file of a future version': [
    pax([
      ['GNU.sparse.major', '2'],
      ['GNU.sparse.minor', '0'],
      ['GNU.sparse.realsize', '9'],
    ]),
    file('a'),
  ],
  'a sparse file of 2^53 bytes of holes': [
    pax([
      ['GNU.sparse.map', '0,1'],
      ['GNU.sparse.size', '9007199254740991'],
    ]),
    file('a'),
  ],
  'a sparse name that goes up': [
    pax([
      ['GNU.sparse.map', '0,1'],
      ['GNU.sparse.size', '9'],
      ['GNU.sparse.name', '../a'],
    ]),
    file('a'),
  ],
  'a sparse file without a size': [pax([['GNU.sparse.map', '0,1']]), file('a')],
  'a sparse file with a NUL in its name': [
    pax([
      ['GNU.sparse.map', '0,1'],
      ['GNU.sparse.size', '9'],
      ['GNU.sparse.name', 'a\0b'],
    ]),
    file('a'),
  ],
  'a sparse file whose records are in disorder': [
    pax([
      ['GNU.sparse.size', '9'],
      ['GNU.sparse.numbytes', '1'],
      ['GNU.sparse.offset', '0'],
    ]),
    file('a'),
  ],
  'a sparse file of more pieces than allowed': [
    pax([
      ['GNU.sparse.map', Array.from({ length: 65_537 }, (_, n) => `${n},0`).join(',')],
      ['GNU.sparse.size', '65537'],
    ]),
    entry({ name: 'a' }),
  ],
  'a sparse file of the GNU type in another format': [entry({ name: 'a', type: 'S' })],
  'a sparse file of the GNU type with an endless map': [
    entry({ name: 'a', type: 'S', magic: 'ustar  \0', patch: [[482, '\x01']] }),
    Buffer.alloc(512 * 4000, entry({ name: 'z'.repeat(100), mode: Buffer.from('1'.repeat(8)) }).fill('1')),
  ],
  'too many extended attributes': [
    pax(Array.from({ length: 65 }, (_, n) => [`SCHILY.xattr.user.a${n}`, 'x'] as const)),
    file('a'),
  ],
  'an extended attribute of more than 64 KiB': [pax([['SCHILY.xattr.user.a', 'x'.repeat(65_537)]]), file('a')],
  'an extended attribute without a name': [pax([['SCHILY.xattr.', 'x']]), file('a')],
  'data behind the end': [file('a'), Buffer.alloc(1024), file('b')],
  'one block of zeros within': [file('a'), Buffer.alloc(512), file('b')],
});

const ends: Hostile[] = [
  { name: 'an empty tar', layer: Buffer.alloc(0), stoppedBy: 'reader' },
  { name: 'a tar without an end', layer: file('a'), stoppedBy: 'reader' },
  {
    name: 'a tar that ends in one block of zeros',
    layer: Buffer.concat([file('a'), Buffer.alloc(512)]),
    stoppedBy: 'reader',
  },
  { name: 'a tar that ends within data', layer: entry({ name: 'a', data: 'x' }).subarray(0, 600), stoppedBy: 'reader' },
  { name: 'a tar that ends within a header', layer: tar(file('a')).subarray(0, 1200), stoppedBy: 'reader' },
  {
    name: 'a second tar behind the first',
    layer: Buffer.concat([tar(file('a')), tar(file('b'))]),
    stoppedBy: 'reader',
  },
];

/** The corpus. */
export const hostile: readonly Hostile[] = [...symlinks, ...names, ...headers, ...ends];
