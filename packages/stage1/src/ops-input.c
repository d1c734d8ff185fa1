/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on standard input and output, and on reports. */
#include "descriptors.h"
#include "ops.h"
#include "syscall.h"

int perform_report(struct state *state, const struct arguments *arguments)
{
	int kept = CHECKED(fcntl, fd_of(arguments, 0), F_DUPFD_CLOEXEC, DESCRIPTORS);
	if (kept < 0)
		return kept;
	close_fd(state->report_fd);
	state->report_fd = kept;
	return 0;
}

static bool is_terminal(int fd)
{
	struct termios attributes;
	return CALL(ioctl, fd, TCGETS, &attributes) == 0;
}

int perform_terminal(struct state *state, const struct arguments *arguments)
{
	state->has_terminal = is_terminal(0);
	state->terminal_fd = state->has_terminal ? fd_of(arguments, 0) : -1;
	return 0;
}

static bool is_same_file(int a, int b)
{
	struct statx first = {0}, second = {0};
	if (CALL(statx, a, "", AT_EMPTY_PATH, STATX_INO, &first) < 0 ||
	    CALL(statx, b, "", AT_EMPTY_PATH, STATX_INO, &second) < 0)
		return false;
	return first.stx_ino == second.stx_ino && first.stx_dev_major == second.stx_dev_major &&
	       first.stx_dev_minor == second.stx_dev_minor;
}

/*
 * Whether a child may have it as it is. Programs open /dev/stdout again, as users that the owner of
 * a file, a socket or a terminal does not know: only a pipe can be opened by everybody, once its
 * mode says so, and devices such as /dev/null can anyway.
 */
static bool can_pass(int fd)
{
	struct statx status = {0};
	if (CALL(statx, fd, "", AT_EMPTY_PATH, STATX_TYPE, &status) < 0)
		return true;
	if ((status.stx_mode & S_IFMT) == S_IFIFO)
		return CALL(fchmod, fd, 0666) == 0;
	return (status.stx_mode & S_IFMT) == S_IFCHR && !is_terminal(fd);
}

/* What a pipe stands in for is kept for the parent that is going to copy, and for messages. */
static int stand_in(struct state *state, int i)
{
	int ends[2];
	int result = keep_pipe(ends);
	if (result < 0)
		return result;
	state->pipe_fd[i] = ends[0];
	CALL(fchmod, ends[1], 0666);
	result = CHECKED(dup3, ends[1], i + 1, 0);
	close_fd(ends[1]);
	return result;
}

int perform_pipes(struct state *state, const struct arguments *arguments)
{
	/* Where both are one file, they stay one: their lines keep their order. */
	bool is_one = is_same_file(1, 2);
	(void)arguments;
	for (int i = 0; i < 2; i++) {
		int fd = i + 1;
		if (can_pass(fd))
			continue;
		int copied = CHECKED(fcntl, fd, F_DUPFD_CLOEXEC, DESCRIPTORS);
		if (copied < 0)
			return copied;
		if (fd == 2)
			state->error_fd = copied;
		state->copied_fd[i] = copied;
		int result = fd == 2 && is_one ? CHECKED(dup3, 1, 2, 0) : stand_in(state, i);
		if (result < 0)
			return result;
	}
	return 0;
}

static int send_fd(int socket, int fd)
{
	struct descriptor_message control = {
		.length = sizeof(control) - sizeof(control.padding),
		.level = SOL_SOCKET,
		.type = SCM_RIGHTS,
		.fd = fd,
	};
	char byte = 0;
	struct vector vector = {.base = &byte, .length = 1};
	struct message message = {
		.vectors = &vector,
		.vector_count = 1,
		.control = &control,
		.control_length = sizeof(control),
	};
	int result = CHECKED(sendmsg, socket, &message, MSG_NOSIGNAL);
	return result < 0 ? result : 0;
}

static int use_as_terminal(int slave)
{
	int result = CHECKED(setsid, 0);
	/* A leader of a session that has no terminal yet may take one as well. */
	if (result < 0 && CALL(getsid, 0) != CALL(getpid, 0))
		return result;
	result = CHECKED(ioctl, slave, TIOCSCTTY, 0);
	for (int fd = 0; result >= 0 && fd < 3; fd++)
		result = CHECKED(dup3, slave, fd, 0);
	return result < 0 ? result : 0;
}

/* The other end is opened by the master and not by a name, which somebody in the root could have
 * replaced. */
int perform_openpty(struct state *state, const struct arguments *arguments)
{
	int unlocked = 0;
	if (!state->has_terminal)
		return 0;
	int master =
		keep(CALL(openat, AT_FDCWD, arguments->text[0], O_RDWR | O_NOCTTY | O_CLOEXEC));
	if (master < 0)
		return master;
	int result = CHECKED(ioctl, master, TIOCSPTLCK, &unlocked);
	int slave = result < 0
			    ? result
			    : keep(CALL(ioctl, master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
	if (slave >= 0) {
		result = send_fd(fd_of(arguments, 1), master);
		if (result == 0)
			result = use_as_terminal(slave);
		close_fd(slave);
	} else {
		result = slave;
	}
	close_fd(master);
	return result;
}
