/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a program and lets one system call of it, or of a process that it makes, meet a fault.
 *
 *	inject [-n NUMBER] [-e ERRNO | -a] [-c NAME] [-p PREFIX]... [-x CALL]... [-w] [-d] [-o FILE] PROGRAM [ARG]...
 *
 * Calls that can change or look at the world are numbered from 1 in the order in which they happen, over all processes.
 * The one with the NUMBER is not made: its process is killed (with -a every process), or gets the error ERRNO.
 * -c counts only processes that execute a program of that NAME, as /proc/PID/comm has it; with -d one that executes another
 * program is left alone from then on.
 * -p counts only calls that name something at or below a PREFIX, or use a descriptor of it.
 * -x does not count system calls of that number.
 * -w counts only calls that change something.
 * FILE gets a line for the one call, or for each counted call if there is no NUMBER: its number, the process, the number of
 * the system call, and the path if there is one.
 *
 * Ends as the program does: with its status, or 128 and the signal.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_PROCESSES 64
#define MAX_PREFIXES 8
#define MAX_EXCEPTIONS 16

/* Where a call has a path, or the descriptor that it uses; -1: it has none. `changes`: 1 always, 2 if it opens to write. */
struct call {
	int number;
	int path;
	int second_path;
	int descriptor;
	int changes;
};

static const struct call calls[] = {
	{SYS_openat, 1, -1, -1, 2},	  {SYS_openat2, 1, -1, 0, 0},
	{SYS_mkdirat, 1, -1, -1, 1},	  {SYS_mknodat, 1, -1, -1, 1},
	{SYS_unlinkat, 1, -1, -1, 1},	  {SYS_symlinkat, 2, -1, -1, 1},
	{SYS_linkat, 1, 3, -1, 1},	  {SYS_renameat2, 1, 3, -1, 1},
	{SYS_fchmodat, 1, -1, -1, 1},	  {SYS_fchownat, 1, -1, -1, 1},
	{SYS_utimensat, 1, -1, 0, 1},	  {SYS_faccessat, 1, -1, -1, 0},
	{SYS_newfstatat, 1, -1, -1, 0},	  {SYS_statx, 1, -1, 0, 0},
	{SYS_readlinkat, 1, -1, -1, 0},	  {SYS_chdir, 0, -1, -1, 0},
	{SYS_chroot, 0, -1, -1, 1},	  {SYS_statfs, 0, -1, -1, 0},
	{SYS_truncate, 0, -1, -1, 1},	  {SYS_read, -1, -1, 0, 0},
	{SYS_pread64, -1, -1, 0, 0},	  {SYS_write, -1, -1, 0, 1},
	{SYS_pwrite64, -1, -1, 0, 1},	  {SYS_getdents64, -1, -1, 0, 0},
	{SYS_fsync, -1, -1, 0, 1},	  {SYS_fdatasync, -1, -1, 0, 1},
	{SYS_ftruncate, -1, -1, 0, 1},	  {SYS_fallocate, -1, -1, 0, 1},
	{SYS_fchmod, -1, -1, 0, 1},	  {SYS_fchown, -1, -1, 0, 1},
	{SYS_fstat, -1, -1, 0, 0},	  {SYS_flock, -1, -1, 0, 1},
	{SYS_fchdir, -1, -1, 0, 0},	  {SYS_mount, 1, 0, -1, 1},
	{SYS_umount2, 0, -1, -1, 1},	  {SYS_pivot_root, 0, -1, -1, 1},
	{SYS_setxattr, 0, -1, -1, 1},	  {SYS_lsetxattr, 0, -1, -1, 1},
	{SYS_open_tree, 1, -1, 0, 1},	  {SYS_move_mount, 3, -1, 0, 1},
	{SYS_mount_setattr, -1, -1, 0, 1}, {SYS_fsopen, -1, -1, -1, 1},
	{SYS_fsconfig, -1, -1, 0, 1},	  {SYS_fsmount, -1, -1, 0, 1},
	{SYS_execve, 0, -1, -1, 1},	  {SYS_execveat, 1, -1, 0, 1},
	{SYS_clone, -1, -1, -1, 1},	  {SYS_clone3, -1, -1, -1, 1},
	{SYS_unshare, -1, -1, -1, 1},	  {SYS_setns, -1, -1, 0, 1},
	{SYS_pipe2, -1, -1, -1, 0},	  {SYS_dup3, -1, -1, 0, 0},
	{SYS_fcntl, -1, -1, 0, 0},	  {SYS_close, -1, -1, 0, 0},
	{SYS_socket, -1, -1, -1, 0},	  {SYS_socketpair, -1, -1, -1, 0},
	{SYS_sendmsg, -1, -1, 0, 1},	  {SYS_recvmsg, -1, -1, 0, 0},
	{SYS_ioctl, -1, -1, 0, 1},	  {SYS_kill, -1, -1, -1, 1},
	{SYS_pidfd_open, -1, -1, -1, 0},  {SYS_pidfd_send_signal, -1, -1, -1, 1},
	{SYS_wait4, -1, -1, -1, 0},	  {SYS_ppoll, -1, -1, -1, 0},
	{SYS_prctl, -1, -1, -1, 1},	  {SYS_capset, -1, -1, -1, 1},
	{SYS_setgroups, -1, -1, -1, 1},	  {SYS_setresuid, -1, -1, -1, 1},
	{SYS_setresgid, -1, -1, -1, 1},	  {SYS_setsid, -1, -1, -1, 1},
	{SYS_prlimit64, -1, -1, -1, 1},	  {SYS_keyctl, -1, -1, -1, 1},
	{SYS_seccomp, -1, -1, -1, 1},	  {SYS_sethostname, -1, -1, -1, 1},
	{SYS_signalfd4, -1, -1, -1, 0},	  {SYS_rt_sigprocmask, -1, -1, -1, 0},
	{SYS_exit_group, -1, -1, -1, 1},  {SYS_landlock_create_ruleset, -1, -1, -1, 1},
	{SYS_getcwd, -1, -1, -1, 0},
#ifdef __x86_64__
	{SYS_open, 0, -1, -1, 2},	  {SYS_creat, 0, -1, -1, 1},
	{SYS_mkdir, 0, -1, -1, 1},	  {SYS_rmdir, 0, -1, -1, 1},
	{SYS_unlink, 0, -1, -1, 1},	  {SYS_rename, 0, 1, -1, 1},
	{SYS_renameat, 1, 3, -1, 1},	  {SYS_symlink, 1, -1, -1, 1},
	{SYS_link, 0, 1, -1, 1},	  {SYS_chmod, 0, -1, -1, 1},
	{SYS_chown, 0, -1, -1, 1},	  {SYS_lchown, 0, -1, -1, 1},
	{SYS_stat, 0, -1, -1, 0},	  {SYS_lstat, 0, -1, -1, 0},
	{SYS_access, 0, -1, -1, 0},	  {SYS_readlink, 0, -1, -1, 0},
	{SYS_dup2, -1, -1, 0, 0},	  {SYS_fork, -1, -1, -1, 1},
	{SYS_vfork, -1, -1, -1, 1},
#endif
};

