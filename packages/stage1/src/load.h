/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RKT_LOAD_H
#define RKT_LOAD_H

#include "state.h"

/* Reads and checks the plan, those that it names, and their filters; complains and exits if one is
 * not as it must be. */
void load_program(struct program *program, const char *path);

#endif
