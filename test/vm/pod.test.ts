// SPDX-License-Identifier: Apache-2.0
// A pod with limits on a machine with cgroups of version 2 only, as the files of the kernel show it from outside the pod.
import assert from 'node:assert/strict';
import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runInVm, vmIsMissing } from './vm.ts';

const root = join(import.meta.dirname, '..', '..');
const dist = join(root, 'dist');
const images = join(process.env['RKT_TEST_CACHE'] ?? join(root, '.cache'), 'images');
const built = existsSync(join(dist, 'lib', 'rkt', 'node')) && existsSync(join(images, 'busybox'));
const skip = built ? vmIsMissing() : 'not built: dist and the image busybox';

/** What the machine does: a pod with limits while it runs, one that uses too much, and what stays of both. */
const SCRIPT = String.raw`
set -e
PATH=$PATH:/opt/rkt/bin
image=$1
uuid=$(rkt-prepare --quiet --insecure-options=image $image --name=app --memory=64Mi --cpu=500m --pids-limit=20 --oom-kill-group --memory-reservation=32Mi --blkio-weight=100 --pod-memory=128Mi -- sleep 1000)
rkt-run-prepared $uuid &
rkt-status --wait-ready=60s $uuid >/dev/null
cd /sys/fs/cgroup/rkt/$uuid/app-app
for file in memory.max cpu.max pids.max; do echo $file: $(cat $file); done
echo more: $(cat memory.oom.group memory.low ../memory.max)
for pid in $(cat cgroup.procs); do echo process: $(tr '\0' ' ' </proc/$pid/cmdline); done
echo subtree: $(cat ../cgroup.subtree_control)
echo inside: $(rkt-enter $uuid cat /proc/self/cgroup)
rkt-enter $uuid sh -c 'i=0; while [ $i -lt 40 ]; do sleep 5 & i=$((i+1)); done' 2>&1 | head -n 1
echo refused: $(cut -d ' ' -f 2 pids.events)
rkt-update $uuid --memory=96Mi --cpuset-cpus=0 --pod-pids-limit=33 >/dev/null
echo updated: $(cat memory.max cpuset.cpus ../pids.max)
rkt-pause $uuid >/dev/null
echo paused: $(grep frozen cgroup.events) $(rkt-status $uuid | grep paused)
cd /
rkt-stop $uuid >/dev/null
wait $! || echo ended: $?
status=0
rkt-run --insecure-options=image $image --memory=16Mi -- tail /dev/zero || status=$?
echo killed: $status
rkt-gc --grace-period=0s
rkt-gc --grace-period=0s
echo left: $(find /var/lib/rkt/pods -mindepth 2 -maxdepth 2 | wc -l) $(find /sys/fs/cgroup/rkt -mindepth 1 -type d | wc -l)
`;

test('limits of a pod hold on a machine with cgroup v2 only', { skip }, async () => {
  const { default: index }: { default: { manifests: { digest: string }[] } } = await import(
    join(images, 'busybox', 'index.json'),
    { with: { type: 'json' } }
  );
  const { status, stdout, stderr } = runInVm(
    [
      '--file',
      `${dist}:/opt/rkt`,
      '--program',
      `${realpathSync(join(dist, 'lib', 'rkt', 'node'))}:/opt/rkt/lib/rkt/node`,
      '--file',
      `${images}/busybox:/var/lib/rkt/store`,
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
  assert.match(stdout, /^more: 1 33554432 134217728$/m, output);
  assert.match(stdout, /^updated: 100663296 0 33$/m, output);
  assert.match(stdout, /^paused: frozen 1 paused=app$/m, output);
  assert.match(stdout, /^process: sleep 1000$/m, output);
  assert.match(stdout, /^inside: 0::\/$/m, output);
  assert.match(stdout, /^refused: [1-9]\d*$/m, output);
  assert.match(stdout, /^ended: 143$/m, output);
  assert.match(stdout, /^killed: 137$/m, output);
  assert.match(stdout, /^left: 0 0$/m, output);
});
