/* SPDX-License-Identifier: Apache-2.0 */
/* Starting the apps of a pod. */
#include "descriptors.h"
#include "load.h"
#include "memory.h"
#include "ops.h"
#include "pod.h"
#include "syscall.h"

/* One note for each place; they are made with the first app. */
static struct note *notes;

static int make_notes(void)
{
	const size_t size = MAX_APPS * sizeof(struct note);
	if (notes != NULL)
		return 0;
	long mapped =
		CALL(mmap, NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (mapped < 0 && mapped > -PATH_MAX)
		return (int)mapped;
	notes = (struct note *)mapped;
	return 0;
}

static const struct plan *plan_of(const struct state *state)
{
	const struct program *program = state->program;
	for (unsigned int i = 1; i < program->plan_count; i++)
		if (program->named_by[i] == state->line)
			return &program->plans[i];
	return &program->plans[1];
}

/* In the app: nothing of the supervisor is left but the descriptors of the plan, without the locks.
 */
_Noreturn static void become_app(struct state *state, const struct app *app)
{
	struct pod *pod = state->pod;
	for (int fd = 0; fd < (int)DESCRIPTORS; fd++)
		if ((state->locked & descriptor_bit(fd)) != 0)
			close_fd(fd);
	for (unsigned int i = 0; i < pod->app_count; i++)
		close_fd(pod->apps[i].exec_fd);
	close_fd(pod->life_fds[1]);
	state->locked = 0;
	state->parent_fd = pod->life_fds[0];
	/* Those in the processes of the pod end with its first one. */
	state->dies_with_parent = app->pid_namespace != PID_POD;
	renew_death_with_parent(state);
	state->plan = plan_of(state);
	state->environment->count = 0;
	execute(state);
}

/* In the starter, which only is there because nobody comes back from a pid namespace: the app
 * becomes a child of the supervisor. */
_Noreturn static void give_birth(struct state *state, const struct app *app)
{
	struct note *note = app->note;
	struct clone_args arguments = {
		.flags = CLONE_PARENT | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID,
		.parent_tid = (uint64_t)(uintptr_t)&note->pid,
		.child_tid = (uint64_t)(uintptr_t)&note->inner_pid,
	};
	int result = 0;
	if (app->cgroup_fd >= 0) {
		arguments.flags |= CLONE_INTO_CGROUP;
		arguments.cgroup = (unsigned int)app->cgroup_fd;
	}
	if (app->pid_namespace == PID_APP)
		arguments.flags |= CLONE_NEWPID;
	if (app->pid_namespace == PID_POD)
		result = CHECKED(setns, state->pod->namespace_fd, CLONE_NEWPID);
	if (result == 0)
		result = CHECKED(clone3, &arguments, sizeof(arguments));
	if (result == 0)
		become_app(state, app);
	note->error = result < 0 ? -result : 0;
	exit_now(result < 0);
}

/* What starts a second time has its plans read once more: the supervisor has forgotten them. */
_Noreturn static void become_starter(struct state *state, struct app *app, int failure_fd)
{
	struct pod *pod = state->pod;
	state->failure_fd = failure_fd;
	pod->init.pid = 0;
	CALL(prctl, PR_SET_DUMPABLE, 0);
	hide_arguments("rkt-init");
	hide_environment();
	forget_output(state);
	for (int i = 0; i < 2 && pod->is_supervised; i++)
		CALL(dup3, pod->output_fd[i], i + 1, 0);
	for (int i = 0; i < STREAMS; i++)
		if (app->stream_fd[i] >= 0)
			CALL(dup3, app->stream_fd[i], i, 0);
	if (!pod->is_supervised)
		give_birth(state, app);
	state->line = NULL;
	if (!app->is_added) {
		load_again(state->program, app->plan);
		give_birth(state, app);
	}
	pod->started_by_plan = app;
	state->plan = load_start(state->program, app->plan);
	execute(state);
}

static int make_app(struct state *state, struct app *app)
{
	struct birth birth = {.cgroup_fd = -1};
	struct note *note = app->note;
	int ends[2];
	int result = keep_pipe(ends);
	if (result < 0)
		return result;
	note->pid = 0;
	note->error = 0;
	int starter = make_process(&birth);
	if (starter == 0) {
		close_fd(ends[0]);
		become_starter(state, app, ends[1]);
	}
	close_fd(ends[1]);
	result = starter < 0 ? starter : wait_for(starter);
	if (result >= 0 && note->pid > 0) {
		app->pid = note->pid;
		app->exec_fd = ends[0];
		return 0;
	}
	close_fd(ends[0]);
	if (result < 0)
		return result;
	return note->error > 0 ? -note->error : -1;
}

int start_app(struct state *state, struct app *app)
{
	int result = make_streams(state, app);
	if (result < 0)
		return result;
	result = make_app(state, app);
	/* What a failed start has said is output, too. */
	start_keeper(state, app);
	return result;
}

struct app *add_app(struct pod *pod, const char *plan)
{
	struct app *app = NULL;
	for (unsigned int i = 0; i < pod->app_count && app == NULL; i++)
		if (pod->apps[i].plan[0] == '\0')
			app = &pod->apps[i];
	if (app == NULL && pod->app_count < MAX_APPS)
		app = &pod->apps[pod->app_count++];
	if (app == NULL || strlen(plan) >= sizeof(app->plan) || make_notes() < 0)
		return NULL;
	*app = (struct app){
		.status_fd = -1,
		.cgroup_fd = -1,
		.exec_fd = -1,
		.stream_fd = {-1, -1, -1},
		.kept_fd = {-1, -1, -1},
		.note = &notes[app - pod->apps],
	};
	memcpy(app->plan, plan, strlen(plan) + 1);
	return app;
}

int open_status(const struct state *state, struct app *app)
{
	char path[MAX_APP_PLAN + 16];
	path_beside(app, "status", path);
	close_fd(app->status_fd);
	app->status_fd = keep(CALL(openat, state->program->directory, path,
				   O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC));
	return app->status_fd < 0 ? app->status_fd : 0;
}

int perform_app(struct state *state, const struct arguments *arguments)
{
	struct pod *pod = state->pod;
	struct app *app = pod->started_by_plan;
	bool is_starter = app != NULL;
	if (!is_starter)
		app = add_app(pod, arguments->text[1]);
	if (app == NULL)
		return -ENAMETOOLONG;
	app->cgroup_fd = fd_of(arguments, 2);
	app->pid_namespace = (enum pid_namespace)arguments->number[4];
	app->note->stop_signal = (int)arguments->number[3];
	app->note->restart = (unsigned int)arguments->number[5];
	app->note->restarts = (unsigned int)arguments->number[6];
	if (is_starter)
		give_birth(state, app);
	/* The plan may use the number for the next one. */
	if (app->cgroup_fd >= 0)
		app->cgroup_fd = CHECKED(fcntl, app->cgroup_fd, F_DUPFD_CLOEXEC, DESCRIPTORS);
	int result = open_status(state, app);
	if (result == 0)
		result = start_app(state, app);
	if (result == 0)
		pod->starting++;
	return result;
}
