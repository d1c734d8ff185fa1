/* SPDX-License-Identifier: Apache-2.0 */
/* The first process of a pod: it starts apps, reaps, stops, and ends when they have ended. */
#include "descriptors.h"
#include "memory.h"
#include "ops.h"
#include "processes.h"
#include "report.h"
#include "syscall.h"

struct supervisor {
	struct app *apps;
	unsigned int app_count;
	unsigned int starting; /* apps whose program is not executed yet */
	unsigned int running;
	int status; /* of the first app that failed, 0 while none has */
	int status_fd;
	int parent_fd; /* hangs up when the parent has died; -1 without one */
	bool is_orphaned;
	uint64_t grace;	   /* in nanoseconds */
	unsigned int stop; /* apps from this one on have been told to stop; app_count + 1 when
			      nothing stops */
	uint64_t deadline; /* when the app that was told last is killed; 0 if that is done or
			      nothing stops */
};

/* Only the first process of a namespace gets its orphans, and only there is "all others" the pod.
 */
static bool is_first_process(struct state *state)
{
	if (CALL(getpid, 0) == 1)
		return true;
	state->reason = "not the first process of a pid namespace";
	return false;
}

static const struct plan *plan_of(const struct state *state)
{
	for (unsigned int i = 0; i < state->program->plan_count; i++)
		if (state->program->app_lines[i] == state->line)
			return &state->program->plans[i];
	return NULL;
}

/* In the child: nothing of the supervisor is left but the descriptors of the plan, without the
 * locks. */
_Noreturn static void become_app(struct state *state, int failure_fd)
{
	for (int fd = 0; fd < (int)DESCRIPTORS; fd++)
		if ((state->locked & descriptor_bit(fd)) != 0)
			close_fd(fd);
	for (unsigned int i = 0; i < state->app_count; i++)
		close_fd(state->apps[i].exec_fd);
	close_fd(state->parent_fd);
	state->locked = 0;
	state->parent_fd = -1;
	state->dies_with_parent = false;
	state->failure_fd = failure_fd;
	state->plan = plan_of(state);
	state->environment->count = 0;
	state->app_count = 0;
	execute(state);
}

int perform_app(struct state *state, const struct arguments *arguments)
{
	struct birth birth = {.cgroup_fd = fd_of(arguments, 3)};
	struct app *app = &state->apps[state->app_count];
	int ends[2];
	if (!is_first_process(state))
		return -1;
	int result = keep_pipe(ends);
	if (result < 0)
		return result;
	int pid = make_process(&birth);
	if (pid == 0) {
		close_fd(ends[0]);
		become_app(state, ends[1]);
	}
	close_fd(ends[1]);
	if (pid < 0)
		return pid;
	*app = (struct app){
		.pid = pid,
		.status_fd = fd_of(arguments, 2),
		.exec_fd = ends[0],
		.stop_signal = (int)arguments->number[4],
	};
	state->app_count++;
	return 0;
}

/* The end of the pipe says that the program executes; a byte before it that it does not. */
static void note_start(struct supervisor *supervisor, struct app *app)
{
	char byte;
	bool is_started = CALL(read, app->exec_fd, &byte, 1) == 0;
	close_fd(app->exec_fd);
	app->exec_fd = -1;
	if (!is_started)
		return;
	append_status(app->status_fd, "started", (int[2]){app->pid, -1});
	if (--supervisor->starting == 0)
		append_status(supervisor->status_fd, "ready", (int[2]){-1, -1});
}

static bool is_stopping(const struct supervisor *supervisor)
{
	return supervisor->stop <= supervisor->app_count;
}

static void begin_stop(struct supervisor *supervisor)
{
	if (is_stopping(supervisor))
		return;
	supervisor->stop = supervisor->app_count;
	supervisor->deadline = 0;
}

static void note_end(struct supervisor *supervisor, struct app *app, int wait_status)
{
	/* A program that was executed and ended at once: its start comes first. */
	if (app->exec_fd >= 0)
		note_start(supervisor, app);
	append_end(app->status_fd, wait_status);
	/* What the parent writes of the pod follows from this, and need not wait for the disk as
	 * well.
	 */
	CALL(fdatasync, app->status_fd);
	app->pid = 0;
	supervisor->running--;
	if (supervisor->status == 0)
		supervisor->status = status_of(wait_status);
	if (wait_status != 0)
		begin_stop(supervisor);
}

/* Other children are orphans: nobody asks for their status. */
static void note_child(struct supervisor *supervisor, long pid, int wait_status)
{
	for (unsigned int i = 0; i < supervisor->app_count; i++)
		if (pid > 0 && supervisor->apps[i].pid == pid)
			note_end(supervisor, &supervisor->apps[i], wait_status);
}

static void reap(struct supervisor *supervisor)
{
	int wait_status = 0;
	long pid;
	while ((pid = CALL(wait4, -1, &wait_status, WNOHANG, NULL)) > 0)
		note_child(supervisor, pid, wait_status);
}

/* One app at a time, the last first: the next is told when this one has ended; after the grace
 * period it is killed. */
