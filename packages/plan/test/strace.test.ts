// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkPlan, parsePlan, printPlan } from '../src/index.ts';

const STAGE1 = join(import.meta.dirname, '../../stage1/build/stage1');
const skip = !existsSync(STAGE1)
  ? 'stage1 is not built'
  : spawnSync('strace', ['-V']).error !== undefined
    ? 'strace is not installed'
    : process.getuid?.() === 0
      ? false
      : 'needs root, to make namespaces and mounts';

/**
 * Lines of a plan, and the calls that each must make, in order; `*` is anything.
 *
 * A call that strace 6.1 does not know by name appears as its number.
 */
type Step = readonly [line: string, ...calls: string[]];

const STEPS: readonly Step[] = [
  ['umask 0022', 'umask(022)'],
  [
    'unshare CLONE_NEWNS|CLONE_NEWUTS|CLONE_NEWIPC|CLONE_NEWNET',
    'unshare(CLONE_NEWNS|CLONE_NEWUTS|CLONE_NEWIPC|CLONE_NEWNET)',
  ],
  ['mount "" / "" MS_REC|MS_PRIVATE ""', 'mount(NULL, "/", NULL, MS_REC|MS_PRIVATE, NULL)'],
  [
    'mount tmpfs /mnt tmpfs MS_NOSUID|MS_NODEV size=1m,mode=0755',
    'mount("tmpfs", "/mnt", "tmpfs", MS_NOSUID|MS_NODEV, "size=1m,mode=0755")',
  ],
  ['mkdir /mnt/a 0751', 'mkdirat(AT_FDCWD, "/mnt/a", 0751)'],
  ['creat /mnt/a/file 0640', 'openat(AT_FDCWD, "/mnt/a/file", *O_CREAT|O_EXCL*)', 'fchmod(*, 0640)'],
  [
    String.raw`write /mnt/a/file hello\040world\012`,
    'openat(AT_FDCWD, "/mnt/a/file", O_WRONLY*)',
    String.raw`write(*, "hello world\n", 12)`,
  ],
  [
    'copy_xattrs /mnt/a /mnt/a/file',
    'openat(AT_FDCWD, "/mnt/a", *)',
    'openat(AT_FDCWD, "/mnt/a/file", *)',
    'flistxattr(*)',
  ],
  ['symlink file /mnt/a/link', 'symlinkat("file", AT_FDCWD, "/mnt/a/link")'],
  ['chmod /mnt/a/file 0600', '*(*0x180*)'],
  ['lchown /mnt/a/link 12 34', 'fchownat(AT_FDCWD, "/mnt/a/link", 12, 34, AT_SYMLINK_NOFOLLOW)'],
  ['mknod /mnt/a/null S_IFCHR 0666 1 3', 'mknodat(AT_FDCWD, "/mnt/a/null", S_IFCHR|0666, makedev(0x1, 0x3))'],
  [
    'renameat2 /mnt/a/file /mnt/a/renamed RENAME_NOREPLACE',
    'renameat2(AT_FDCWD, "/mnt/a/file", AT_FDCWD, "/mnt/a/renamed", RENAME_NOREPLACE)',
  ],
  [
    'open 5 /mnt/a/renamed O_RDWR|O_CLOEXEC 0000',
    'openat(AT_FDCWD, "/mnt/a/renamed", O_RDWR|O_CLOEXEC)',
    'dup3(*, 5, O_CLOEXEC)',
  ],
  ['fsync 5', 'fsync(5)'],
  ['flock 5 LOCK_EX|LOCK_NB', 'flock(5, LOCK_EX|LOCK_NB)'],
  ['dup3 5 6 O_CLOEXEC', 'dup3(5, 6, O_CLOEXEC)'],
  ['close 5', 'close(5)'],
  [
    'open 7 /mnt O_PATH|O_DIRECTORY|O_CLOEXEC 0000',
    'openat(AT_FDCWD, "/mnt", *O_PATH|O_DIRECTORY)',
    'dup3(*, 7, O_CLOEXEC)',
  ],
  [
    'openat2 8 7 a O_PATH|O_DIRECTORY|O_CLOEXEC RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS',
    'openat2(7, "a", {flags=*O_PATH|O_DIRECTORY, resolve=RESOLVE_NO_SYMLINKS|RESOLVE_BENEATH}, *)',
    'dup3(*, 8, O_CLOEXEC)',
  ],
  [
    'target 9 7 x/y S_IFDIR',
    'mkdirat(*, "x", 0755)',
    'mkdirat(*, "y", 0755)',
    'openat2(7, "x/y", {*O_PATH, resolve=RESOLVE_NO_MAGICLINKS|RESOLVE_IN_ROOT}, *)',
    'dup3(*, 9, O_CLOEXEC)',
  ],
  ['close_range 9 10 0', 'close_range(9, 10, 0)'],
  [
    'socketpair 11 12',
    'socketpair(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC, 0, *)',
    'dup3(*, 11, O_CLOEXEC)',
    'dup3(*, 12, O_CLOEXEC)',
  ],
  ['unlink /mnt/a/link', 'unlinkat(AT_FDCWD, "/mnt/a/link", 0)'],
  ['mkdir /mnt/b 0700', 'mkdirat(AT_FDCWD, "/mnt/b", 0700)'],
  ['rmdir /mnt/b', 'unlinkat(AT_FDCWD, "/mnt/b", AT_REMOVEDIR)'],
  ['mkdir /mnt/c 0700', 'mkdirat(AT_FDCWD, "/mnt/c", 0700)'],
  ['mount /mnt/a /mnt/c "" MS_BIND ""', 'mount("/mnt/a", "/mnt/c", NULL, MS_BIND, NULL)'],
  [
    'open_tree 13 AT_FDCWD /mnt/a OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC',
    'open_tree(AT_FDCWD, "/mnt/a", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC)',
    'dup3(*, 13, O_CLOEXEC)',
  ],
  [
    'mount_setattr 13 0 MOUNT_ATTR_RDONLY|MOUNT_ATTR_NOSUID 0 MS_PRIVATE -',
    'mount_setattr(13, "", AT_EMPTY_PATH, {attr_set=MOUNT_ATTR_RDONLY|MOUNT_ATTR_NOSUID, attr_clr=0, propagation=MS_PRIVATE, *}, *)',
  ],
  ['move_mount 13 AT_FDCWD /mnt/c', 'move_mount(13, "", AT_FDCWD, "/mnt/c", MOVE_MOUNT_F_EMPTY_PATH)'],
  ['fsopen 14 tmpfs', 'fsopen("tmpfs", FSOPEN_CLOEXEC)', 'dup3(*, 14, O_CLOEXEC)'],
  ['fsconfig 14 FSCONFIG_SET_STRING size 1m', 'fsconfig(14, FSCONFIG_SET_STRING, "size", "1m", 0)'],
  ['fsconfig 14 FSCONFIG_CMD_CREATE "" ""', 'fsconfig(14, FSCONFIG_CMD_CREATE, NULL, NULL, 0)'],
  [
    'fsmount 15 14 FSMOUNT_CLOEXEC MOUNT_ATTR_NODEV',
    'fsmount(14, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV)',
    'dup3(*, 15, O_CLOEXEC)',
  ],
  ['umount2 /mnt/c MNT_DETACH', 'umount2("/mnt/c", MNT_DETACH)'],
  ['chdir /mnt', 'chdir("/mnt")'],
  ['fchdir 7', 'fchdir(7)'],
  ['chroot /', 'chroot("/")'],
  ['sethostname some-host', 'sethostname("some-host", 9)'],
  ['setdomainname some.domain', 'setdomainname("some.domain", 11)'],
  ['ioctl lo IFF_UP', 'socket(*)', 'ioctl(*, SIOCSIFFLAGS, {ifr_name="lo", ifr_flags=IFF_UP|IFF_LOOPBACK})'],
  [
    'namespaces CLONE_NEWUSER|CLONE_NEWUTS 20 0:100000:10 0:200000:10',
    'pipe2([*], O_CLOEXEC)',
    'clone3({flags=CLONE_NEWUTS|CLONE_NEWUSER, *}, *)',
    'openat(AT_FDCWD, "/proc/*/uid_map", *)',
    String.raw`write(*, "0 100000 10\n", 12)`,
    'openat(AT_FDCWD, "/proc/*/gid_map", *)',
    String.raw`write(*, "0 200000 10\n", 12)`,
    'openat(AT_FDCWD, "/proc/*/ns/user", *)',
    'dup3(*, 20, O_CLOEXEC)',
    'openat(AT_FDCWD, "/proc/*/ns/uts", *)',
    'dup3(*, 21, O_CLOEXEC)',
    'kill(*, SIGKILL)',
  ],
  ['setns 21 CLONE_NEWUTS', 'setns(21, CLONE_NEWUTS)'],
  ['pidfd_open 25 1 1', 'pidfd_open(1, 0)', 'openat(AT_FDCWD, "/proc/self/fdinfo/*", *)', 'dup3(*, 25, O_CLOEXEC)'],
  ['setrlimit RLIMIT_CORE 0 0', 'prlimit64(0, RLIMIT_CORE, {rlim_cur=0, rlim_max=0}, NULL)'],
  ['keyctl KEYCTL_JOIN_SESSION_KEYRING ""', 'keyctl(KEYCTL_JOIN_SESSION_KEYRING, NULL)'],
  ['setsid', 'setsid()'],
  ['setenv A b'],
  ['run /bin/true true', 'clone3({flags=0, *}, *)'],
  [
    'landlock_create_ruleset 30 LANDLOCK_ACCESS_FS_MAKE_SOCK 0 0',
    'landlock_create_ruleset({handled_access_fs=LANDLOCK_ACCESS_FS_MAKE_SOCK*}, *)',
    'dup3(*, 30, O_CLOEXEC)',
  ],
  [
    'landlock_add_rule 30 LANDLOCK_ACCESS_FS_MAKE_SOCK /tmp',
    'openat(AT_FDCWD, "/tmp", *O_PATH)',
    'landlock_add_rule(30, LANDLOCK_RULE_PATH_BENEATH, {allowed_access=LANDLOCK_ACCESS_FS_MAKE_SOCK, *}, 0)',
  ],
  ['prctl PR_SET_NO_NEW_PRIVS 1', 'prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)'],
  ['landlock_restrict_self 30', 'landlock_restrict_self(30, 0)'],
  [
    'capbset CAP_SETUID|CAP_SETGID|CAP_KILL|CAP_SETPCAP',
    'prctl(PR_CAPBSET_DROP, CAP_CHOWN)',
    'prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN)',
    'prctl(PR_CAPBSET_DROP, CAP_CHECKPOINT_RESTORE)',
  ],
  ['setgroups 5 6', 'setgroups(2, [5, 6])'],
  ['setfsgid 3', 'setfsgid(3)'],
  ['setfsuid 4', 'setfsuid(4)'],
  ['setresgid 1 1 1', 'setresgid(1, 1, 1)'],
  ['setresuid 0 0 0', 'setresuid(0, 0, 0)'],
  [
    'capset CAP_SETUID|CAP_KILL CAP_SETUID|CAP_KILL 0',
    'capset({*}, {effective=1<<CAP_KILL|1<<CAP_SETUID, permitted=1<<CAP_KILL|1<<CAP_SETUID, inheritable=0})',
  ],
  ['seccomp 0 filter', 'seccomp(SECCOMP_SET_MODE_FILTER, 0, {len=1, *})'],
  ['exec echo echo done', 'execve("/bin/echo", ["echo", "done"], *)'],
];

