/* SPDX-License-Identifier: Apache-2.0 */
/* What a process that executes a plan knows. */
#ifndef RKT_STATE_H
#define RKT_STATE_H

#include "kernel.h"
#include "parse.h"

/* The exit statuses of rkt-plan(5). */
enum status {
	STATUS_USAGE = 64,
	STATUS_MALFORMED = 65,
	STATUS_MISSING = 66,
	STATUS_SYSTEM = 71, /* instead of the next but one for a confinement */
	STATUS_LOCKED = 75,
	STATUS_REFUSED = 77,
	STATUS_CONFIGURATION = 78,
	STATUS_FAILED = 125,
	STATUS_NOT_EXECUTABLE = 126,
	STATUS_NOT_FOUND = 127,
	STATUS_SIGNAL = 128, /* and the number of the signal */
};

/* A plan that confines this process rather than starts a pod may have to do without what the kernel
 * lacks: Landlock is the only such thing. */
enum confinement {
	CONFINES_NOTHING,
	CONFINES_AS_POSSIBLE,
	CONFINES_STRICTLY,
};

/* A plan that is read, the lines of all plans, and the filters that they name. */
struct program {
	struct plan plans[MAX_PLANS];		/* the main plan is the first */
	const struct line *named_by[MAX_PLANS]; /* the `app` or `init` line that named the plan,
						   NULL for the main one */
	unsigned int plan_count;
	const struct line *filter_lines[MAX_FILTERS];
	struct sock_fprog filters[MAX_FILTERS];
	unsigned int filter_count;
	size_t directory_length; /* of the main plan's path: up to its last slash */
	int directory;		 /* in which the main plan lies, wherever that is by now */
	char **variables;	 /* of the caller's environment, NULL at the end */
	char **more;		 /* arguments that follow those of the last exec; NULL for none */
	enum confinement confinement;
};

struct environment {
	char *list[MAX_LINES + 1];
	unsigned int count;
};

struct pod;

/* One process's view: a child that a plan makes goes on with a copy. */
struct state {
	struct program *program;
	const struct plan *plan;
	const struct line *line;
	const char *reason; /* says why an operation failed, where no error number can */
	enum status status; /* with which a failure ends this process */
	bool traces;
	bool is_prepared;	/* for execve */
	bool keeps_descriptors; /* 60 to 62, for the program */
	bool is_filtered;	/* by seccomp: what the kernel is asked may kill this process */
	bool dies_with_parent;
	bool stays_dumpable;  /* but not what it makes: for others of its user to join it */
	uint64_t handled_fs;  /* the rights of the Landlock ruleset being made, as far as */
	uint64_t handled_net; /* the kernel knows them */
	bool lacks_landlock;  /* and is excused from having it */
	uint64_t locked;      /* the descriptors whose files are locked, a bit for each */
	int error_fd;	      /* standard error, as it was before `pipes` */
	int report_fd;	      /* these are -1 when there is none */
	int parent_fd;	      /* the end of a pipe of which the parent has the other */
	int failure_fd;	      /* tells the supervisor that the program is not executed */
	int ready_fd;	      /* tells the supervisor that the first process reaps */
	int terminal_fd;      /* the socket over which the parent is going to receive a terminal */
	int copied_fd[2];  /* standard output and error of the caller, while pipes stand in for them
			    */
	int pipe_fd[2];	   /* the reading ends of those pipes */
	bool has_terminal; /* standard input of the caller is a terminal, and is relayed */
	struct environment *environment;
	struct pod *pod;
};

/* The signals that are passed on, and those that a relaying or supervising process must not die of.
 */
#define SIGNAL_BIT(signal) (UINT64_C(1) << ((signal)-1))
#define FORWARDED_SIGNALS                                                                          \
	(SIGNAL_BIT(SIGTERM) | SIGNAL_BIT(SIGINT) | SIGNAL_BIT(SIGHUP) | SIGNAL_BIT(SIGQUIT) |     \
	 SIGNAL_BIT(SIGUSR1) | SIGNAL_BIT(SIGUSR2))
#define HANDLED_SIGNALS (FORWARDED_SIGNALS | SIGNAL_BIT(SIGWINCH) | SIGNAL_BIT(SIGCHLD))
#define BLOCKED_SIGNALS (HANDLED_SIGNALS | SIGNAL_BIT(SIGPIPE) | SIGNAL_BIT(SIGXFSZ))

/* Executes the plan of the state and exits. */
_Noreturn void execute(struct state *state);

/* Reports the operation that failed with this error, and exits. */
_Noreturn void fail(struct state *state, int error);

#endif
