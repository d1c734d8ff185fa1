/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RKT_RUN_H
#define RKT_RUN_H

#include "state.h"

/* Closes what the caller left open, and takes signals as a program of its own does. */
void forget_caller(void);

/* Reads the plan, checks it, executes it, and exits. */
_Noreturn void run_plan(const char *path, bool traces);

#endif