struct process {
	int pid;
	bool is_failing; /* the call that it is in is going to return the error */
};

static struct {
	long number;
	int error;
	bool kills_all;
	bool changes_only;
	bool detaches;
	const char *name;
	const char *prefixes[MAX_PREFIXES];
	int prefix_count;
	int exceptions[MAX_EXCEPTIONS];
	int exception_count;
	FILE *report;
	long count;
	bool is_done;
	struct process processes[MAX_PROCESSES];
} state;

_Noreturn static void die(const char *what)
{
	fprintf(stderr, "inject: cannot %s: %s\n", what, strerror(errno));
	exit(99);
}

static struct process *process_of(int pid)
{
	struct process *empty = NULL;
	for (int i = 0; i < MAX_PROCESSES; i++) {
		if (state.processes[i].pid == pid)
			return &state.processes[i];
		if (empty == NULL && state.processes[i].pid == 0)
			empty = &state.processes[i];
	}
	if (empty == NULL) {
		errno = ENOMEM;
		die("follow so many processes");
	}
	*empty = (struct process){.pid = pid};
	return empty;
}

static const struct call *call_of(int number)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i].number == number)
			return &calls[i];
	return NULL;
}

static bool has_name(int pid)
{
	char path[64];
	char name[64] = "";
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	FILE *file = fopen(path, "r");
	if (file == NULL)
		return false;
	if (fgets(name, sizeof(name), file) != NULL)
		name[strcspn(name, "\n")] = '\0';
	fclose(file);
	return strcmp(name, state.name) == 0;
}

