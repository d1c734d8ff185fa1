/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: one line, on standard error and on the descriptor that the plan has given for reports.
 */
#include "memory.h"
#include "pod.h"
#include "report.h"
#include "syscall.h"

#define MAX_SHOWN 320u
#define MAX_SHOWN_PATH 240u

static const char *const verbs[OP_COUNT] = {
	[OP_OPEN] = "open",
	[OP_OPENAT2] = "open",
	[OP_TARGET] = "open target",
	[OP_CLOSE] = "close descriptor",
	[OP_CLOSE_RANGE] = "close descriptors",
	[OP_DUP3] = "copy descriptor",
	[OP_SOCKETPAIR] = "make sockets",
	[OP_MKDIR] = "make directory",
	[OP_CREAT] = "make file",
	[OP_MKNOD] = "make device",
	[OP_SYMLINK] = "make symbolic link",
	[OP_CHMOD] = "change mode",
	[OP_LCHOWN] = "change owner",
	[OP_COPY_XATTRS] = "copy attributes",
	[OP_WRITE] = "write",
	[OP_FLOCK] = "lock",
	[OP_RENAMEAT2] = "rename",
	[OP_FSYNC] = "make durable",
	[OP_UNLINK] = "remove",
	[OP_RMDIR] = "remove directory",
	[OP_CHDIR] = "change to directory",
	[OP_FCHDIR] = "change to directory",
	[OP_CHROOT] = "change root to",
	[OP_MOUNT] = "mount",
	[OP_FORGET_VOLATILE] = "reuse work directory",
	[OP_UMOUNT2] = "unmount",
	[OP_PIVOT_ROOT] = "change root mount to",
	[OP_OPEN_TREE] = "open mount",
	[OP_MOUNT_SETATTR] = "change mount",
	[OP_MOVE_MOUNT] = "attach mount",
	[OP_FSOPEN] = "configure file system",
	[OP_FSCONFIG] = "configure file system",
	[OP_FSMOUNT] = "mount file system",
	[OP_NAMESPACES] = "make namespaces",
	[OP_UNSHARE] = "make namespaces",
	[OP_UNSHARE_USER] = "make user namespace",
	[OP_SETNS] = "join namespace",
	[OP_PIDFD_OPEN] = "open process",
	[OP_CLONE] = "make process",
	[OP_RMDIR_AFTER] = "remember directory",
	[OP_SETHOSTNAME] = "set host name",
	[OP_SETDOMAINNAME] = "set domain name",
	[OP_IOCTL] = "change interface",
	[OP_SETSID] = "start session",
	[OP_UMASK] = "set mask",
	[OP_SETRLIMIT] = "set limit",
	[OP_KEYCTL] = "join keyring",
	[OP_SETGROUPS] = "set groups",
	[OP_SETRESGID] = "set group ids",
	[OP_SETRESUID] = "set user ids",
	[OP_SETFSUID] = "set user id",
	[OP_SETFSGID] = "set group id",
	[OP_CAPBSET] = "set bounding set",
	[OP_CAPSET] = "set capabilities",
	[OP_PRCTL] = "set attribute",
	[OP_SECCOMP] = "install filter",
	[OP_LANDLOCK_CREATE_RULESET] = "make ruleset",
	[OP_LANDLOCK_ADD_RULE] = "add rule",
	[OP_LANDLOCK_ADD_PORT] = "add rule",
	[OP_LANDLOCK_RESTRICT_SELF] = "enforce ruleset",
	[OP_REPORT] = "report to",
	[OP_TERMINAL] = "relay terminal",
	[OP_OPENPTY] = "open pseudoterminal",
	[OP_PIPES] = "make pipes",
	[OP_KEEPENV] = "keep environment variable",
	[OP_SEAL] = "be executed from a read-only mount",
	[OP_SETENV] = "set variable",
	[OP_RUN] = "run",
	[OP_INIT] = "make first process",
	[OP_REAP] = "reap",
	[OP_APP] = "start app",
	[OP_SUPERVISE] = "supervise",
	[OP_EXEC] = "execute",
	[OP_FEXECVE] = "execute",
};

