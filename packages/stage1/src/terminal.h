/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal of whoever has started this program, while what is typed is for another. */
#ifndef RKT_TERMINAL_H
#define RKT_TERMINAL_H

#include <stdbool.h>
#include "kernel.h"

/* Lets standard input give every byte as it is typed, and keeps how it was; false if it is no
 * terminal or refuses. */
bool make_raw(struct termios *saved);

#endif