/* Page by page, since the string may end right before memory that is not there. */
static void read_string(int pid, uint64_t address, char *text, size_t size)
{
	size_t length = 0;
	while (address != 0 && length < size - 1) {
		size_t part = 4096 - (address + length) % 4096;
		if (part > size - 1 - length)
			part = size - 1 - length;
		struct iovec to = {text + length, part};
		struct iovec from = {(void *)(uintptr_t)(address + length), part};
		ssize_t count = process_vm_readv(pid, &to, 1, &from, 1, 0);
		if (count <= 0)
			break;
		char *end = memchr(text + length, '\0', (size_t)count);
		if (end != NULL)
			return;
		length += (size_t)count;
	}
	text[length] = '\0';
}

static void follow_link(const char *link, char *text, size_t size)
{
	ssize_t length = readlink(link, text, size - 1);
	text[length < 0 ? 0 : length] = '\0';
}

static void read_descriptor(int pid, int fd, char *text, size_t size)
{
	char link[64];
	snprintf(link, sizeof(link), "/proc/%d/fd/%d", pid, fd);
	follow_link(link, text, size);
}

/* An absolute path, also of what is named through /proc/self/fd or relative to the working directory. */
static void read_path(int pid, uint64_t address, char *text, size_t size)
{
	char given[PATH_MAX];
	char directory[PATH_MAX] = "";
	int fd;
	int used = 0;
	const char *rest = given;
	read_string(pid, address, given, sizeof(given));
	if (sscanf(given, "/proc/self/fd/%d%n", &fd, &used) == 1) {
		read_descriptor(pid, fd, directory, sizeof(directory));
		rest = given + used;
	} else if (given[0] != '/' && given[0] != '\0') {
		char link[64];
		snprintf(link, sizeof(link), "/proc/%d/cwd", pid);
		follow_link(link, directory, sizeof(directory));
		strncat(directory, "/", sizeof(directory) - strlen(directory) - 1);
	}
	snprintf(text, size, "%s", directory);
	strncat(text, rest, size - strlen(text) - 1);
}

static bool is_wanted(const char *path)
{
	for (int i = 0; i < state.prefix_count; i++) {
		size_t length = strlen(state.prefixes[i]);
		if (strncmp(path, state.prefixes[i], length) == 0 &&
		    (path[length] == '\0' || path[length] == '/' || path[length - 1] == '/'))
			return true;
	}
	return false;
}

static bool opens_to_write(const struct call *call, const uint64_t *arguments)
{
	uint64_t flags = arguments[call->path + 1];
	return (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) != 0;
}

/* Whether the call counts; its path, if it has one, is left in the text. */
static bool is_counted(int pid, const struct __ptrace_syscall_info *info, char *path, size_t size)
{
	const struct call *call = call_of((int)info->entry.nr);
	const uint64_t *arguments = (const uint64_t *)info->entry.args;
	path[0] = '\0';
	for (int i = 0; i < state.exception_count; i++)
		if (state.exceptions[i] == (int)info->entry.nr)
			return false;
	if (call == NULL || (state.name != NULL && !has_name(pid)))
		return false;
	if (state.changes_only &&
	    (call->changes == 0 || (call->changes == 2 && !opens_to_write(call, arguments))))
		return false;
	if (call->second_path >= 0)
		read_path(pid, arguments[call->second_path], path, size);
	if (is_wanted(path))
		return true;
	if (call->path >= 0)
		read_path(pid, arguments[call->path], path, size);
	if (path[0] == '\0' && call->descriptor >= 0)
		read_descriptor(pid, (int)arguments[call->descriptor], path, size);
	return state.prefix_count == 0 || is_wanted(path);
}

static void skip_call(int pid)
{
#if defined(__x86_64__)
	if (ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, orig_rax), -1L) < 0)
		die("skip a call");
#else
	int none = -1;
	struct iovec call = {&none, sizeof(none)};
	if (ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &call) < 0)
		die("skip a call");
#endif
}

static void return_error(int pid)
{
#if defined(__x86_64__)
	if (ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, rax),
		   (long)-state.error) < 0)
		die("return an error");
