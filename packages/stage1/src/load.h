/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RKT_LOAD_H
#define RKT_LOAD_H

#include "state.h"

/* Reads and checks the plan, those that it names, and their filters; complains and exits if one is
 * not as it must be. */
void load_program(struct program *program, const char *path);

/* The same for a plan that is given as a text; its filters lie in the directory. */
void load_text(struct program *program, const char *directory, const char *text);

/* Reads a plan of an app once more, when all have been forgotten: its path is relative to the main
 * plan, and so are messages. */
const struct plan *load_again(struct program *program, const char *path);

/* The same for a plan that starts an app, and the plan of that app. */
const struct plan *load_start(struct program *program, const char *path);

#endif
