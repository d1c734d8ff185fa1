/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RKT_REPORT_H
#define RKT_REPORT_H

#include "output.h"
#include "state.h"

/* What went wrong with a file, before any plan runs. */
struct complaint {
	const char *directory; /* put before the path up to this length */
	size_t directory_length;
	const char *path;
	const char *beside; /* the name of a file beside it, which is meant; NULL: it is itself */
	const struct problem *problem; /* NULL if the file could not be read */
	const char *reason;	       /* NULL: the text of the error */
	int error;
};

/* Prints a complaint in one line, and exits. */
_Noreturn void complain(enum status status, const struct complaint *complaint);

/* Prints `stage1: cannot VERB "OBJECT": REASON` and exits. */
_Noreturn void complain_simply(enum status status, const char *verb, const char *object,
			       const char *reason);

/* Prints `stage1: cannot VERB "OBJECT": REASON` and goes on. */
void mention(const char *verb, const char *object, int error);

/* Prints an operation and how long it took. */
void trace(const struct state *state, uint64_t microseconds);

/* Nanoseconds of the clock. */
uint64_t now(int clock);

#endif
