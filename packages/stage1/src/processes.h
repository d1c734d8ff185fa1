/* SPDX-License-Identifier: Apache-2.0 */
/* Making processes, and what parents and children tell each other. */
#ifndef RKT_PROCESSES_H
#define RKT_PROCESSES_H

#include "state.h"

/* What a new process begins with; a cgroup of -1 stands for the caller's. */
struct birth {
	uint64_t flags;
	int cgroup_fd;
	int *pidfd; /* NULL if it is not wanted */
};

/* A copy of this process: returns the pid to the parent, 0 to the child, or an error. */
int make_process(const struct birth *birth);

/* Whether this process has the capability in its user namespace. */
bool has_capability(unsigned int capability);

/* Writes the text to a file of a process in proc, named with its slash. */
int write_proc(int pid, const char *name, const char *text, size_t length);

/* Writes one id map of a process, `/uid_map` or `/gid_map`; `-` writes none. */
int write_id_map(int pid, const char *name, const char *map);

/* Writes the id maps of a child that is in a new user namespace; `-` writes none. */
int write_id_maps(int pid, const char *uid_map, const char *gid_map);

/* Waits until the child has ended; returns its wait status, or an error. */
int wait_for(int pid);

/* Makes the kernel kill this process when its parent dies, after a change of credentials that
 * forgot it. */
void renew_death_with_parent(const struct state *state);

/* Appends the line of a process to a status file: a verb and up to two numbers; without numbers if
 * they are -1. One that cannot be written is mentioned once on standard error. */
void append_status(int fd, const char *verb, const int numbers[2]);

/* Appends how a process ended. */
void append_end(int fd, int wait_status);

/* Whether a signal ended the process that has this wait status. */
bool is_killed(int wait_status);

/* What this process exits with, of whose child this is the wait status. */
int status_of(int wait_status);

/* Lets no signal interrupt what comes, until the mask is reset before a program is executed. */
void block_signals(void);

/* A child that is waited for. */
struct child {
	int pid;
	int pidfd;
	int status_fd;
	int signal_fd; /* gives the blocked signals */
};

/* Blocks the signals that are handled, and returns a descriptor that gives them, or an error. */
int take_signals(void);

/* Waits, as the parent of a clone, for the child, and exits as it did. */
_Noreturn void be_parent(const struct state *state, const struct child *child);

/* Ends as the child has: relays the last output, writes the status, removes directories. */
struct relay;
_Noreturn void end_parent(struct relay *relay, int status_fd, int wait_status);

/* Closes, in a child, what its parent relays. */
void forget_output(struct state *state);

/* In a child: nothing happens until the parent has written a byte, and nothing after it has died.
 */
void begin_child(struct state *state, int parent_fd);

/* Lets the parent open what proc has of a child that it makes, or no longer; who may trace it needs
 * no leave. */
void set_dumpable_for_parent(bool dumpable);

/* Opens a namespace of a process, named by its file in proc such as `/ns/pid`. */
long open_namespace(int pid, const char *file);

/* Forgets what the parent of a clone is going to remove: in its child. */
void forget_removals(void);

/* Gives the memory that plans and filters were read into back to the kernel. */
void forget_plans(void);

#endif