static void step_stop(struct supervisor *supervisor)
{
	struct app *apps = supervisor->apps;
	if (!is_stopping(supervisor))
		return;
	while (supervisor->stop == supervisor->app_count || apps[supervisor->stop].pid == 0) {
		if (supervisor->stop == 0)
			return;
		struct app *app = &apps[--supervisor->stop];
		if (app->pid == 0)
			continue;
		CALL(kill, app->pid, app->stop_signal);
		supervisor->deadline = now(CLOCK_MONOTONIC) + supervisor->grace;
	}
	if (supervisor->deadline != 0 && now(CLOCK_MONOTONIC) >= supervisor->deadline) {
		CALL(kill, apps[supervisor->stop].pid, SIGKILL);
		supervisor->deadline = 0;
	}
}

static void take_signals(struct supervisor *supervisor, int signal_fd)
{
	struct signalfd_siginfo info = {0};
	while (CALL(read, signal_fd, &info, sizeof(info)) == (long)sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGTERM:
		case SIGINT:
		case SIGHUP:
		case SIGQUIT:
			begin_stop(supervisor);
			break;
		case SIGUSR1:
		case SIGUSR2:
			if (supervisor->app_count > 0 && supervisor->apps[0].pid > 0)
				CALL(kill, supervisor->apps[0].pid, info.ssi_signo);
			break;
		default:
			break;
		}
	}
}

static int wait_for_polls(const struct supervisor *supervisor, struct pollfd *polls,
			  unsigned int count)
{
	struct __kernel_timespec patience = {0};
	if (supervisor->deadline != 0) {
		uint64_t time = now(CLOCK_MONOTONIC);
		uint64_t left = supervisor->deadline > time ? supervisor->deadline - time : 0;
		patience.tv_sec = (int64_t)(left / 1000000000u);
		patience.tv_nsec = (int64_t)(left % 1000000000u);
	}
	return CHECKED(ppoll, polls, count, supervisor->deadline == 0 ? NULL : &patience, NULL);
}

/* Sleeps until a signal comes, an app is executed, the parent has died, or the grace period is
 * over. */
static void wait_for_events(struct supervisor *supervisor, int signal_fd)
{
	struct pollfd polls[MAX_APPS + 2];
	struct app *polled[MAX_APPS];
	unsigned int count = 0;
	for (unsigned int i = 0; i < supervisor->app_count; i++) {
		if (supervisor->apps[i].exec_fd < 0)
			continue;
		polled[count] = &supervisor->apps[i];
		polls[count++] =
			(struct pollfd){.fd = supervisor->apps[i].exec_fd, .events = POLLIN};
	}
	polls[count] = (struct pollfd){.fd = signal_fd, .events = POLLIN};
	polls[count + 1] = (struct pollfd){.fd = supervisor->parent_fd};
	if (wait_for_polls(supervisor, polls, count + 2) <= 0)
		return;
	for (unsigned int i = 0; i < count; i++)
		if (polls[i].revents != 0)
			note_start(supervisor, polled[i]);
	if (polls[count].revents != 0)
		take_signals(supervisor, signal_fd);
	if ((polls[count + 1].revents & POLLHUP) != 0)
		supervisor->is_orphaned = true;
}

/* What apps have left behind ends with the pod; only then this process ends, and with it the lock.
 */
_Noreturn static void end_pod(struct supervisor *supervisor)
{
	int wait_status = 0;
	long pid;
	CALL(kill, -1, SIGKILL);
	while ((pid = CALL(wait4, -1, &wait_status, 0, NULL)) != -ECHILD)
		note_child(supervisor, pid, wait_status);
	exit_now(supervisor->status);
}

/*
 * A process that the kernel kills gives up its lock before its children are dead.
 * So from here on the death of the parent, or of what stands for it, is noticed by the pipe;
 * the signal only sees to it that this process runs.
 */
static int begin_supervision(const struct state *state)
{
	uint64_t mask = HANDLED_SIGNALS;
	block_signals();
	if (state->dies_with_parent)
		CALL(prctl, PR_SET_PDEATHSIG, SIGCONT);
	return keep(CALL(signalfd4, -1, &mask, sizeof(mask), SFD_CLOEXEC | SFD_NONBLOCK));
}

int perform_supervise(struct state *state, const struct arguments *arguments)
{
	uint64_t kept = state->locked | descriptor_bit(fd_of(arguments, 1));
	struct supervisor supervisor = {
		.apps = state->apps,
		.app_count = state->app_count,
		.starting = state->app_count,
		.running = state->app_count,
		.status_fd = fd_of(arguments, 1),
		.parent_fd = state->parent_fd,
		.grace = arguments->number[0] * 1000000u,
		.stop = state->app_count + 1,
	};
	if (!is_first_process(state))
		return -1;
	int signal_fd = begin_supervision(state);
	if (signal_fd < 0)
		return signal_fd;
	for (unsigned int i = 0; i < state->app_count; i++)
		kept |= descriptor_bit(state->apps[i].status_fd);
	close_all_but(kept);
	if (supervisor.app_count == 0)
		append_status(supervisor.status_fd, "ready", (int[2]){-1, -1});
	/* From here on nothing can fail that would have to be reported with a line of the plan. */
	forget_plans();
	while (supervisor.running > 0 && !supervisor.is_orphaned) {
		wait_for_events(&supervisor, signal_fd);
		reap(&supervisor);
		step_stop(&supervisor);
	}
	end_pod(&supervisor);
}
