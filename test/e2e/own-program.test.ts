// SPDX-License-Identifier: Apache-2.0
// The program of the host that starts an app is its `/proc/self/exe` at that moment: an image may execute it, and change nothing.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { printPlan } from '@rkt/plan';
import { busyboxLayer, storeImages } from './made.ts';
import { bin, makeRkt, skipPods, startPod } from './rkt.ts';

const lib = join(bin, '..', 'lib', 'rkt');

/** Everything of the programs that may not change: content, mode, owner, times, attributes. */
function programs(): string {
  const script =
    'cd "$1" && set -- stage1 unpack ../../bin/rkt-run-prepared && sha256sum "$@" && stat -c "%n %f %u %g %h %s %Y %Z" "$@" && getfattr -d -m- "$@" 2>/dev/null; true';
  return execFileSync('sh', ['-c', script, 'sh', lib], { encoding: 'utf8' });
}

// What an app does to a descriptor of the program, each with what it prints if that worked.
const ATTEMPTS = [
  'chmod 4777 $f && echo chmod', 'chown 1:1 $f && echo chown', 'touch $f && echo touch', '(: >>$f) && echo append', '(: >$f) && echo truncate',
  'dd if=/dev/zero of=$f conv=notrunc bs=1 count=1 && echo write', 'setfattr -n user.x -v y $f && echo setfattr', 'ln $f /link && echo link',
  'mount -o bind $f /bin/busybox && echo mount', 'mount -o remount,rw $f && echo remount',
].join('; '); // prettier-ignore

/** A plan of the image: stage1, executed by the app, opens itself and becomes a shell that has it open. */
const plan = printPlan([
  { op: 'open', fd: 5, path: '/proc/self/exe', flags: ['O_RDONLY'], mode: 0 },
  { op: 'dup3', oldfd: 5, newfd: 0, flags: [] },
  { op: 'setenv', name: 'PATH', value: '/bin' },
  { op: 'exec', file: '/bin/sh', argv: ['sh', '-c', `exec 8<&0; f=/proc/self/fd/8; ${ATTEMPTS}; echo ran`] },
]);

const links = ['chmod', 'chown', 'dd', 'setfattr', 'ln', 'mount'].map((name) => ({ path: `bin/${name}`, type: 'symlink' as const, target: 'busybox' })); // prettier-ignore

const layer = () =>
  busyboxLayer(
    ...links,
    { path: 'plan', content: plan, mode: 0o600 },
    { path: 'script', content: '#!/proc/self/exe --check\nsetsid\n', mode: 0o755 },
    { path: 'loop', content: LOOP, mode: 0o755 },
  );

// Opens the program of every process that it sees, and does to it what it can.
const LOOP = `#!/bin/sh
exec 2>/dev/null
own=$(stat -c %i:%d -L /proc/self/exe)
echo ready
while :; do
  for f in /proc/[0-9]*/exe; do
    seen=$(stat -c %i:%d -L $f) || continue
    [ "$seen" = "$own" ] || { echo opened; ${ATTEMPTS}; }
  done
done
`;

suite('the programs of the host, seen from an image', { skip: skipPods }, () => {
  for (const insecure of ['image', 'image,userns', 'image,userns,seccomp,capabilities']) {
    test(`stage1 as entrypoint, given away by itself, stays as it is: --insecure-options=${insecure}`, (t) => {
      const rkt = makeRkt(t);
      const { image = '' } = storeImages(rkt, { image: { layers: [layer()], config: { Entrypoint: ['/proc/self/exe'], Cmd: ['/plan'] } } }); // prettier-ignore
      const before = programs();
      const { stdout, stderr } = rkt.run('run', `--insecure-options=${insecure}`, image);
      assert.equal(programs(), before);
      assert.equal(stdout, 'ran\n', stderr);
    });

    test(`a script of #!/proc/self/exe has the rights of the app and no more: --insecure-options=${insecure}`, (t) => {
      const rkt = makeRkt(t);
      const { image = '' } = storeImages(rkt, { image: { layers: [layer()], config: { Entrypoint: ['/script'] } } });
      const { status, stdout, stderr } = rkt.run('run', `--insecure-options=${insecure}`, image);
      // A line that begins with #! is a comment of a plan, which is checked and not executed.
      assert.deepEqual([status, stdout], [0, ''], stderr);
    });
  }

  for (const insecure of ['image', 'image,userns'])
    test(`a loop that opens the programs of all processes while commands enter: --insecure-options=${insecure}`, async (t) => {
      const rkt = makeRkt(t);
      const { image = '' } = storeImages(rkt, { image: { layers: [layer()], config: { Cmd: ['/loop'] } } });
      const before = programs();
      const pod = await startPod(rkt, image, { options: [`--insecure-options=${insecure}`], args: [] });
      for (let round = 0; round < 10; round++) {
        rkt.ok('enter', pod.uuid, 'true');
        rkt.run('enter', pod.uuid, '/proc/self/exe', '/plan');
      }
      pod.child.kill('SIGKILL');
      await pod.ended;
      assert.equal(programs(), before);
    });
});
