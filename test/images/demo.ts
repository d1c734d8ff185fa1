// SPDX-License-Identifier: Apache-2.0
// demo.ts DIRECTORY HELLO [BUSYBOX]: a layout with one static program, and a shell if the machine has one to give.
import { readFileSync } from 'node:fs';
import { writeLayout } from './layout.ts';
import { type Entry, tar } from './tar.ts';

const [directory = '', hello = '', busybox] = process.argv.slice(2);

const folder = (path: string, mode = 0o755): Entry => ({ path: `${path}/`, type: 'directory', mode });
const link = (name: string): Entry => ({ path: `bin/${name}`, type: 'link', target: 'bin/busybox' });

const base = [
  ...['bin', 'dev', 'etc', 'proc', 'sys'].map((path) => folder(path)),
  folder('tmp', 0o1777),
  { path: 'etc/passwd', content: 'root:x:0:0:root:/:/bin/sh\n' },
  { path: 'etc/group', content: 'root:x:0:\n' },
  { path: 'bin/hello', mode: 0o755, content: readFileSync(hello) },
];
const applets = ['sh', 'cat', 'grep', 'hostname', 'id', 'ls', 'ps', 'true'];
const shell =
  busybox === undefined
    ? []
    : [{ path: 'bin/busybox', mode: 0o755, content: readFileSync(busybox) }, ...applets.map(link)];

writeLayout(directory, [
  {
    tag: 'demo',
    layers: shell.length > 0 ? [tar(base), tar(shell)] : [tar(base)],
    config: { Entrypoint: ['/bin/hello'], Env: ['PATH=/bin'], StopSignal: 'SIGTERM' },
  },
]);
