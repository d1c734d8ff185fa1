// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync } from 'node:fs';
import { test } from 'node:test';
import { Scratch, shell, skip, word } from './stage1.ts';

function run(scratch: Scratch, lines: readonly string[]): string {
  const { status, stderr, stdout } = scratch.run(lines);
  assert.equal(stderr, '');
  assert.equal(status, 0);
  return stdout.replaceAll('\t', ' ');
}

function fails(scratch: Scratch, lines: readonly string[], message: string): void {
  const { status, stderr } = scratch.run(lines);
  assert.equal(stderr, `stage1: ${scratch.path('plan')}:${lines.length}: ${message}\n`);
  assert.equal(status, 125);
}

/** Lines of /proc/self/status; not by a shell, which changes the ids. */
const grepStatus = (names: string): string => `exec /bin/grep grep -E ${word(`^(${names}):`)} /proc/self/status`;

test('setsid starts a session once', { skip }, () => {
  using scratch = new Scratch();
  assert.equal(
    run(scratch, ['clone 0 - - - -', 'setsid', shell('set -- $(cat /proc/$$/stat); test $6 = $$; echo $?')]),
    '0\n',
  );
  fails(scratch, ['clone 0 - - - -', 'setsid', 'setsid'], 'setsid: cannot start session "": operation not permitted');
});

test('umask sets the mask', { skip }, () => {
  using scratch = new Scratch();
  assert.equal(run(scratch, ['umask 0137', shell('umask')]), '0137\n');
});

test('setrlimit sets limits, and cuts what CAP_SYS_RESOURCE would be needed for', { skip }, () => {
  using scratch = new Scratch();
  assert.equal(run(scratch, ['setrlimit RLIMIT_NOFILE 100 200', shell('ulimit -Sn; ulimit -Hn')]), '100\n200\n');
  assert.equal(run(scratch, ['setrlimit RLIMIT_CORE 0 RLIM_INFINITY', shell('ulimit -Sc')]), '0\n');
  const raised = ['setrlimit RLIMIT_NOFILE 100 200', 'capset 0 0 0', 'setrlimit RLIMIT_NOFILE 300 400'];
  assert.equal(run(scratch, [...raised, shell('ulimit -Sn; ulimit -Hn')]), '200\n200\n');
  fails(
    scratch,
    ['setrlimit RLIMIT_NOFILE 200 100'],
    'setrlimit: cannot set limit "RLIMIT_NOFILE 200 100": invalid argument',
  );
});

test('keyctl joins a new session keyring', { skip }, () => {
  using scratch = new Scratch();
  const shown = run(scratch, ['keyctl KEYCTL_JOIN_SESSION_KEYRING stage1-test', shell('cat /proc/keys')]);
  assert.match(shown, /keyring +stage1-test: empty/);
  run(scratch, ['keyctl KEYCTL_JOIN_SESSION_KEYRING ""']);
});

test('setgroups, setresgid and setresuid set ids', { skip }, () => {
  using scratch = new Scratch();
  const ids = ['setgroups 7 4294967294 8', 'setresgid 1 2 3', 'setresuid 4 5 6', grepStatus('Uid|Gid|Groups')];
  // An execve(2) makes the saved ids equal to the effective ones.
  assert.equal(run(scratch, ids), 'Uid: 4 5 5 5\nGid: 1 2 2 2\nGroups: 7 8 4294967294 \n');
  assert.equal(run(scratch, ['setgroups', grepStatus('Groups')]), 'Groups:  \n');
  const nobody = ['setresuid 65534 65534 65534'];
  fails(scratch, [...nobody, 'setgroups'], 'setgroups: cannot set groups "": operation not permitted');
  fails(scratch, [...nobody, 'setresgid 1 1 1'], 'setresgid: cannot set group ids "1 1 1": operation not permitted');
  fails(scratch, [...nobody, 'setresuid 0 0 0'], 'setresuid: cannot set user ids "0 0 0": operation not permitted');
});

