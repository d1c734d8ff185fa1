/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"
#include "pod.h"
#include "run.h"
#include "syscall.h"

/* Descriptors that the caller left open must not reach a pod, and its signals must not be blocked
 * or ignored there; nor may others of the caller's user look into this process. */
void forget_caller(void)
{
	static const struct signal_action by_default;
	uint64_t none = 0;
	CALL(prctl, PR_SET_DUMPABLE, 0);
	CALL(close_range, 3, UINT32_MAX, 0);
	for (int signal = 1; signal <= 64; signal++)
		CALL(rt_sigaction, signal, &by_default, NULL, sizeof(none));
	CALL(rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof(none));
	/* A file that is opened must not become the standard output of what runs later. */
	for (int fd = 0; fd < 3; fd++)
		if (CALL(fcntl, fd, F_GETFD) == -EBADF)
			CALL(openat, AT_FDCWD, "/dev/null", O_RDWR | O_NOCTTY);
}

_Noreturn static void run(struct program *program, bool traces)
{
	static struct environment environment;
	static struct pod pod;
	static struct state state;
	state = (struct state){
		.program = program,
		.plan = &program->plans[0],
		.traces = traces,
		.error_fd = 2,
		.report_fd = -1,
		.parent_fd = -1,
		.failure_fd = -1,
		.ready_fd = -1,
		.terminal_fd = -1,
		.copied_fd = {-1, -1},
		.pipe_fd = {-1, -1},
		.environment = &environment,
		.pod = &pod,
	};
	execute(&state);
}

_Noreturn void run_plan(const char *path, bool traces)
{
	static struct program program;
	load_program(&program, path);
	run(&program, traces);
}

_Noreturn void run_confined(const struct confined *confined)
{
	static struct program program;
	program.confinement = confined->confinement;
	program.more = confined->more;
	program.variables = confined->variables;
	load_text(&program, confined->directory, confined->text);
	run(&program, false);
}
