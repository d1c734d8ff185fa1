/* SPDX-License-Identifier: Apache-2.0 */
/* A pod and its apps, as their supervisor knows them. */
#ifndef RKT_POD_H
#define RKT_POD_H

#include "processes.h"
#include "relay.h"

#define MAX_APP_PLAN 300u

/* What a starter, and the kernel for it, tell the supervisor: in memory that both have. */
struct note {
	int pid;       /* of the app, as the supervisor sees it; 0 if there is none */
	int inner_pid; /* and as the app itself does */
	int error;     /* why there is none; 0 if a line of a plan has said it */
	int stop_signal;
	unsigned int restart;
	unsigned int restarts;
};

/* Standard input, output and error of an app that has a keeper of its output. */
#define STREAMS 3

struct app {
	char plan[MAX_APP_PLAN]; /* its plan, or the one that starts it; empty in a free place */
	bool is_added;		 /* while the pod ran */
	int pid;		 /* 0 when it does not run */
	int status_fd;
	int cgroup_fd;
	int exec_fd; /* at its end when the program executes; -1 from then on */
	enum pid_namespace pid_namespace;
	int stream_fd[STREAMS]; /* of pipes, the app's ends; -1 without a keeper */
	int kept_fd[STREAMS];	/* and the keeper's */
	int keeper_pid;		/* 0 when there is none */
	uint64_t keep_at;	/* when the keeper is started once more */
	struct note *note;
	unsigned int restarts; /* so far */
	bool is_told;	       /* to stop: then it is not started anew */
	uint64_t started;      /* these are times in nanoseconds, 0 for none */
	uint64_t pause;	       /* before the next start */
	uint64_t start_at;
	uint64_t kill_at;
};

struct pod {
	struct child init; /* its pid is 0 before there is one, and when it has ended */
	int namespace_fd;  /* of its processes */
	int life_fds[2];   /* whoever has the first notices by it that the supervisor has died */
	int output_fd[2];  /* standard output and error of apps; -1 while they are this process's */
	bool is_supervised;
	unsigned int starting; /* apps of the plan whose program is not executed yet */
	int wait_status; /* with which the pod ends: of the first app that failed, or of a first
			    process that somebody has killed */
	uint64_t grace;
	int requests_fd; /* -1 if no app can come */
	bool is_stopping;
	unsigned int stop; /* apps from this one on have been told */
	struct relay relay;
	struct app apps[MAX_APPS];
	unsigned int app_count;
	struct app *started_by_plan; /* by a starter, whose plan has its line */
};

/* Of two times, 0 for never. */
uint64_t sooner(uint64_t one, uint64_t other);

/* Opens the status file of the app, beside its plan; returns 0 or an error. */
int open_status(const struct state *state, struct app *app);

/* Makes the pipes of an app that has a plan `output` beside its own, unless it has them. */
int make_streams(const struct state *state, struct app *app);

/* Starts the process that keeps the output of an app: it executes that plan. */
void start_keeper(struct state *state, struct app *app);

/* Notes the end of a keeper. One that was killed is started once more, with what it has left in the
 * pipes; one that fails, as long as the app writes. */
void note_keeper(struct app *app, int wait_status);

/* Starts the keepers that are due; returns when the next is, 0 for never. */
uint64_t step_keepers(struct state *state);

/* Whether the app has output that its keeper, or the next one, still has to take. */
bool is_kept(const struct app *app);

/* The app writes no more: with the last of what it has left behind, its keeper ends. */
void end_streams(struct app *app);

/* The path of what lies beside the plan of the app. */
void path_beside(const struct app *app, const char *name, char path[MAX_APP_PLAN + 16]);

/* Starts the app; returns 0 or an error, or -1 if the reason has been told. */
int start_app(struct state *state, struct app *app);

/* The place of an app that is added by the plan that starts it; NULL if there is none left. */
struct app *add_app(struct pod *pod, const char *plan);

/* Does what was asked for by files in the pod's directory. */
void take_requests(struct state *state);

/* Notes that the program of the app is executed; false if it is not, and the app is about to end.
 */
bool note_start(struct pod *pod, struct app *app);

/* Notes the end of the app, and what follows from it. */
void note_end(struct pod *pod, struct app *app, int wait_status);

/* Tells all apps to stop, one after the other; what is next is done by the other. */
void begin_stop(struct pod *pod);
void step_stop(struct pod *pod);

/* Does what is due at this time; returns when the next is, 0 for never. */
uint64_t step_times(struct state *state);

/* Tells the app to stop, and kills it when the time, in nanoseconds, is over. */
void tell_app(struct app *app, uint64_t patience);

/* Starts an app that was asked for, unless it runs. */
void start_added(struct state *state, struct app *app);

/* Of a pod whose supervisor gives up: ends it, and writes its status. Nothing without a pod. */
void end_failed_pod(struct state *state);

/* Ends the first process and all others, and waits for them. */
void end_pod(struct state *state);

#endif