test('setfsuid and setfsgid own new files, and keep all capabilities', { skip }, () => {
  using scratch = new Scratch();
  mkdirSync(scratch.path('d'));
  chmodSync(scratch.path('d'), 0o700);
  const shown = run(scratch, [
    'setfsgid 34',
    'setfsuid 12',
    `creat ${scratch.path('d/f')} 0600`,
    shell(
      `stat -c %u:%g ${scratch.path('d/f')}; grep -E "^(CapEff|Uid|Gid)" /proc/self/status | tr "\\t" " "; grep CapEff /proc/$PPID/status`,
    ),
  ]).split('\n');
  assert.equal(shown[0], '12:34');
  // An execve(2) sets the ids for files to the effective ones again.
  assert.equal(shown[1], 'Uid: 0 0 0 0');
  assert.match(shown[3] ?? '', /^CapEff: 0*1ff/);
  fails(
    scratch,
    ['setresuid 65534 65534 65534', 'setfsgid 1'],
    'setfsgid: cannot set group id "1": operation not permitted',
  );
  fails(
    scratch,
    ['setresuid 65534 65534 65534', 'setfsuid 1'],
    'setfsuid: cannot set user id "1": operation not permitted',
  );
});

test('capbset and capset leave exactly what is named', { skip }, () => {
  using scratch = new Scratch();
  const capabilities = grepStatus('Cap...');
  const none = '0000000000000000';
  const sets = (inheritable: string, others: string): string =>
    `CapInh: ${inheritable}\nCapPrm: ${others}\nCapEff: ${others}\nCapBnd: 0000000000000021\nCapAmb: ${none}\n`;
  // Root gets the bounding set back by execve(2).
  const root = run(scratch, [
    'capbset CAP_CHOWN|CAP_KILL',
    'capset CAP_KILL CAP_CHOWN|CAP_KILL CAP_CHOWN',
    capabilities,
  ]);
  assert.equal(root, sets('0000000000000001', '0000000000000021'));
  const user = run(scratch, [
    'capbset CAP_CHOWN|CAP_KILL',
    'prctl PR_SET_KEEPCAPS 1',
    'setresuid 1000 1000 1000',
    'capset CAP_KILL CAP_KILL|CAP_CHOWN CAP_KILL',
    'capset 0 CAP_KILL|CAP_SYS_ADMIN CAP_KILL|CAP_SYS_ADMIN',
    capabilities,
  ]);
  assert.equal(user, sets('0000000000000020', none));
  scratch.write('f', '');
  const chown = 'capset CAP_CHOWN CAP_CHOWN|CAP_KILL 0';
  fails(
    scratch,
    [chown, `lchown ${scratch.path('f')} 1 1`, 'chroot /'],
    'chroot: cannot change root to "/": operation not permitted',
  );
  fails(scratch, ['capset 0 0 0', 'capbset 0'], 'capbset: cannot set bounding set "0": operation not permitted');
});

test('prctl sets attributes', { skip }, () => {
  using scratch = new Scratch();
  assert.equal(run(scratch, ['prctl PR_SET_NO_NEW_PRIVS 1', grepStatus('NoNewPrivs')]), 'NoNewPrivs: 1\n');
  fails(
    scratch,
    ['prctl PR_SET_NO_NEW_PRIVS 2'],
    'prctl: cannot set attribute "PR_SET_NO_NEW_PRIVS 2": invalid argument',
  );
});

/** BPF instructions as the kernel has them: code, jump if true, jump if false, operand. */
function filter(instructions: readonly (readonly [number, number, number, number])[]): Uint8Array {
  const bytes = Buffer.alloc(instructions.length * 8);
  for (const [index, [code, jt, jf, k]] of instructions.entries()) {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(jt, index * 8 + 2);
    bytes.writeUInt8(jf, index * 8 + 3);
    bytes.writeUInt32LE(k, index * 8 + 4);
  }
  return bytes;
}

const LOAD_NUMBER = [0x20, 0, 0, 0] as const;
const allow = [0x06, 0, 0, 0x7fff0000] as const;

