/* SPDX-License-Identifier: Apache-2.0 */
/* What a program that was taken over might try, as a library that Node loads: prints `NAME ERRNO` for each attempt. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static void tell(const char *name, long result)
{
	printf("%s %d\n", name, result < 0 ? errno : 0);
}

__attribute__((constructor)) static void attempt(void)
{
	/* A pid, a port, and a directory to spoil: nothing else may be hurt if an attempt succeeds. */
	const char *victim = getenv("TERM");
	char canary[4096];
	if (sscanf(victim, "%*d %*d %4095s", canary) != 1)
		return;
	tell("socket-inet", socket(AF_INET, SOCK_STREAM, 0));
	tell("socket-packet", socket(AF_PACKET, SOCK_RAW, 0));
	tell("socket-alg", socket(38, SOCK_SEQPACKET, 0));
	tell("socket-vsock", socket(AF_VSOCK, SOCK_STREAM, 0));
	tell("mount", mount("none", canary, "tmpfs", 0, ""));
	tell("unshare-user", unshare(CLONE_NEWUSER));
	tell("ptrace", ptrace(PTRACE_ATTACH, atoi(victim), 0, 0));
	tell("bpf", syscall(SYS_bpf, BPF_MAP_CREATE, NULL, 0));
	tell("keyctl", syscall(SYS_keyctl, 0, -3, 0));
	tell("add-key", syscall(SYS_add_key, "user", "x", "x", 1, -3));
	tell("io-uring", syscall(SYS_io_uring_setup, 1, NULL));
	tell("userfaultfd", syscall(SYS_userfaultfd, 0));
	tell("perf", syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
	tell("module", syscall(SYS_init_module, "", 0, ""));
	tell("handle", syscall(SYS_open_by_handle_at, AT_FDCWD, NULL, O_RDONLY));
	tell("mknod", mknod(strcat(canary, "/node"), S_IFCHR | 0600, makedev(1, 3)));
	tell("chown", chown(canary, 1, 1));
	tell("setuid", setuid(12345));
	/* Without its magic numbers it does nothing. */
	tell("reboot", syscall(SYS_reboot, 0, 0, 0, 0));
	fflush(stdout);
}
