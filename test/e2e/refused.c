// SPDX-License-Identifier: Apache-2.0
// Tries every way out of the default sandbox that is a system call, and prints the names of those that are not refused.
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the kernel does not look at in the register of a 32-bit argument. */
#define GARBAGE (1L << 32)

struct attempt {
	const char *name;
	long number;
	long arguments[6];
};

static const struct attempt attempts[] = {
	{"unshare user", SYS_unshare, {CLONE_NEWUSER}},
	{"unshare mount", SYS_unshare, {CLONE_NEWNS}},
	{"unshare garbage", SYS_unshare, {CLONE_NEWUSER | GARBAGE}},
	{"setns", SYS_setns, {0, 0}},
	{"clone3", SYS_clone3, {0, 0}},
	{"mount", SYS_mount, {(long)"none", (long)"/", (long)"tmpfs"}},
	{"umount2", SYS_umount2, {(long)"/proc", 2}},
	{"pivot_root", SYS_pivot_root, {(long)"/", (long)"/"}},
	{"fsopen", 430, {(long)"tmpfs"}},
	{"open_tree", 428, {-100, (long)"/", 1}},
	{"move_mount", 429, {-1, (long)"", -1, (long)""}},
	{"mount_setattr", 442, {-1, (long)""}},
	{"io_uring_setup", 425, {1, 0}},
	{"userfaultfd", SYS_userfaultfd, {1}},
	{"bpf", SYS_bpf, {0, 0, 0}},
	{"perf_event_open", SYS_perf_event_open, {0, 0, -1, -1}},
	{"keyctl", SYS_keyctl, {0, -3, 0}},
	{"add_key", SYS_add_key, {(long)"user", (long)"x", (long)"y", 1, -3}},
	{"request_key", SYS_request_key, {(long)"user", (long)"x", 0, -3}},
	{"ptrace", SYS_ptrace, {16, 999999, 0, 0}},
	{"process_vm_readv", SYS_process_vm_readv, {1, 0, 0, 0, 0, 0}},
	{"process_vm_writev", SYS_process_vm_writev, {1, 0, 0, 0, 0, 0}},
	{"open_by_handle_at", SYS_open_by_handle_at, {-100, 0, 0}},
	{"kexec_load", SYS_kexec_load, {0, 0, 0, 0}},
	{"init_module", SYS_init_module, {0, 0, 0}},
	{"finit_module", SYS_finit_module, {-1, 0, 0}},
	{"delete_module", SYS_delete_module, {0, 0}},
	{"swapon", SYS_swapon, {(long)"/", 0}},
	{"reboot", SYS_reboot, {0, 0, 0, 0}},
	{"acct", SYS_acct, {0}},
	{"sethostname", SYS_sethostname, {(long)"x", 1}},
	{"syslog", SYS_syslog, {2, 0, 0}},
	{"vmsplice", SYS_vmsplice, {0, 0, 0, 0}},
	{"personality no-randomize", SYS_personality, {0x0040000}},
	{"personality garbage", SYS_personality, {0x0040000 | GARBAGE}},
	{"socket alg", SYS_socket, {38, SOCK_SEQPACKET}},
	{"socket alg garbage", SYS_socket, {38 | GARBAGE, SOCK_SEQPACKET}},
	{"socket key", SYS_socket, {15, SOCK_RAW, 2}},
	{"socket packet", SYS_socket, {17, SOCK_RAW, 0}},
	{"socket vsock", SYS_socket, {40, SOCK_STREAM}},
	{"socket rxrpc", SYS_socket, {33, SOCK_DGRAM}},
	{"socket xdp", SYS_socket, {44, SOCK_RAW}},
	{"socket tipc", SYS_socket, {30, SOCK_STREAM}},
	{"socket xfrm", SYS_socket, {16, SOCK_RAW, 6}},
	{"socket netfilter", SYS_socket, {16, SOCK_RAW, 12}},
	{"socket netfilter garbage", SYS_socket, {16 | GARBAGE, SOCK_RAW, 12 | GARBAGE}},
	{"socket audit", SYS_socket, {16, SOCK_RAW, 9}},
	{"socket raw", SYS_socket, {2, SOCK_RAW, 1}},
	{"socketpair tipc", SYS_socketpair, {30, SOCK_SEQPACKET, 0, 0}},
	{"ioctl TIOCSTI", SYS_ioctl, {0, 0x5412, (long)"x"}},
	{"ioctl TIOCSTI garbage", SYS_ioctl, {0, 0x5412 | GARBAGE, (long)"x"}},
	{"ioctl TIOCLINUX", SYS_ioctl, {0, 0x541c, (long)"x"}},
	{"no such call", 100000, {0}},
#ifdef __x86_64__
	{"modify_ldt", SYS_modify_ldt, {0, 0, 0}},
	{"iopl", SYS_iopl, {3}},
	{"ioperm", SYS_ioperm, {0, 1, 1}},
	{"x32", 0x40000000 | SYS_getpid, {0}},
#endif
};

/* What filter and kernel answer for what nobody may do. */
static int is_refused(long result)
{
	return result < 0 && (errno == EPERM || errno == ENOSYS || errno == EAFNOSUPPORT ||
			      errno == EPROTONOSUPPORT);
}

static int wait_for(pid_t child)
{
	int status = 0;
	return waitpid(child, &status, 0) == child ? status : -1;
}

static void try_clone(const char *name, long flags)
{
	long child = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
	if (child == 0)
		_exit(0);
	if (!is_refused(child))
		puts(name);
	if (child > 0)
		wait_for((pid_t)child);
}

#ifdef __x86_64__
/* A program of 32 bits has other numbers, and a multiplexer for sockets. */
static void try_other_machine(void)
{
	pid_t child = fork();
	if (child == 0) {
		int result = 20; /* getpid */
		__asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
		_exit(0);
	}
	if (WIFEXITED(wait_for(child)))
		puts("int 0x80");
}
#endif

int main(void)
{
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		const long *a = attempts[i].arguments;
		errno = 0;
		if (!is_refused(syscall(attempts[i].number, a[0], a[1], a[2], a[3], a[4], a[5])))
			puts(attempts[i].name);
	}
	try_clone("clone user", CLONE_NEWUSER);
	try_clone("clone user garbage", CLONE_NEWUSER | GARBAGE);
	try_clone("clone mount", CLONE_NEWNS);
#ifdef __x86_64__
	try_other_machine();
#endif
	puts("done");
	return 0;
}
