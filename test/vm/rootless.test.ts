// SPDX-License-Identifier: Apache-2.0
// Pods of a user on a machine with cgroups of version 2, of which a part is delegated, and with the kernel of Debian 12.
import assert from 'node:assert/strict';
import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runInVm, vmIsMissing } from './vm.ts';

const root = join(import.meta.dirname, '..', '..');
const dist = join(root, 'dist');
const images = join(process.env['RKT_TEST_CACHE'] ?? join(root, '.cache'), 'images');
const needed = [join(dist, 'lib', 'rkt', 'node'), join(images, 'busybox'), '/usr/bin/newuidmap', '/usr/bin/newgidmap'];
const missing = needed.filter((path) => !existsSync(path));
const skip = missing.length > 0 ? `not built or not installed: ${missing.join(', ')}` : vmIsMissing();

/** What the machine does: a user with ranges of ids and a delegated cgroup; then the same where users get no namespaces. */
const SCRIPT = String.raw`
set -e
PATH=$PATH:/opt/rkt/bin
image=$1
echo 'user:x:1000:1000::/home/user:/bin/sh' >>/etc/passwd
echo 'user:x:1000:' >>/etc/group
for file in subuid subgid; do echo user:100000:65536 >/etc/$file; done
chmod 755 / /etc /home
chown -R 1000:1000 /home/user
cd /sys/fs/cgroup
echo '+memory +pids +cpu' >cgroup.subtree_control
mkdir -p user/session
for path in user user/session; do
	chown 1000:1000 $path $path/cgroup.procs $path/cgroup.subtree_control $path/cgroup.threads
done
cd /
as_user() {
	sh -c 'echo 0 >/sys/fs/cgroup/user/session/cgroup.procs && cd /home/user && exec "$@"' sh \
		env HOME=/home/user /opt/setpriv --reuid=1000 --regid=1000 --clear-groups "$@"
}
uuid=$(as_user rkt-prepare --quiet --insecure-options=image $image --name=app --memory=64Mi --cpu=500m --pids-limit=20 -- sleep 1000)
as_user rkt-run-prepared $uuid &
as_user rkt-status --wait-ready=60s $uuid >/dev/null
cd /sys/fs/cgroup/user/rkt/$uuid/app-app
for file in memory.max cpu.max pids.max; do echo $file: $(cat $file); done
for pid in $(cat cgroup.procs); do echo process: $(stat -c %u /proc/$pid) $(tr '\0' ' ' </proc/$pid/cmdline); done
echo inside: $(as_user rkt-enter $uuid cat /proc/self/cgroup)
as_user rkt-enter $uuid sh -c 'i=0; while [ $i -lt 40 ]; do sleep 5 & i=$((i+1)); done' 2>&1 | head -n 1
echo refused: $(cut -d ' ' -f 2 pids.events)
cd /
as_user rkt-stop $uuid >/dev/null
wait $! || echo ended: $?
status=0
as_user rkt-run --insecure-options=image $image --memory=16Mi -- tail /dev/zero || status=$?
echo killed: $status
as_user rkt-gc --grace-period=0s
as_user rkt-gc --grace-period=0s
echo left: $(find /home/user/.local/share/rkt/pods -mindepth 2 -maxdepth 2 | wc -l) $(find /sys/fs/cgroup/user/rkt -mindepth 1 -type d | wc -l)
uuid=$(as_user rkt-prepare --quiet --insecure-options=image $image)
for setting in kernel.unprivileged_userns_clone user.max_user_namespaces; do
	sysctl -q -w $setting=0
	as_user rkt-prepare --insecure-options=image $image || echo prepare: $?
	as_user rkt-run-prepared $uuid || echo run-prepared: $?
	sysctl -q -w $setting=1000 2>/dev/null || sysctl -q -w $setting=1
done
`;

test(
  'limits of a pod of a user hold in a delegated cgroup, and what forbids its namespace is named',
  { skip },
  async () => {
    const { default: index }: { default: { manifests: { digest: string }[] } } = await import(
      join(images, 'busybox', 'index.json'),
      { with: { type: 'json' } }
    );
    const programs = [
      [realpathSync(join(dist, 'lib', 'rkt', 'node')), '/opt/rkt/lib/rkt/node'],
      ['/usr/bin/newuidmap', '/usr/bin/newuidmap'],
      ['/usr/bin/newgidmap', '/usr/bin/newgidmap'],
      ['/usr/bin/setpriv', '/opt/setpriv'],
    ];
    const { status, stdout, stderr } = runInVm(
      [
        '--file',
        `${dist}:/opt/rkt`,
        ...programs.flatMap(([from, to]) => ['--program', `${from}:${to}`]),
        '--file',
        `${images}/busybox:/home/user/.local/share/rkt/store`,
        '--timeout',
        '300',
      ],
      ['sh', '-c', SCRIPT, 'sh', index.manifests[0]?.digest ?? ''],
    );
    const output = stdout + stderr;
    assert.equal(status, 0, output);
    assert.match(stdout, /^memory\.max: 67108864$/m, output);
    assert.match(stdout, /^cpu\.max: 50000 100000$/m, output);
    assert.match(stdout, /^pids\.max: 20$/m, output);
    assert.match(stdout, /^process: 100000 sleep 1000$/m, output);
    assert.match(stdout, /^inside: 0::\/$/m, output);
    assert.match(stdout, /^refused: [1-9]\d*$/m, output);
    assert.match(stdout, /^ended: 143$/m, output);
    assert.match(stdout, /^killed: 137$/m, output);
    assert.match(stdout, /^left: 0 0$/m, output);
    assert.match(stderr, /^rkt-prepare: .*: wanted kernel\.unprivileged_userns_clone=1$/m, output);
    assert.match(stderr, /^stage1: .*: wanted kernel\.unprivileged_userns_clone=1$/m, output);
    assert.match(stderr, /^rkt-prepare: .*: wanted user\.max_user_namespaces above 0$/m, output);
    assert.equal(stdout.match(/^prepare: 77$/gm)?.length, 2, output);
    assert.equal(stdout.match(/^run-prepared: 125$/gm)?.length, 2, output);
  },
);
