// SPDX-License-Identifier: Apache-2.0
// busybox.ts DIRECTORY BUSYBOX [LIBRARY...]: a layout with a busybox root, its applets being hard links.
import { execFileSync } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Image, writeLayout } from './layout.ts';
import { type Entry, tar } from './tar.ts';

const directories = ['bin', 'dev', 'etc', 'home', 'proc', 'root', 'run', 'sbin', 'sys', 'usr', 'usr/bin', 'var'];

const passwd = `root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
nobody:x:65534:65534:nobody:/home:/bin/false
alice:x:1000:1000:Alice:/home/alice:/bin/sh
`;

const group = `root:x:0:
daemon:x:1:
tty:x:5:
audio:x:29:alice
alice:x:1000:
nogroup:x:65534:
`;

function root(busybox: string, libraries: readonly string[]): Entry[] {
  const applets = execFileSync(busybox, ['--list'], { encoding: 'utf8' }).split('\n').filter(Boolean);
  const parents = new Set(libraries.flatMap((library) => ancestors(library)));
  return [
    ...directories.map((path): Entry => ({ path: `${path}/`, type: 'directory' })),
    { path: 'tmp/', type: 'directory', mode: 0o1777 },
    { path: 'home/alice/', type: 'directory', uid: 1000, gid: 1000 },
    { path: 'var/tmp/', type: 'directory', mode: 0o1777 },
    { path: 'bin/busybox', mode: 0o755, content: readFileSync(busybox) },
    ...applets
      .filter((applet) => applet !== 'busybox')
      .map((applet): Entry => ({ path: `bin/${applet}`, type: 'link', target: 'bin/busybox', mode: 0o755 })),
    ...[...parents].sort().map((path): Entry => ({ path: `${path}/`, type: 'directory' })),
    ...libraries.map((path): Entry => ({
      path: path.slice(1),
      mode: 0o755,
      content: readFileSync(realpathSync(path)),
    })),
  ];
}

function ancestors(path: string): string[] {
  const parent = dirname(path).slice(1);
  return parent === '' ? [] : [...ancestors(`/${parent}`), parent];
}

/** The second layer: accounts and a marker, so that every busybox image has a stack. */
const accounts: readonly Entry[] = [
  { path: 'etc/', type: 'directory' },
  { path: 'etc/passwd', content: passwd },
  { path: 'etc/group', content: group },
  { path: 'etc/shadow', mode: 0o640, content: 'root:*:19000:0:99999:7:::\n' },
  { path: 'usr/bin/env', type: 'symlink', target: '../../bin/busybox' },
];

const config = { Env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'], Cmd: ['/bin/sh'], WorkingDir: '/' };

const [directory = '', busybox = '', ...libraries] = process.argv.slice(2);
const layers = [tar(root(busybox, libraries)), tar(accounts)];
const images: readonly Image[] = [
  { tag: 'latest', layers, config },
  { tag: 'zstd', layers, config, compression: 'zstd' },
  { tag: 'plain', layers, config, compression: 'none' },
  { tag: 'docker', layers, config, types: 'docker' },
  { tag: 'index', layers, config, index: true },
  { tag: 'docker-list', layers, config, types: 'docker', index: true },
];
writeLayout(directory, images);
