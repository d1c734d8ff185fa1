/* SPDX-License-Identifier: Apache-2.0 */
/* Who watches a pod: starts, stops and records its apps, relays their output, and ends with it. */
#include "descriptors.h"
#include "memory.h"
#include "ops.h"
#include "output.h"
#include "pod.h"
#include "report.h"
#include "syscall.h"

/* How long the end of a pod waits for the last output of its apps to be written, in nanoseconds. */
#define KEEPER_PATIENCE 10000000000u

static void note_child(struct pod *pod, long pid, int wait_status)
{
	for (unsigned int i = 0; i < pod->app_count; i++) {
		if (pod->apps[i].pid == pid)
			note_end(pod, &pod->apps[i], wait_status);
		else if (pod->apps[i].keeper_pid == pid)
			note_keeper(&pod->apps[i], wait_status);
	}
}

static void reap(struct pod *pod)
{
	int wait_status = 0;
	long pid;
	while ((pid = CALL(wait4, -1, &wait_status, WNOHANG, NULL)) > 0) {
		if (pid == pod->init.pid) {
			pod->init.pid = 0;
			pod->wait_status = wait_status;
		}
		note_child(pod, pid, wait_status);
	}
}

static bool is_over(const struct pod *pod)
{
	bool is_waiting = pod->requests_fd >= 0 && !pod->is_stopping;
	for (unsigned int i = 0; i < pod->app_count; i++)
		is_waiting = is_waiting || pod->apps[i].pid > 0 || pod->apps[i].start_at != 0;
	return pod->init.pid == 0 || !is_waiting;
}

static void obey_signals(struct pod *pod)
{
	struct signalfd_siginfo info = {0};
	while (CALL(read, pod->init.signal_fd, &info, sizeof(info)) == (long)sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGTERM:
		case SIGINT:
		case SIGHUP:
		case SIGQUIT:
			begin_stop(pod);
			break;
		case SIGUSR1:
		case SIGUSR2:
			if (pod->app_count > 0 && pod->apps[0].pid > 0)
				CALL(kill, pod->apps[0].pid, info.ssi_signo);
			break;
		case SIGWINCH:
			copy_window_size(&pod->relay);
			break;
		default:
			break;
		}
	}
}

static int wait_until(uint64_t time, struct pollfd *polls, unsigned int count)
{
	struct __kernel_timespec patience = {0};
	uint64_t present = now(CLOCK_MONOTONIC);
	if (time > present) {
		patience.tv_sec = (int64_t)((time - present) / 1000000000u);
		patience.tv_nsec = (int64_t)((time - present) % 1000000000u);
	}
	return CHECKED(ppoll, polls, count, time == 0 ? NULL : &patience, NULL);
}

/* Sleeps until a signal or a request comes, an app is executed, output is there, or it is time. */
static void wait_for_events(struct state *state, uint64_t time)
{
	struct pod *pod = state->pod;
	struct pollfd polls[MAX_APPS + RELAY_POLLS + 2];
	struct app *polled[MAX_APPS];
	unsigned int count = 0;
	for (unsigned int i = 0; i < pod->app_count; i++) {
		if (pod->apps[i].exec_fd < 0)
			continue;
		polled[count] = &pod->apps[i];
		polls[count++] = (struct pollfd){.fd = pod->apps[i].exec_fd, .events = POLLIN};
	}
	struct pollfd *others = polls + count;
	others[0] = (struct pollfd){.fd = pod->init.signal_fd, .events = POLLIN};
	others[1] = (struct pollfd){.fd = pod->requests_fd, .events = POLLIN};
	unsigned int relayed = fill_polls(&pod->relay, others + 2);
	if (wait_until(time, polls, count + 2 + relayed) <= 0)
		return;
	for (unsigned int i = 0; i < count; i++)
		if (polls[i].revents != 0)
			note_start(pod, polled[i]);
	if (others[0].revents != 0)
		obey_signals(pod);
	step_relay(&pod->relay, others + 2, relayed);
	if (others[1].revents != 0)
		take_requests(state);
}

