/* SPDX-License-Identifier: Apache-2.0 */
/* The parent of a clone: it forwards signals, relays, waits, and records the end. */
#include "descriptors.h"
#include "processes.h"
#include "relay.h"
#include "syscall.h"

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
	end_relay(&relay);
	append_end(child->status_fd, wait_status);
	exit_now(status_of(wait_status));
}