/** The same in a user namespace, in which most other lines would fail. */
const USER_STEPS: readonly Step[] = [
  ['umask 0022', 'umask(022)'],
  [
    'unshare_user 0:0:1 0:0:1',
    'prctl(PR_SET_DUMPABLE, *)',
    'unshare(CLONE_NEWUSER)',
    'openat(AT_FDCWD, "/proc/*/uid_map", *)',
    String.raw`write(*, "0 0 1\n", 6)`,
    'openat(AT_FDCWD, "/proc/*/setgroups", *)',
    'write(*, "deny", 4)',
    'openat(AT_FDCWD, "/proc/*/gid_map", *)',
    String.raw`write(*, "0 0 1\n", 6)`,
    'openat(AT_FDCWD, "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", *)',
  ],
  ['exec echo echo done', 'execve("/bin/echo", ["echo", "done"], *)'],
];

/** Calls that change nothing but numbers of descriptors, or only ask; an operation may make them besides its own. */
const HARMLESS = [
  'umask(*)',
  'statx(*)',
  'close(*)',
  'dup3(*)',
  'fcntl(*)',
  'getcwd(*)',
  'geteuid()',
  'getegid()',
  'getpid()',
  'capget(*)',
  'wait4(*)',
  'read(*)',
  'rt_sigprocmask(*)',
  'close_range(*CLOSE_RANGE_CLOEXEC)',
  'openat2(*)',
  'ioctl(*, SIOCGIFFLAGS, *)',
  'prctl(PR_CAPBSET_READ, *)',
  'prctl(PR_CAPBSET_DROP, *)',
  'prctl(PR_GET_SECUREBITS*)',
  'prctl(PR_SET_SECUREBITS, *)',
  'setfsuid(-1)',
  'setfsgid(-1)',
  'prctl(PR_SET_PDEATHSIG, *)',
  'prctl(PR_CAP_AMBIENT*)',
].map(pattern);