test('seccomp installs the filter that lies beside the plan', { skip }, () => {
  using scratch = new Scratch();
  const mkdirs = process.arch === 'x64' ? [83, 258] : [34, 34];
  const deny = mkdirs.flatMap(
    (number) =>
      [
        [0x15, 0, 1, number],
        [0x06, 0, 0, 0x00050000 + 1],
      ] as const,
  );
  scratch.write('deny-mkdir', filter([LOAD_NUMBER, ...deny, allow]));
  const { stderr } = scratch.run([
    'prctl PR_SET_NO_NEW_PRIVS 1',
    'seccomp SECCOMP_FILTER_FLAG_LOG deny-mkdir',
    shell(`mkdir ${scratch.path('d')}`),
  ]);
  assert.match(stderr, /Operation not permitted/);
  assert.equal(run(scratch, ['seccomp 0 deny-mkdir', grepStatus('Seccomp')]), 'Seccomp: 2\n');
  scratch.write('wrong', filter([[0xffff, 0, 0, 0]]));
  fails(scratch, ['seccomp 0 wrong'], 'seccomp: cannot install filter "0 wrong": invalid argument');
  fails(
    scratch,
    ['setresuid 1 1 1', 'seccomp 0 deny-mkdir'],
    'seccomp: cannot install filter "0 deny-mkdir": permission denied',
  );
});

test('seccomp right before exec needs no call to be allowed but execve', { skip }, () => {
  using scratch = new Scratch();
  // Everything that stage1 does between its own calls and execve(2) would kill it.
  const forbidden = process.arch === 'x64' ? [436, 13, 14, 3] : [436, 134, 135, 57];
  const kill = [0x06, 0, 0, 0x80000000] as const;
  const rules = forbidden.flatMap((number) => [[0x15, 0, 1, number] as const, kill]);
  scratch.write('strict', filter([LOAD_NUMBER, ...rules, allow]));
  const { signal, stderr } = scratch.run(['seccomp 0 strict', 'exec /none none']);
  assert.equal(signal, null);
  assert.match(stderr, /exec: cannot execute/);
});

test('landlock restricts files, ports and scopes', { skip }, () => {
  using scratch = new Scratch();
  mkdirSync(scratch.path('yes'));
  mkdirSync(scratch.path('no'));
  const ruleset = [
    'landlock_create_ruleset 5 LANDLOCK_ACCESS_FS_MAKE_DIR LANDLOCK_ACCESS_NET_BIND_TCP LANDLOCK_SCOPE_SIGNAL',
  ];
  const rules = [
    `landlock_add_rule 5 LANDLOCK_ACCESS_FS_MAKE_DIR ${scratch.path('yes')}`,
    'landlock_add_port 5 LANDLOCK_ACCESS_NET_BIND_TCP 8080',
  ];
  const script = `cd ${scratch.directory}; mkdir yes/x; mkdir no/x 2>/dev/null || echo denied; kill -0 $PPID 2>/dev/null || echo scoped`;
  const shown = run(scratch, [...ruleset, ...rules, 'landlock_restrict_self 5', shell(script)]);
  assert.equal(shown, 'denied\nscoped\n');
  fails(
    scratch,
    ['landlock_create_ruleset 5 0 0 0'],
    'landlock_create_ruleset: cannot make ruleset "5 0 0 0": error 42',
  );
  fails(
    scratch,
    [...ruleset, 'landlock_add_rule 5 LANDLOCK_ACCESS_FS_MAKE_DIR /none'],
    'landlock_add_rule: cannot add rule "5 LANDLOCK_ACCESS_FS_MAKE_DIR /none": no such file or directory',
  );
  fails(
    scratch,
    [...ruleset, 'landlock_add_port 5 LANDLOCK_ACCESS_NET_CONNECT_TCP 80'],
    'landlock_add_port: cannot add rule "5 LANDLOCK_ACCESS_NET_CONNECT_TCP 80": invalid argument',
  );
  fails(
    scratch,
    [...ruleset, 'setresuid 1 1 1', 'landlock_restrict_self 5'],
    'landlock_restrict_self: cannot enforce ruleset "5": operation not permitted',
  );
});
