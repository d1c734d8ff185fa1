/* SPDX-License-Identifier: Apache-2.0 */
/* The first process of a pod: it reaps what nobody else does, and ends the pod when its supervisor
 * has died. */
#include "descriptors.h"
#include "memory.h"
#include "ops.h"
#include "pod.h"
#include "syscall.h"

/* How long the pod's processes may take to die. Those whose parents are gone may wait for a first
 * process of the host that never reaps. */
#define END_ATTEMPTS 5000
#define END_PAUSE_NS 2000000

_Noreturn static void become_init(struct state *state, int life_fd, int ready_fd)
{
	close_fd(state->pod->init.signal_fd);
	begin_child(state, life_fd);
	state->ready_fd = ready_fd;
	for (unsigned int i = 0; i < state->program->plan_count; i++)
		if (state->program->named_by[i] == state->line)
			state->plan = &state->program->plans[i];
	execute(state);
}

/* The first process tells when it reaps; if it ends before, it has told why. */
static void wait_for_init(struct state *state, int ready_fd)
{
	char byte;
	long length;
	do {
		length = CALL(read, ready_fd, &byte, 1);
	} while (length == -EINTR);
	close_fd(ready_fd);
	if (length == 1)
		return;
	/* Of an error, nothing else would end it. */
	if (length < 0)
		CALL(kill, state->pod->init.pid, SIGKILL);
	begin_relay(&state->pod->relay, state);
	end_parent(&state->pod->relay, state->pod->init.status_fd, wait_for(state->pod->init.pid));
}

int perform_init(struct state *state, const struct arguments *arguments)
{
	struct pod *pod = state->pod;
	struct child *init = &pod->init;
	struct birth birth = {
		.flags = CLONE_NEWPID,
		.cgroup_fd = fd_of(arguments, 1),
	};
	int ready[2];
	int result = keep_pipe(ready);
	if (result == 0)
		result = keep_pipe(pod->life_fds);
	if (result == 0)
		result = init->signal_fd = take_signals();
	if (result < 0)
		return result;
	/* A change of ids, even back, has made it undumpable; and a user's own capabilities do not
	 * count for a program that was executed outside of the user's namespace. */
	CALL(prctl, PR_SET_DUMPABLE, 1);
	/* Nobody in the pod needs to know where on the host its plan lies, not for a moment. */
	hide_arguments("rkt-init");
	int pid = make_process(&birth);
	if (pid == 0) {
		close_fd(ready[0]);
		close_fd(pod->life_fds[1]);
		become_init(state, pod->life_fds[0], ready[1]);
	}
	show_arguments();
	close_fd(ready[1]);
	if (pid < 0)
		return pid;
	init->pid = pid;
	init->status_fd = fd_of(arguments, 2);
	pod->namespace_fd = keep(open_namespace(pid, "/ns/pid"));
	CALL(prctl, PR_SET_DUMPABLE, state->stays_dumpable);
	if (pod->namespace_fd < 0)
		return pod->namespace_fd;
	append_status(init->status_fd, "started", (int[2]){(int)CALL(getpid, 0), pid});
	result = CHECKED(write, pod->life_fds[1], "", 1);
	if (result < 0)
		return result;
	wait_for_init(state, ready[0]);
	return 0;
}

static void reap_all(void)
{
	while (CALL(wait4, -1, NULL, WNOHANG, NULL) > 0)
		;
}

/* Only when no process is left this one ends, and with it the lock. */
_Noreturn static void end_processes(void)
{
	struct __kernel_timespec pause = {.tv_nsec = END_PAUSE_NS};
	for (int i = 0; i < END_ATTEMPTS && CALL(kill, -1, SIGKILL) != -ESRCH; i++) {
		CALL(ppoll, NULL, 0, &pause, NULL);
		reap_all();
	}
	exit_now(STATUS_SIGNAL + SIGKILL);
}

/*
 * A process that the kernel kills gives up its lock before its children are dead.
 * So from here on the death of the parent is noticed by the pipe; the signal only sees to it that
 * this process runs.
 */
int perform_reap(struct state *state, const struct arguments *arguments)
{
	uint64_t mask = SIGNAL_BIT(SIGCHLD);
	(void)arguments;
	if (CALL(getpid, 0) != 1) {
		state->reason = "not the first process of a pid namespace";
		return -1;
	}
	block_signals();
	int signal_fd = keep(CALL(signalfd4, -1, &mask, sizeof(mask), SFD_CLOEXEC | SFD_NONBLOCK));
	if (signal_fd < 0)
		return signal_fd;
	CALL(prctl, PR_SET_PDEATHSIG, SIGCONT);
	close_all_but(state->locked);
	close_fd(state->report_fd);
	state->report_fd = -1;
	int result = CHECKED(write, state->ready_fd, "", 1);
	if (result < 0)
		return result;
	close_fd(state->ready_fd);
	forget_plans();
	for (;;) {
		struct signalfd_siginfo info;
		struct pollfd polls[] = {{.fd = state->parent_fd},
					 {.fd = signal_fd, .events = POLLIN}};
		if (CALL(ppoll, polls, 2, NULL, NULL) < 0)
			continue;
		if ((polls[0].revents & POLLHUP) != 0)
			end_processes();
		CALL(read, signal_fd, &info, sizeof(info));
		reap_all();
	}
}
