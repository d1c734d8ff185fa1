/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RKT_RUN_H
#define RKT_RUN_H

#include "state.h"

/* Closes what the caller left open, and takes signals as a program of its own does. */
void forget_caller(void);

/* Reads the plan, checks it, executes it, and exits. */
_Noreturn void run_plan(const char *path, bool traces);

/* What becomes a program that its caller confines. */
struct confined {
	enum confinement confinement;
	const char *directory; /* where the filters lie */
	const char *text;      /* of the plan */
	char **more;	       /* arguments of the program behind those of the plan */
	char **variables;      /* of the caller */
};

/* The same for a plan that is a text. */
_Noreturn void run_confined(const struct confined *confined);

#endif
