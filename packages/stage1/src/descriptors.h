/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RKT_DESCRIPTORS_H
#define RKT_DESCRIPTORS_H

#include "state.h"

static inline int fd_of(const struct arguments *arguments, unsigned int index)
{
	return (int)arguments->number[index];
}

/* Moves a new descriptor, or passes on an error, to the number that the plan has for it. */
int place(struct state *state, long opened, int fd, unsigned int flags);

/* Moves a new descriptor above those of plans; returns the new number or an error. */
int keep(long opened);

/* Makes a pipe whose ends both lie above the descriptors of plans. */
int keep_pipe(int ends[2]);

void close_fd(int fd);

/* Closes every descriptor of plans but those, a bit for each. */
void close_all_but(uint64_t kept);

static inline uint64_t descriptor_bit(int fd)
{
	return fd < 0 || fd >= (int)DESCRIPTORS ? 0 : UINT64_C(1) << fd;
}

#endif