function pattern(text: string): RegExp {
  const parts = text.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(`^${parts.join('.*')}$`, 's');
}

/** The calls of the first process of a log, from behind the reading of the plan to its last execve. */
function callsOf(log: string): string[] {
  const lines = log.split('\n');
  const pid = lines[0]?.split(' ')[0] ?? '';
  const calls: string[] = [];
  for (const line of lines) {
    const own = line.startsWith(`${pid} `) ? line.slice(pid.length).trim() : '';
    const resumed = /^<\.\.\. \w+ resumed>(.*?)\)? += /.exec(own);
    const whole = /^(\w+\(.*\)) += [^=]*$/.exec(own)?.[1];
    const begun = /^(\w+\(.*?) *<unfinished \.\.\.>$/.exec(own)?.[1];
    if (whole !== undefined) calls.push(whole);
    else if (begun !== undefined) calls.push(begun);
    else if (resumed !== null) calls.push(`${calls.pop() ?? ''}${resumed[1] ?? ''})`);
  }
  const first = calls.findIndex((call) => call === 'umask(022)');
  return calls.slice(first, calls.findLastIndex((call) => call.startsWith('execve("/bin/echo"')) + 1);
}

/** Takes calls away up to the one that the line must lead to. */
function expectCall(calls: string[], line: string, want: RegExp): void {
  for (;;) {
    const call = calls.shift();
    assert.ok(call !== undefined, `"${line}" does not lead to ${String(want)}`);
    if (want.test(call)) return;
    assert.ok(
      HARMLESS.some((each) => each.test(call)),
      `"${line}" leads to ${call}, and not to ${String(want)}`,
    );
  }
}

