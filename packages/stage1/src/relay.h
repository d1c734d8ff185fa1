/* SPDX-License-Identifier: Apache-2.0 */
/* Copies between the caller's terminal and what stands in for it in a child. */
#ifndef RKT_RELAY_H
#define RKT_RELAY_H

#include "state.h"

/* Bytes go through a buffer: nothing more is read before it is written, so a slow reader slows the
 * writer down. */
struct channel {
	int from; /* -1 when there is nothing more to read */
	int to;
	unsigned int start;
	unsigned int end;
	bool is_broken; /* what is read is dropped: nobody can take it any more */
	char *buffer;
	const char *name; /* for the message when nothing can be written any more; NULL for none */
};

enum {
	CHANNEL_OUTPUT,
	CHANNEL_ERROR,
	CHANNEL_TO_TERMINAL,   /* standard input to the pseudoterminal */
	CHANNEL_FROM_TERMINAL, /* and back to standard output */
	CHANNEL_COUNT,
};

struct relay {
	struct channel channels[CHANNEL_COUNT];
	int socket; /* over which the pseudoterminal comes; -1 when it is not expected */
	int master; /* -1 without one */
	bool is_raw;
	struct termios saved;
};

/* Takes over the pipes and the socket of the state. */
void begin_relay(struct relay *relay, const struct state *state);

/* What to wait for; returns how many entries were filled, at most RELAY_POLLS. */
#define RELAY_POLLS (CHANNEL_COUNT + 1)
unsigned int fill_polls(const struct relay *relay, struct pollfd *polls);

/* Copies what can be copied without waiting. */
void step_relay(struct relay *relay, const struct pollfd *polls, unsigned int count);

/* Gives the pseudoterminal the size of the caller's terminal. */
void copy_window_size(const struct relay *relay);

/* Copies what the child has left behind, and puts the terminal back as it was. */
void end_relay(struct relay *relay);

#endif
