/* SPDX-License-Identifier: Apache-2.0 */
/* The other side of the socket: what `iomux --attach` and its like do. */
#ifndef RKT_IOMUX_ATTACH_H
#define RKT_IOMUX_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_KEYS 8u

/* The keys that end the connection and not the app, as bytes of a terminal. */
struct detach_keys {
	char keys[MAX_KEYS];
	size_t count;
	size_t pressed; /* how many of them have just been typed, and are not passed on yet */
};

/* Whether the arguments ask for one of these; then this ends the program. */
bool is_for_client(int count, char **arguments);
int run_client(int count, char **arguments);

/* iomux-keys.c: without system calls. Keys are letters or ctrl-LETTER, joined by commas. */
bool parse_keys(const char *text, struct detach_keys *keys);

/*
 * Copies what was typed and is no detach key; there is room for MAX_KEYS bytes more than were
 * typed. Returns true if all the keys were typed: what is typed behind them is not used.
 */
bool filter_keys(struct detach_keys *keys, const char *typed, size_t length, char *to,
		 size_t *copied);

#endif