/** Executes the lines under strace and compares. */
function compare(steps: readonly Step[]): void {
  const directory = mkdtempSync(join(tmpdir(), 'rkt-plan-'));
  try {
    const lines = steps.map(([line]) => line);
    const plan = parsePlan(`setenv PATH /bin\n${lines.join('\n')}\n`, 'plan');
    checkPlan(plan, 'plan');
    writeFileSync(join(directory, 'plan'), printPlan(plan), { mode: 0o600 });
    writeFileSync(join(directory, 'filter'), Buffer.from([6, 0, 0, 0, 0, 0, 0xff, 0x7f]), { mode: 0o600 });
    const log = join(directory, 'log');
    const { status, stdout, stderr } = spawnSync(
      'strace',
      ['-f', '-s', '4096', '-o', log, STAGE1, join(directory, 'plan')],
      { encoding: 'utf8' },
    );
    assert.deepEqual([status, stdout, stderr], [0, 'done\n', '']);
    const calls = callsOf(readFileSync(log, 'utf8'));
    for (const [line, ...wanted] of steps) for (const want of wanted) expectCall(calls, line, pattern(want));
    assert.deepEqual(calls, []);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test('stage1 makes the system calls that the plan says, in its order, and no others', { skip }, () => {
  compare(STEPS);
});

test('stage1 makes the system calls of a user namespace of its own, and no others', { skip }, () => {
  compare(USER_STEPS);
});
