/* SPDX-License-Identifier: Apache-2.0 */
/* iomux: rkt-iomux(8). */
#include "iomux-attach.h"
#include "iomux.h"
#include "memory.h"
#include "start.h"
#include "syscall.h"

/* How long a full disk is left alone. */
#define RETRY_NANOSECONDS 200000000

#define REOPEN_SIGNALS (SIGNAL_BIT(SIGHUP) | SIGNAL_BIT(SIGUSR1))
#define ROTATE_SIGNALS SIGNAL_BIT(SIGUSR2)

/* Whoever wants the app to end tells the app: iomux ends after it, and has its last words. */
static int open_signals(void)
{
	uint64_t all = ~UINT64_C(0);
	uint64_t mask = REOPEN_SIGNALS | ROTATE_SIGNALS;
	CALL(rt_sigprocmask, SIG_BLOCK, &all, NULL, sizeof(all));
	long fd = CALL(signalfd4, -1, &mask, sizeof(mask), SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		fail_with("wait for", "signals", fd);
	return (int)fd;
}

static int open_directory(const char *path)
{
	long fd = CALL(openat, AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	long result = fd < 0 ? fd : CALL(fchdir, fd);
	if (result < 0)
		fail_with("open", path, result);
	return (int)fd;
}

static uint32_t offered_by(const struct options *options)
{
	uint32_t offered = options->stdin_fd >= 0 ? WANTS_STDIN : 0;
	for (unsigned int i = 0; i < STREAM_COUNT; i++)
		if (options->fds[i] >= 0 && options->is_attachable[i])
			offered |= want_of((enum stream_name)i);
	return (offered & WANTS_TTY_OUT) != 0 ? offered | WANTS_TTY_IN : offered;
}

static void step_signals(int signals, const struct options *options)
{
	struct signalfd_siginfo info;
	while (CALL(read, signals, &info, sizeof(info)) == (long)sizeof(info)) {
		bool rotates = info.ssi_signo == SIGUSR2;
		int result = rotates && is_held_up() ? -EAGAIN : 0;
		if (result == 0)
			result = rotates ? rotate_log() : reopen_log();
		if (result < 0 && options->log != NULL)
			mention(rotates ? "rotate" : "reopen", options->log, result,
				"it stays as it is");
	}
}

static void step(int signals, const struct options *options)
{
	static struct pollfd polls[1 + STREAM_COUNT + 1 + 1 + MAX_CLIENTS];
	static const struct __kernel_timespec retry = {.tv_nsec = RETRY_NANOSECONDS};
	struct __kernel_timespec timeout = retry;
	polls[0] = (struct pollfd){.fd = signals, .events = POLLIN};
	struct pollfd *of_streams = polls + 1;
	unsigned int streams = poll_streams(of_streams);
	struct pollfd *of_input = of_streams + streams;
	unsigned int input = poll_input(of_input);
	struct pollfd *of_clients = of_input + input;
	unsigned int clients = poll_clients(of_clients);
	bool is_waiting = is_held_up();
	long ready = CALL(ppoll, polls, 1 + streams + input + clients, is_waiting ? &timeout : NULL,
			  NULL, 0);
	if (is_waiting)
		retry_streams();
	if (ready <= 0)
		return;
	step_streams(of_streams, streams);
	step_input(of_input, input);
	step_clients(of_clients, clients);
	if (polls[0].revents != 0)
		step_signals(signals, options);
}

int main(int count, char **arguments)
{
	static struct options options;
	if (is_for_client(count, arguments))
		return run_client(count, arguments);
	int signals = open_signals();
	give_up_capabilities();
	parse_options(count, arguments, &options);
	int log_directory = open_log_directory(options.log);
	int directory = open_directory(options.directory);
	/* First what only one can have. */
	open_log(&options);
	open_clients(offered_by(&options));
	open_input(options.stdin_fd, options.fds[STREAM_TTY]);
	open_streams(&options);
	confine(directory, log_directory);
	while (has_open_streams() || is_held_up())
		step(signals, &options);
	CALL(unlinkat, AT_FDCWD, "attach", 0);
	close_state();
	remove_journals();
	return 0;
}