#else
	struct user_regs_struct registers;
	struct iovec all = {&registers, sizeof(registers)};
	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &all) < 0)
		die("read registers");
	registers.regs[0] = (uint64_t)-state.error;
	if (ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &all) < 0)
		die("return an error");
#endif
}

static void inject(int pid)
{
	state.is_done = true;
	if (state.error != 0) {
		skip_call(pid);
		process_of(pid)->is_failing = true;
		return;
	}
	for (int i = 0; state.kills_all && i < MAX_PROCESSES; i++)
		if (state.processes[i].pid != 0)
			kill(state.processes[i].pid, SIGKILL);
	kill(pid, SIGKILL);
}

static void see_call(int pid)
{
	struct __ptrace_syscall_info info;
	char path[2 * PATH_MAX];
	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0)
		return;
	struct process *process = process_of(pid);
	if (info.op == PTRACE_SYSCALL_INFO_EXIT && process->is_failing) {
		return_error(pid);
		process->is_failing = false;
	}
	if (info.op != PTRACE_SYSCALL_INFO_ENTRY || state.is_done ||
	    !is_counted(pid, &info, path, sizeof(path)))
		return;
	state.count++;
	if (state.report != NULL && (state.number == 0 || state.number == state.count))
		fprintf(state.report, "%ld %d %d %s\n", state.count, pid, (int)info.entry.nr, path);
	if (state.count == state.number)
		inject(pid);
}

/* Follows all processes until the first one has ended; returns its wait status. */
static int follow(int first)
{
	int result = 0;
	for (;;) {
		int status;
		int pid = waitpid(-1, &status, __WALL);
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			return result;
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			process_of(pid)->pid = 0;
			if (pid == first)
				result = status;
			continue;
		}
		int signal = WSTOPSIG(status);
		if (signal == (SIGTRAP | 0x80)) {
			see_call(pid);
			signal = 0;
		} else if (status >> 16 != 0 || signal == SIGSTOP) {
			process_of(pid);
			signal = 0;
		}
		if (status >> 16 == PTRACE_EVENT_EXEC && pid != first && state.detaches &&
		    !has_name(pid)) {
			process_of(pid)->pid = 0;
			ptrace(PTRACE_DETACH, pid, 0, 0);
			continue;
		}
		/* When all is done, only deaths are of interest. */
		bool is_over = state.is_done && !process_of(pid)->is_failing;
		ptrace(is_over ? PTRACE_CONT : PTRACE_SYSCALL, pid, 0, signal);
	}
}

static int start(char **arguments)
{
	/* Apps whose supervisor was killed come here, and not to a first process that may take its time. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	int pid = fork();
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		execvp(arguments[0], arguments);
		_exit(127);
	}
	int status;
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die("start the program");
	long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
		       PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
	process_of(pid);
	if (ptrace(PTRACE_SETOPTIONS, pid, 0, options) < 0 ||
	    ptrace(PTRACE_SYSCALL, pid, 0, 0) < 0)
		die("follow the program");
	return pid;
}

int main(int count, char **arguments)
{
	int option;
	while ((option = getopt(count, arguments, "+n:e:c:p:x:o:awd")) != -1) {
		if (option == 'n')
			state.number = strtol(optarg, NULL, 10);
		else if (option == 'e')
			state.error = (int)strtol(optarg, NULL, 10);
		else if (option == 'c')
			state.name = optarg;
		else if (option == 'p' && state.prefix_count < MAX_PREFIXES)
			state.prefixes[state.prefix_count++] = optarg;
		else if (option == 'x' && state.exception_count < MAX_EXCEPTIONS)
			state.exceptions[state.exception_count++] = (int)strtol(optarg, NULL, 10);
		else if (option == 'o' && (state.report = fopen(optarg, "we")) == NULL)
			die("write the report");
		else if (option == 'a')
			state.kills_all = true;
		else if (option == 'd')
			state.detaches = true;
		else if (option == 'w')
			state.changes_only = true;
		else if (option == '?')
			return 99;
	}
	if (optind == count)
		return 99;
	if (state.report != NULL)
		setvbuf(state.report, NULL, _IOLBF, 0);
	int status = follow(start(arguments + optind));
	if (state.report != NULL && fclose(state.report) != 0)
		die("write the report");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
