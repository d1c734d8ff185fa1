/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RKT_PREPARE_H
#define RKT_PREPARE_H

#include "state.h"

/* Leaves nothing of stage1 to the program that execve(2) is going to load: no descriptor but 0, 1,
 * 2, no blocked signal. */
void prepare_exec(struct state *state);

#endif