static bool has_processes(const struct pod *pod)
{
	bool has = pod->init.pid > 0;
	for (unsigned int i = 0; i < pod->app_count; i++)
		has = has || pod->apps[i].pid > 0;
	return has;
}

static bool has_kept(const struct pod *pod)
{
	for (unsigned int i = 0; i < pod->app_count; i++)
		if (is_kept(&pod->apps[i]))
			return true;
	return false;
}

/* Those that keep the output of apps have the last of it now; one that cannot write it, because a
 * disk is full, is not waited for, and goes on alone. */
static void wait_for_keepers(struct state *state)
{
	struct pod *pod = state->pod;
	const uint64_t deadline = now(CLOCK_MONOTONIC) + KEEPER_PATIENCE;
	struct signalfd_siginfo info;
	reap(pod);
	while (has_kept(pod) && now(CLOCK_MONOTONIC) < deadline) {
		struct pollfd poll = {.fd = pod->init.signal_fd, .events = POLLIN};
		wait_until(sooner(deadline, step_keepers(state)), &poll, 1);
		CALL(read, pod->init.signal_fd, &info, sizeof(info));
		reap(pod);
	}
}

/* The first process ends all others of its namespace, and then itself; apps in other namespaces are
 * ended here. */
void end_pod(struct state *state)
{
	struct pod *pod = state->pod;
	int wait_status = 0;
	long pid = 0;
	pod->is_stopping = true;
	/* It is not killed: so whether somebody else has done that can be told. */
	close_fd(pod->life_fds[1]);
	pod->life_fds[1] = -1;
	for (unsigned int i = 0; i < pod->app_count; i++)
		if (pod->apps[i].pid > 0)
			CALL(kill, pod->apps[i].pid, SIGKILL);
	while (has_processes(pod) && pid != -ECHILD) {
		pid = CALL(wait4, -1, &wait_status, 0, NULL);
		note_child(pod, pid, wait_status);
		if (pid != pod->init.pid)
			continue;
		pod->init.pid = 0;
		if (is_killed(wait_status))
			pod->wait_status = wait_status;
	}
	for (unsigned int i = 0; i < pod->app_count; i++)
		end_streams(&pod->apps[i]);
	pod->init.pid = 0;
	wait_for_keepers(state);
}

void end_failed_pod(struct state *state)
{
	struct pod *pod = state->pod;
	if (pod->init.pid == 0)
		return;
	pod->starting = 0;
	end_pod(state);
	begin_relay(&pod->relay, state);
	end_parent(&pod->relay, pod->init.status_fd, (int)state->status << 8);
}

/* What apps are given stays open here for those that start later. */
static int keep_output(struct state *state)
{
	struct pod *pod = state->pod;
	for (int i = 0; i < 2; i++) {
		pod->output_fd[i] = CHECKED(fcntl, i + 1, F_DUPFD_CLOEXEC, DESCRIPTORS);
		if (pod->output_fd[i] < 0)
			return pod->output_fd[i];
	}
	return 0;
}

int perform_supervise(struct state *state, const struct arguments *arguments)
{
	struct pod *pod = state->pod;
	int result = keep_output(state);
	if (result < 0)
		return result;
	pod->grace = arguments->number[0] * 1000000u;
	pod->requests_fd = fd_of(arguments, 2);
	pod->init.status_fd = fd_of(arguments, 1);
	pod->is_supervised = true;
	begin_relay(&pod->relay, state);
	if (pod->starting == 0)
		append_status(pod->init.status_fd, "ready", (int[2]){-1, -1});
	/* From here on nothing can fail that would have to be reported with a line of the plan. */
	forget_plans();
	state->error_fd = 2;
	while (!is_over(pod)) {
		step_stop(pod);
		wait_for_events(state, step_times(state));
		reap(pod);
	}
	end_pod(state);
	for (int i = 0; i < 2; i++)
		close_fd(pod->output_fd[i]);
	end_parent(&pod->relay, pod->init.status_fd, pod->wait_status);
}
