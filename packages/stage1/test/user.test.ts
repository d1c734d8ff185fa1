// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { OrdinaryUser, type UserOptions } from '@rkt/pod-fixtures';
import { type Result, shell, skip, STAGE1, word } from './stage1.ts';

/** A user who has a copy of stage1, since not everybody may look into this repository. */
class Bed extends OrdinaryUser {
  readonly stage1 = join(this.directory, 'stage1');

  constructor() {
    super();
    copyFileSync(STAGE1, this.stage1);
    chmodSync(this.stage1, 0o755);
  }

  plan(lines: readonly string[], name = 'plan'): string {
    const path = join(this.home, name);
    writeFileSync(path, lines.map((line) => `${line}\n`).join(''), { mode: 0o600 });
    this.give(path);
    return path;
  }

  run(lines: readonly string[], options: UserOptions = {}): Result {
    return this.execute([this.stage1, this.plan(lines)], options);
  }

  execute(program: readonly string[], options: UserOptions = {}): Result {
    const [file, args] = this.argv(program, options);
    return spawnSync(file, args, { encoding: 'utf8', env: this.environment(), timeout: 20_000 });
  }
}

const MAPS = '0:54321:1,1:1900000000:65536 0:54321:1,1:1900000000:65536';
const OWN = '0:54321:1 0:54321:1';

function rows(text: string): string[][] {
  return text
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
}

/** The message of an operation that failed, behind the place in the plan. */
function messageOf({ status, stderr }: Result): string {
  assert.equal(status, 125, stderr);
  return stderr.replace(/^stage1: .*: unshare_user: cannot make user namespace ".*": /, '').trimEnd();
}

test('unshare_user maps ranges by newuidmap and newgidmap, and makes its user root of them', { skip }, () => {
  using bed = new Bed();
  const show = shell('id -u; id -g; cat /proc/self/setgroups /proc/self/uid_map /proc/self/gid_map');
  const { status, stdout, stderr } = bed.run([`unshare_user ${MAPS}`, show]);
  assert.deepEqual([status, stderr], [0, '']);
  const ids = [
    ['0', '54321', '1'],
    ['1', '1900000000', '65536'],
  ];
  assert.deepEqual(rows(stdout), [['0'], ['0'], ['allow'], ...ids, ...ids]);
});

test('unshare_user gives power over the files of all mapped ids, and over no others', { skip }, () => {
  using bed = new Bed();
  const file = join(bed.home, 'file');
  writeFileSync(file, '');
  bed.give(file);
  assert.equal(bed.run([`unshare_user ${MAPS}`, `lchown ${file} 65536 65536`, `lchown ${file} 0 0`]).status, 0);
  const foreign = bed.run([`unshare_user ${MAPS}`, `lchown ${file} 65537 0`]);
  assert.match(foreign.stderr, /lchown: cannot change owner .*: invalid argument/);
  chownSync(file, 0, 0);
  assert.match(bed.run([`unshare_user ${MAPS}`, `lchown ${file} 0 0`]).stderr, /operation not permitted/);
});

test('unshare_user maps its own ids without any program, and gives up changing groups', { skip }, () => {
  using bed = new Bed();
  const hidden = ['/usr/bin/newuidmap', '/usr/bin/newgidmap'];
  const show = shell('id -u; id -g; cat /proc/self/setgroups /proc/self/uid_map');
  const { status, stdout, stderr } = bed.run([`unshare_user ${OWN}`, 'unshare CLONE_NEWNS', show], { hidden });
  assert.deepEqual([status, stderr], [0, '']);
  assert.deepEqual(rows(stdout), [['0'], ['0'], ['deny'], ['0', '54321', '1']]);
});

test('unshare_user says which program it misses', { skip }, () => {
  using bed = new Bed();
  for (const program of ['/usr/bin/newuidmap', '/usr/bin/newgidmap']) {
    assert.equal(
      messageOf(bed.run([`unshare_user ${MAPS}`], { hidden: [program] })),
      `${program} cannot be executed: wanted the package uidmap`,
    );
  }
});