uint64_t now(int clock)
{
	struct __kernel_timespec time = {0};
	CALL(clock_gettime, clock, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* A limit of the file size, or a reader that is gone, must not change the status that comes after
 * the message. */
static void survive_writing(void)
{
	uint64_t mask = SIGNAL_BIT(SIGPIPE) | SIGNAL_BIT(SIGXFSZ);
	CALL(rt_sigprocmask, SIG_BLOCK, &mask, NULL, sizeof(mask));
}

/* Of a long path the end tells more. */
static void put_path(struct output *output, const char *path, size_t length)
{
	char copy[MAX_SHOWN_PATH + 1];
	size_t skipped = length > MAX_SHOWN_PATH ? length - MAX_SHOWN_PATH : 0;
	if (skipped > 0)
		put(output, "...");
	memcpy(copy, path + skipped, length - skipped);
	copy[length - skipped] = '\0';
	put_words(output, copy, 1, MAX_SHOWN_PATH);
}

static void put_place(struct output *output, const struct complaint *complaint, uint32_t line)
{
	put(output, "stage1: ");
	if (complaint->directory_length > 0)
		put_path(output, complaint->directory, complaint->directory_length);
	size_t length = strlen(complaint->path);
	while (complaint->beside != NULL && length > 0 && complaint->path[length - 1] != '/')
		length--;
	put_path(output, complaint->path, length);
	if (complaint->beside != NULL)
		put_path(output, complaint->beside, strlen(complaint->beside));
	if (line > 0) {
		put(output, ":");
		put_number(output, line);
	}
	put(output, ": ");
}

static void put_reason(struct output *output, const char *reason, int error)
{
	if (reason != NULL)
		put(output, reason);
	else
		put_error(output, error);
	put(output, "\n");
}

static void put_problem(struct output *output, const struct problem *problem)
{
	if (problem->operation != NULL) {
		put(output, problem->operation);
		put(output, ": ");
	}
	put(output, "cannot accept ");
	if (problem->wanted != NULL) {
		put(output, problem->reason);
		put(output, " \"");
	} else {
		put(output, problem->words == NULL ? "plan" : "\"");
	}
	if (problem->words != NULL) {
		put_words(output, problem->words, 1, MAX_SHOWN);
		put(output, "\"");
	}
	put(output, problem->wanted != NULL ? ": wanted " : ": ");
	put_reason(output, problem->wanted != NULL ? problem->wanted : problem->reason, 0);
}

_Noreturn void complain(enum status status, const struct complaint *complaint)
{
	struct output output = {.length = 0};
	const struct problem *problem = complaint->problem;
	put_place(&output, complaint, problem == NULL ? 0 : problem->line);
	if (problem != NULL) {
		put_problem(&output, problem);
	} else {
		put(&output, "cannot read: ");
		put_reason(&output, complaint->reason, complaint->error);
	}
	survive_writing();
	flush(&output, 2);
	exit_now((int)status);
}

_Noreturn void complain_simply(enum status status, const char *verb, const char *object,
			       const char *reason)
{
	struct output output = {.length = 0};
	put(&output, "stage1: cannot ");
	put(&output, verb);
	put(&output, " \"");
	put_words(&output, object, 1, MAX_SHOWN);
	put(&output, "\": ");
	put_reason(&output, reason, 0);
	survive_writing();
	flush(&output, 2);
	exit_now((int)status);
}

void mention(const char *verb, const char *object, int error)
{
	struct output output = {.length = 0};
	put(&output, "stage1: cannot ");
	put(&output, verb);
	put(&output, " \"");
	put_path(&output, object, strlen(object));
	put(&output, "\": ");
	put_reason(&output, NULL, error);
	flush(&output, 2);
}

_Noreturn void fail(struct state *state, int error)
{
	struct output output = {.length = 0};
	const struct line *line = state->line;
	const struct program *program = state->program;
	const struct complaint place = {
		.directory = program->plans[0].path,
		.directory_length =
			state->plan == &program->plans[0] ? 0 : program->directory_length,
		.path = state->plan->path,
	};
	put_place(&output, &place, line->number);
	put(&output, line->words);
	put(&output, ": cannot ");
	put(&output, verbs[line->operation]);
	put(&output, " \"");
	/* Of a program that cannot be executed, its arguments say nothing. */
	put_words(&output, next_word(line->words),
		  line->operation == OP_EXEC ? 1 : line->count - 1u, MAX_SHOWN);
	put(&output, "\": ");
	put_reason(&output, state->reason, error);
	/* The same line twice: flush() empties only the count of what it wrote. */
	size_t length = output.length;
	if (!state->is_filtered)
		survive_writing();
	flush(&output, state->error_fd);
	output.length = length;
	if (state->report_fd >= 0)
		flush(&output, state->report_fd);
	if (state->failure_fd >= 0)
		CALL(write, state->failure_fd, "", 1);
	end_failed_pod(state);
	exit_now((int)state->status);
}

void trace(const struct state *state, uint64_t microseconds)
{
	struct output output = {.length = 0};
	put_padded(&output, microseconds, 7, ' ');
	put(&output, " ");
	put_words(&output, state->line->words, state->line->count, MAX_SHOWN);
	put(&output, "\n");
	flush(&output, state->error_fd);
}
