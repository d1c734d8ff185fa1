// SPDX-License-Identifier: Apache-2.0

/** Names of rkt, appc and systemd for whole sets of system calls that all mean our default filter. */
const DEFAULT_SETS: ReadonlySet<string> = new Set([
  '@appc.io/empty',
  '@rkt/default-whitelist',
  '@docker/default-whitelist',
  '@rkt/default-blacklist',
  '@docker/default-blacklist',
  '@systemd/default-whitelist',
]);

const CLOCK = 'adjtimex clock_adjtime clock_settime settimeofday stime';
const RAW_IO = 'ioperm iopl pciconfig_iobase pciconfig_read pciconfig_write';

/** The sets of systemd.exec(5), "SystemCallFilter", that rkt had. */
const SYSTEMD: Readonly<Record<string, string>> = {
  clock: CLOCK,
  mount: 'chroot fsconfig fsmount fsopen fspick mount mount_setattr move_mount open_tree pivot_root umount umount2',
  'network-io':
    'accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmsg send sendmmsg ' +
    'sendmsg sendto setsockopt shutdown socket socketcall socketpair',
  obsolete:
    '_sysctl afs_syscall bdflush break create_module ftime get_kernel_syms getpmsg gtty idle lock mpx prof profil putpmsg ' +
    'query_module security sgetmask ssetmask stime stty sysfs tuxcall ulimit uselib ustat vserver',
  privileged:
    `${CLOCK} ${RAW_IO} chown chown32 fchown fchown32 fchownat lchown lchown32 delete_module finit_module init_module ` +
    'kexec_file_load kexec_load reboot swapoff swapon _sysctl acct bpf capset chroot fanotify_init fanotify_mark ' +
    'nfsservctl open_by_handle_at pivot_root quotactl quotactl_fd setdomainname setfsuid setfsuid32 setgroups setgroups32 ' +
    'sethostname setresuid setresuid32 setreuid setreuid32 setuid setuid32 vhangup',
  process:
    'arch_prctl capget clone clone3 execveat fork getrusage kill pidfd_open pidfd_send_signal prctl rt_sigqueueinfo ' +
    'rt_tgsigqueueinfo setns swapcontext tgkill times tkill unshare vfork wait4 waitid waitpid',
  'raw-io': RAW_IO,
};

/** True for a name of the default filter. */
export function isDefaultSet(name: string): boolean {
  return DEFAULT_SETS.has(name);
}

/** The system calls of a named set; undefined if there is no such set, or if it is one of those that mean a whole filter. */
export function callsOfSet(name: string): readonly string[] | undefined {
  const [, known = ''] = /^@systemd\/(.*)$/.exec(name) ?? [];
  return Object.hasOwn(SYSTEMD, known) ? SYSTEMD[known]?.split(' ') : undefined;
}