test('unshare_user says which file does not grant the ids', { skip }, () => {
  using bed = new Bed();
  assert.equal(
    messageOf(bed.run([`unshare_user ${MAPS}`], { ranges: ['1900000000:65535'], groupRanges: ['1900000000:65536'] })),
    'newuidmap refused: wanted a line for these ids in /etc/subuid',
  );
  assert.equal(
    messageOf(bed.run([`unshare_user ${MAPS}`], { groupRanges: [] })),
    'newgidmap refused: wanted a line for these ids in /etc/subgid',
  );
  assert.equal(
    messageOf(bed.run(['prctl PR_SET_NO_NEW_PRIVS 1', `unshare_user ${MAPS}`])),
    'programs that map ids gain no privileges here (no_new_privs)',
  );
});

test('unshare_user names the setting that forbids user namespaces', { skip }, () => {
  using bed = new Bed();
  const inner = bed.plan([`unshare_user 0:0:1 0:0:1`], 'inner');
  const none = 'write /proc/sys/user/max_user_namespaces 0';
  assert.equal(
    messageOf(bed.run([`unshare_user ${OWN}`, none, `exec ${bed.stage1} stage1 ${inner}`])),
    'no user namespaces here: wanted user.max_user_namespaces above 0',
  );
  // In a changed root directory the kernel refuses user namespaces, as it does where a setting forbids them.
  const root = join(bed.directory, 'root');
  mkdirSync(root);
  const settings = {
    'unprivileged_userns_clone 0': /^no user namespaces without root here: .*kernel.unprivileged_userns_clone=1$/,
    'apparmor_restrict_unprivileged_userns 1': /^AppArmor restricts .*kernel.apparmor_restrict_unprivileged_userns=0/,
    'unrelated 0': /^operation not permitted$/,
  };
  for (const [setting, message] of Object.entries(settings)) {
    const [name, value] = setting.split(' ');
    const before = [
      'mount -t tmpfs tmpfs /proc/sys/kernel',
      `echo ${value} >/proc/sys/kernel/${name}`,
      `mount --rbind / ${root}`,
      `set -- --reuid=0 chroot ${root} setpriv "$@"`,
    ].join('\n');
    assert.match(messageOf(bed.run([`unshare_user ${OWN}`], { before })), message);
  }
});

test('unshare_user fails for ids that are given twice', { skip }, () => {
  using bed = new Bed();
  assert.equal(
    messageOf(bed.run(['unshare_user 0:54321:1,0:1900000000:5 -'])),
    'newuidmap refused: wanted a line for these ids in /etc/subuid',
  );
});

test('stage1 refuses a plan that may belong to anybody', { skip }, () => {
  using bed = new Bed();
  const plan = bed.plan(['umask 0022']);
  const foreign = 54322;
  // Without a map every id is shown as 65534, that of the process too.
  const run = () => bed.execute(['unshare', '--user', bed.stage1, plan]);
  assert.deepEqual(
    [run().status, run().stderr],
    [77, `stage1: ${plan}: cannot read: its directory may belong to anybody\n`],
  );
  chownSync(plan, foreign, foreign);
  chmodSync(plan, 0o644);
  assert.equal(run().status, 77);
  const mapped = bed.execute([
    bed.stage1,
    bed.plan([`unshare_user ${OWN}`, `exec ${bed.stage1} stage1 ${plan}`], 'outer'),
  ]);
  assert.deepEqual([mapped.status, mapped.stderr], [77, `stage1: ${plan}: cannot read: it belongs to somebody else\n`]);
});

test('a plan that is the own one outside is the own one inside', { skip }, () => {
  using bed = new Bed();
  const inner = bed.plan([`exec /bin/echo echo ${word('inner one')}`], 'inner');
  const { stdout, stderr } = bed.run([`unshare_user ${MAPS}`, `exec ${bed.stage1} stage1 ${inner}`]);
  assert.deepEqual([stdout, stderr], ['inner one\n', '']);
});
