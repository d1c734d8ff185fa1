/* SPDX-License-Identifier: Apache-2.0 */
/* The life of the apps of a pod: what is noted of it, when they are started anew, and how they
 * stop. */
#include "descriptors.h"
#include "memory.h"
#include "pod.h"
#include "report.h"
#include "syscall.h"

/* Between the end of an app and its next start; twice as long each time, and as at first once it
 * has run for long. */
#define FIRST_PAUSE 100000000u
#define LONGEST_PAUSE 60000000000u
#define RUNS_LONG 10000000000u
/* Before it is looked again whether the keeper of an earlier start has ended. */
#define DRAIN_PAUSE 10000000u

uint64_t sooner(uint64_t one, uint64_t other)
{
	if (one == 0 || other == 0)
		return one + other;
	return one < other ? one : other;
}

/* The end of the pipe says that the program executes; a byte before it that it does not. */
bool note_start(struct pod *pod, struct app *app)
{
	char byte;
	bool is_started = CALL(read, app->exec_fd, &byte, 1) == 0;
	close_fd(app->exec_fd);
	app->exec_fd = -1;
	if (!is_started)
		return false;
	app->started = now(CLOCK_MONOTONIC);
	append_status(app->status_fd, "started", (int[2]){app->pid, app->note->inner_pid});
	if (pod->starting > 0 && app->restarts == 0 && !app->is_added && --pod->starting == 0)
		append_status(pod->init.status_fd, "ready", (int[2]){-1, -1});
	return true;
}

static bool is_restarted(const struct pod *pod, const struct app *app, int wait_status)
{
	const struct note *note = app->note;
	if (pod->is_stopping || app->is_told || app->started == 0)
		return false;
	if (note->restart == RESTART_NO ||
	    (note->restart == RESTART_ON_FAILURE && wait_status == 0))
		return false;
	return note->restarts == 0 || app->restarts < note->restarts;
}

static void plan_restart(struct app *app)
{
	uint64_t time = now(CLOCK_MONOTONIC);
	bool is_first = app->pause == 0 || time - app->started >= RUNS_LONG;
	app->pause = is_first ? FIRST_PAUSE : app->pause * 2;
	if (app->pause > LONGEST_PAUSE)
		app->pause = LONGEST_PAUSE;
	app->start_at = time + app->pause;
}

void begin_stop(struct pod *pod)
{
	if (pod->is_stopping)
		return;
	pod->is_stopping = true;
	pod->stop = pod->app_count;
	for (unsigned int i = 0; i < pod->app_count; i++) {
		pod->apps[i].start_at = 0;
		if (pod->apps[i].pid == 0)
			end_streams(&pod->apps[i]);
	}
}

void note_end(struct pod *pod, struct app *app, int wait_status)
{
	/* A program that was executed and ended at once: its start comes first. */
	if (app->exec_fd >= 0 && !note_start(pod, app))
		app->started = 0;
	append_end(app->status_fd, wait_status);
	/* What is written of the pod follows from this, and need not wait for the disk as well. */
	CALL(fdatasync, app->status_fd);
	app->pid = 0;
	app->kill_at = 0;
	if (is_restarted(pod, app, wait_status)) {
		plan_restart(app);
		return;
	}
	end_streams(app);
	/* Apps that come and go do not end the pod. */
	if (pod->requests_fd >= 0)
		return;
	if (pod->wait_status == 0)
		pod->wait_status = status_of(wait_status) << 8;
	if (wait_status != 0)
		begin_stop(pod);
}

/* One that cannot be started any more has failed. */
static void restart(struct state *state, struct app *app)
{
	/* What kept the output of an earlier start has not written all of it yet. */
	if (is_kept(app) && app->stream_fd[1] < 0) {
		app->start_at = now(CLOCK_MONOTONIC) + DRAIN_PAUSE;
		return;
	}
	app->start_at = 0;
	app->restarts++;
	int result = start_app(state, app);
	if (result == 0)
		return;
	if (result != -1)
		mention("start", app->plan, -result);
	app->started = 0;
	note_end(state->pod, app, STATUS_FAILED << 8);
}

void start_added(struct state *state, struct app *app)
{
	if (app->pid > 0 || state->pod->is_stopping)
		return;
	app->is_told = false;
	app->restarts = 0;
	app->pause = 0;
	restart(state, app);
	app->restarts = 0;
}

void tell_app(struct app *app, uint64_t patience)
{
	app->is_told = true;
	app->start_at = 0;
	if (app->pid == 0) {
		end_streams(app);
		return;
	}
	CALL(kill, app->pid, patience == 0 ? SIGKILL : app->note->stop_signal);
	app->kill_at = patience == 0 ? 0 : now(CLOCK_MONOTONIC) + patience;
}

/* One app at a time, the last first: the next is told when this one has ended. */
void step_stop(struct pod *pod)
{
	while (pod->is_stopping && pod->stop > 0) {
		if (pod->stop < pod->app_count && pod->apps[pod->stop].pid > 0)
			return;
		pod->stop--;
		if (pod->apps[pod->stop].kill_at == 0)
			tell_app(&pod->apps[pod->stop], pod->grace);
	}
}

/* What is due at this time; returns when the next is, 0 for never. */
uint64_t step_times(struct state *state)
{
	struct pod *pod = state->pod;
	uint64_t next = 0;
	for (unsigned int i = 0; i < pod->app_count; i++) {
		struct app *app = &pod->apps[i];
		uint64_t time = now(CLOCK_MONOTONIC);
		if (app->kill_at != 0 && time >= app->kill_at) {
			CALL(kill, app->pid, SIGKILL);
			app->kill_at = 0;
		}
		if (app->start_at != 0 && time >= app->start_at)
			restart(state, app);
		next = sooner(next, sooner(app->kill_at, app->start_at));
	}
	return sooner(next, step_keepers(state));
}
