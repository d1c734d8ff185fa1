// SPDX-License-Identifier: Apache-2.0
// What rkt says of the sandboxes of pods that run.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { bin, makeRkt, skipPods, startPod, type Rkt } from './rkt.ts';
import { makeUserRkt, skipUsers } from './user.ts';

/** What is not ok of the only app of a pod. */
function faults(rkt: Rkt, uuid: string): { status: number | null; items: string[] } {
  const { status, stdout, stderr } = rkt.run('status', '--security', '--format=json', uuid);
  assert.equal(stderr, '');
  const { apps }: { apps: { items: { item: string; state: string }[] }[] } = JSON.parse(stdout);
  const items = apps[0]?.items.filter(({ state }) => state !== 'ok') ?? [];
  return { status, items: items.map(({ item, state }) => `${item}: ${state}`) };
}

suite('rkt status --security', { skip: skipPods }, () => {
  test('a pod is as strong as it can be unless somebody says otherwise', async (t) => {
    const rkt = makeRkt(t);
    const { uuid } = await startPod(rkt, rkt.image('busybox'), { args: ['sleep', '100'] });
    assert.deepEqual(faults(rkt, uuid), { status: 0, items: [] });
    const { stdout } = rkt.run('status', '--security', uuid);
    assert.match(stdout, /^APP\tITEM\t+STATE\tWHY\nbusybox\tuser-namespace\t+ok\tids \d+ to \d+ of the host/);
    assert.ok(!stdout.includes('\u001b'));
  });

  test('what somebody gives away is seen', async (t) => {
    const rkt = makeRkt(t);
    mkdirSync(join(rkt.dir, 'given'));
    const volume = `--volume=given,kind=host,source=${join(rkt.dir, 'given')}`;
    const options = [
      '--mount=volume=given,target=/given',
      '--caps-retain=CAP_KILL,CAP_SYS_PTRACE',
      '--pids-limit=2000',
    ];
    const more = [
      '--seccomp=mode=retain,@rkt/default-whitelist,mount',
      '--oom-score-adj=5',
      '--ipc=parent',
      '--net=host',
    ];
    const pod = await startPod(rkt, rkt.image('busybox'), {
      options: [volume, ...options, ...more],
      args: ['sleep', '100'],
    });
    assert.deepEqual(faults(rkt, pod.uuid), {
      status: 1,
      items: [
        'capabilities: weaker', 'seccomp: weaker', 'namespaces: weaker', 'network: weaker', 'host-files: weaker', 'processes: weaker',
      ], // prettier-ignore
    });
  });

  test('what is switched off is seen', async (t) => {
    const rkt = makeRkt(t);
    const options = ['--insecure-options=image,all-run', '--net=host'];
    const pod = await startPod(rkt, rkt.image('busybox'), { options, args: ['sleep', '100'] });
    assert.deepEqual(faults(rkt, pod.uuid), {
      status: 1,
      items: [
        'user-namespace: off', 'capabilities: weaker', 'seccomp: off', 'network: weaker', 'abstract-sockets: off', 'kernel-files: off',
      ], // prettier-ignore
    });
  });

  test('there is nothing to say of a pod that does not run', (t) => {
    const rkt = makeRkt(t);
    const uuid = rkt.ok('prepare', '--quiet', '--insecure-options=image', rkt.image('busybox'), '--', 'true');
    const { status, stdout, stderr } = rkt.run('status', '--security', uuid);
    assert.deepEqual([status, stdout], [1, '']);
    assert.match(stderr, /none of its apps is running\n$/);
  });
});

suite('rkt status --security without root', { skip: skipUsers }, () => {
  test('a user sees what its own pods are worth', async (t) => {
    const rkt = makeUserRkt(t);
    const { uuid } = await startPod(rkt, rkt.image('busybox'), { args: ['sleep', '100'] });
    // Nobody has delegated a controller of cgroups.
    assert.deepEqual(faults(rkt, uuid), { status: 1, items: ['processes: off'] });
  });
});

suite('colours', { skip: skipPods }, () => {
  const onTerminal = (words: readonly string[], environment: Readonly<Record<string, string>> = {}) => {
    const command = words.map((word) => `'${word}'`).join(' ');
    const env = { PATH: process.env['PATH'] ?? '', TERM: 'xterm', ...environment };
    return spawnSync('script', ['-qec', command, '/dev/null'], { encoding: 'utf8', env }).stdout;
  };

  test('list, status and its --security are in colour on a terminal alone, and not with NO_COLOR', async (t) => {
    const rkt = makeRkt(t);
    const { uuid } = await startPod(rkt, rkt.image('busybox'), { args: ['sleep', '100'] });
    for (const [command, ...words] of [['list'], ['status', uuid], ['status', '--security', uuid]] as const) {
      const argv = [join(bin, `rkt-${command}`), `--dir=${rkt.dir}`, ...words];
      assert.match(onTerminal(argv), /\u001b\[32m(running|ok)\u001b\[0m/, argv.join(' '));
      assert.doesNotMatch(onTerminal(argv, { NO_COLOR: '1' }), /\u001b/, argv.join(' '));
      assert.doesNotMatch(rkt.run(command, ...words).stdout, /\u001b/, argv.join(' '));
    }
    assert.match(
      onTerminal([join(bin, 'rkt-status'), `--dir=${rkt.dir}`, uuid]),
      /^created=.* \((now|\d+ seconds? ago)\)\r$/m,
    );
    assert.doesNotMatch(rkt.run('status', uuid).stdout, /ago|now/);
  });
});
