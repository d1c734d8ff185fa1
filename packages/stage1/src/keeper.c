/* SPDX-License-Identifier: Apache-2.0 */
/* The process that keeps the output of an app, outside of the pod: rkt-iomux(8). */
#include "descriptors.h"
#include "load.h"
#include "memory.h"
#include "pod.h"
#include "report.h"
#include "syscall.h"

/* What the plan of a keeper finds: the end to write the input to, and those to read the outputs
 * from. */
#define KEEPER_FIRST_FD 60

/* Between the failure of a keeper and its next start, in nanoseconds. */
#define KEEPER_PAUSE 100000000u

static void close_ends(int fds[STREAMS])
{
	for (int i = 0; i < STREAMS; i++) {
		close_fd(fds[i]);
		fds[i] = -1;
	}
}

void path_beside(const struct app *app, const char *name, char path[MAX_APP_PLAN + 16])
{
	size_t length = strlen(app->plan);
	memcpy(path, app->plan, length + 1);
	while (length > 0 && path[length - 1] != '/')
		length--;
	memcpy(path + length, name, strlen(name) + 1);
}

static bool has_keeper(const struct state *state, const struct app *app)
{
	char path[MAX_APP_PLAN + 16];
	struct statx status;
	path_beside(app, "output", path);
	return CALL(statx, state->program->directory, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE,
		    &status) == 0;
}

int make_streams(const struct state *state, struct app *app)
{
	if (app->stream_fd[1] >= 0 || !has_keeper(state, app))
		return 0;
	for (int i = 0; i < STREAMS; i++) {
		int ends[2];
		int result = keep_pipe(ends);
		if (result < 0) {
			close_ends(app->stream_fd);
			close_ends(app->kept_fd);
			return result;
		}
		/* Programs open /dev/stdout again, as users of the pod. */
		CALL(fchmod, ends[0], 0666);
		app->stream_fd[i] = ends[i == 0 ? 0 : 1];
		app->kept_fd[i] = ends[i == 0 ? 1 : 0];
	}
	return 0;
}

bool is_kept(const struct app *app)
{
	return app->kept_fd[1] >= 0;
}

_Noreturn static void become_keeper(struct state *state, const struct app *app)
{
	char path[MAX_APP_PLAN + 16];
	struct pod *pod = state->pod;
	for (int fd = 3; fd < (int)DESCRIPTORS; fd++)
		close_fd(fd);
	for (unsigned int i = 0; i < pod->app_count; i++)
		for (int stream = 0; stream < STREAMS; stream++)
			close_fd(pod->apps[i].stream_fd[stream]);
	CALL(prctl, PR_SET_DUMPABLE, 0);
	close_fd(pod->life_fds[1]);
	pod->init.pid = 0;
	state->locked = 0;
	state->line = NULL;
	state->environment->count = 0;
	forget_output(state);
	/* Whoever keeps the other end of the input keeps its end from the app: after a kill there
	 * is none. */
	for (int i = 0; i < STREAMS; i++) {
		int fd = app->kept_fd[i] >= 0
				 ? CHECKED(dup3, app->kept_fd[i], KEEPER_FIRST_FD + i, 0)
				 : CHECKED(openat, AT_FDCWD, "/dev/null", O_WRONLY);
		if (fd >= 0 && fd != KEEPER_FIRST_FD + i)
			CALL(dup3, fd, KEEPER_FIRST_FD + i, 0);
	}
	hide_environment();
	path_beside(app, "output", path);
	state->plan = load_again(state->program, path);
	state->keeps_descriptors = true;
	execute(state);
}

void start_keeper(struct state *state, struct app *app)
{
	struct birth birth = {.cgroup_fd = -1};
	app->keep_at = 0;
	if (!is_kept(app) || app->keeper_pid > 0)
		return;
	int pid = make_process(&birth);
	if (pid == 0)
		become_keeper(state, app);
	if (pid < 0) {
		mention("start", "iomux", -pid);
		app->keep_at = now(CLOCK_MONOTONIC) + KEEPER_PAUSE;
		return;
	}
	app->keeper_pid = pid;
	close_fd(app->kept_fd[0]);
	app->kept_fd[0] = -1;
}

void note_keeper(struct app *app, int wait_status)
{
	bool writes_more = app->stream_fd[1] >= 0;
	app->keeper_pid = 0;
	if (is_killed(wait_status) || (wait_status != 0 && writes_more))
		app->keep_at = now(CLOCK_MONOTONIC) + KEEPER_PAUSE;
	else
		close_ends(app->kept_fd);
}

uint64_t step_keepers(struct state *state)
{
	struct pod *pod = state->pod;
	uint64_t next = 0;
	for (unsigned int i = 0; i < pod->app_count; i++) {
		struct app *app = &pod->apps[i];
		if (app->keep_at != 0 && now(CLOCK_MONOTONIC) >= app->keep_at)
			start_keeper(state, app);
		next = sooner(next, app->keep_at);
	}
	return next;
}

void end_streams(struct app *app)
{
	close_ends(app->stream_fd);
}
