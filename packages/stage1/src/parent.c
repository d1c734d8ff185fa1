/* SPDX-License-Identifier: Apache-2.0 */
/* The parent of a clone: it forwards signals, relays, waits, and records the end. */
#include "descriptors.h"
#include "memory.h"
#include "ops.h"
#include "processes.h"
#include "relay.h"
#include "syscall.h"

/* Paths, one behind the other: the plan is forgotten before they are needed. */
static struct {
	char paths[MAX_REMOVALS * PATH_MAX];
	size_t length;
} removals;

/* How long a directory may be busy: the last process has been waited for, and the kernel may be
 * about to let go. */
#define REMOVAL_ATTEMPTS 5
#define REMOVAL_PAUSE_NS 2000000

int perform_rmdir_after(struct state *state, const struct arguments *arguments)
{
	size_t length = strlen(arguments->text[0]) + 1;
	(void)state;
	if (length > sizeof(removals.paths) - removals.length)
		return -E2BIG;
	memcpy(removals.paths + removals.length, arguments->text[0], length);
	removals.length += length;
	return 0;
}

void forget_removals(void)
{
	removals.length = 0;
}

/* What is left is collected later: nothing here is worth a word or another status. */
static void remove_directories(void)
{
	struct __kernel_timespec pause = {.tv_nsec = REMOVAL_PAUSE_NS};
	const char *end = removals.paths + removals.length;
	int attempts = REMOVAL_ATTEMPTS;
	for (const char *path = removals.paths; path < end; path += strlen(path) + 1)
		while (CALL(unlinkat, AT_FDCWD, path, AT_REMOVEDIR) == -EBUSY && attempts-- > 0)
			CALL(ppoll, NULL, 0, &pause, NULL);
}

static void forward_signals(const struct child *child, const struct relay *relay)
{
	struct signalfd_siginfo info = {0};
	while (CALL(read, child->signal_fd, &info, sizeof(info)) == (long)sizeof(info)) {
		if (info.ssi_signo == SIGWINCH)
			copy_window_size(relay);
		else if (info.ssi_signo != SIGCHLD)
			CALL(pidfd_send_signal, child->pidfd, info.ssi_signo, NULL, 0);
	}
}

static bool has_ended(const struct child *child, int *wait_status)
{
	return CALL(wait4, child->pid, wait_status, WNOHANG, NULL) == child->pid;
}

int take_signals(void)
{
	uint64_t handled = HANDLED_SIGNALS;
	block_signals();
	return keep(CALL(signalfd4, -1, &handled, sizeof(handled), SFD_CLOEXEC | SFD_NONBLOCK));
}

_Noreturn void end_parent(struct relay *relay, int status_fd, int wait_status)
{
	end_relay(relay);
	append_end(status_fd, wait_status);
	remove_directories();
	exit_now(status_of(wait_status));
}

_Noreturn void be_parent(const struct state *state, const struct child *child)
{
	static struct relay relay;
	struct pollfd polls[RELAY_POLLS + 1];
	int wait_status = 0;
	close_all_but(state->locked | descriptor_bit(child->status_fd) |
		      descriptor_bit(state->terminal_fd));
	/* The child, or one of its children, has the ends that this process must see closed. */
	close_fd(state->failure_fd);
	forget_plans();
	begin_relay(&relay, state);
	while (!has_ended(child, &wait_status)) {
		unsigned int count = fill_polls(&relay, polls);
		polls[count] = (struct pollfd){.fd = child->signal_fd, .events = POLLIN};
		if (CALL(ppoll, polls, count + 1, NULL, NULL) < 0)
			continue;
		if (polls[count].revents != 0)
			forward_signals(child, &relay);
		step_relay(&relay, polls, count);
	}
	end_parent(&relay, child->status_fd, wait_status);
}
