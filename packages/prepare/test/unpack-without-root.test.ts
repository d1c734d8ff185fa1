// SPDX-License-Identifier: Apache-2.0
// What the processes that unpack a layer for a user can do, asked by a shell in place of the reader.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { libraryFile } from '@rkt/files';
import { type PodOwner } from '@rkt/formats';
import { printPlan } from '@rkt/plan';
import { OrdinaryUser } from '@rkt/pod-fixtures';
import { callerOf } from '@rkt/rootless';
import { ownerReaderPlan, ownerWriterPlan } from '../src/unpack-without-root.ts';

const skip =
  process.getuid?.() !== 0 ? 'needs root' : !existsSync(libraryFile('stage1')) ? 'needs stage1: npm run build' : false;

function ownerOf({ uid, name, first }: OrdinaryUser, count: number): PodOwner {
  const file = count === 0 ? '' : `${name}:${first}:${count}\n`;
  return callerOf({ name, uid, gid: uid, subuid: file, subgid: file }).owner;
}

/** What a shell prints that is executed as the reader of a layer. */
function readerSays(user: OrdinaryUser, owner: PodOwner, probe: string): string[] {
  const [library, place] = ['library', 'place'].map((name) => join(user.directory, name));
  assert.ok(library && place);
  for (const path of [library, place]) mkdirSync(path, { recursive: true });
  user.give(place);
  writeFileSync(join(library, 'probe'), `exec 2>&1\n${probe}\n`);
  const program = {
    node: realpathSync('/bin/bash'),
    scripts: [join(library, 'probe')],
    flags: [],
    args: ['type', 'digest'],
  } as const;
  return execute(user, printPlan(ownerReaderPlan(owner, place, program)));
}

function execute(user: OrdinaryUser, plan: string): string[] {
  const path = join(user.home, 'plan');
  writeFileSync(path, plan, { mode: 0o600 });
  user.give(path);
  const [file, args] = user.argv([libraryFile('stage1'), path]);
  const { stdout, stderr } = spawnSync(file, args, { encoding: 'utf8', env: user.environment(), timeout: 20_000 });
  return (stdout + stderr).trimEnd().split('\n');
}

for (const count of [65_536, 0]) {
  const whose = count === 0 ? 'a user without ranges' : 'a user with ranges';

  test(`the reader of ${whose} sees programs and nothing else`, { skip }, () => {
    using user = new OrdinaryUser();
    writeFileSync(join(user.home, 'secret'), 'mine', { mode: 0o644 });
    chmodSync(user.home, 0o755);
    const shown = readerSays(
      user,
      ownerOf(user, count),
      `echo "$@"; ls -d /*; ls /rkt; cat ${user.home}/secret; cat /etc/passwd`,
    );
    const links = ['/lib', '/lib32', '/lib64', '/libx32'].filter((path) => existsSync(path));
    assert.deepEqual(shown, [
      'type digest',
      ...[...links, '/node', '/rkt', '/usr'].toSorted(),
      'probe',
      `cat: ${user.home}/secret: No such file or directory`,
      'cat: /etc/passwd: No such file or directory',
    ]);
  });

  test(
    `the reader of ${whose} can write nothing, has no right, no network and no process beside it`,
    { skip },
    async () => {
      using user = new OrdinaryUser();
      const [file, args] = user.argv(['sleep', '60']);
      const sleeper = spawn(file, args, { env: user.environment() });
      await once(sleeper, 'spawn');
      const writes = ['/x', '/usr/x', '/rkt/probe', '/node'].map((path) => `(: >>${path}) || echo`).join('; ');
      const probe = `id -u; ${writes}; kill -0 ${sleeper.pid} || echo; kill -9 -1; chown 5 /rkt; unshare -n true; mount -t tmpfs x /usr; exec 3<>/dev/tcp/127.0.0.1/1`;
      const shown = readerSays(user, ownerOf(user, count), probe);
      sleeper.kill('SIGKILL');
      const [, signal]: unknown[] = await once(sleeper, 'exit');
      assert.equal(signal, 'SIGKILL');
      assert.equal(shown[0], String(count));
      const refused = shown.filter((line) =>
        /denied|not permitted|Read-only|No such|nonexistent|must be superuser|unreachable/.test(line),
      );
      assert.equal(refused.length, 11, shown.join('\n'));
    },
  );
}

test('the writer is root of the ids of pods in a root that holds nothing but the layer', { skip }, () => {
  using user = new OrdinaryUser();
  const owner = ownerOf(user, 65_536);
  const paths = ['tree', 'work', 'merged'].map((name) => join(user.home, name));
  for (const path of paths) {
    mkdirSync(path);
    user.give(path);
  }
  const owned = { workplace: { path: user.home, parents: 0 }, root: { uid: 5, gid: 6 } };
  // A program that needs no library, and no name in the root to be found.
  const busybox = spawnSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).stdout.trim();
  const plan = printPlan(ownerWriterPlan(owner, owned, busybox)).replace(
    /fexecve 3 .*/,
    `fexecve 3 sh -c ${'echo /*; id -u; stat -c %u:%g /; mkdir /d && chown 65535:7 /d && stat -c %u:%g /d; chown 65536 /d; kill -0 1 || echo no'.replaceAll(' ', '\\040')}`,
  );
  const shown = execute(user, plan);
  assert.deepEqual(shown.slice(0, 4), ['/*', '0', '5:6', '65535:7']);
  assert.match(shown.slice(4).join('\n'), /chown: \/d: Invalid argument/);
});
