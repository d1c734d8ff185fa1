/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of text that are built in a buffer of their own and written in one call. */
#ifndef RKT_OUTPUT_H
#define RKT_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a pipe takes in one piece and a log keeps in one line. */
#define MAX_OUTPUT 1024u

struct output {
	char text[MAX_OUTPUT];
	size_t length;
};

void put(struct output *output, const char *text);
void put_number(struct output *output, uint64_t number);

/* With zeros before it, to this width. */
void put_padded(struct output *output, uint64_t number, unsigned int width, char padding);

/* Words, one behind the other, as a plan writes them; what is not printable ASCII is escaped, and
 * the end cut at most bytes. */
void put_words(struct output *output, const char *words, unsigned int count, size_t most);

/* Writes what was put, and empties the output. */
bool flush(struct output *output, int fd);

/* The short text of an error number. */
void put_error(struct output *output, int error);

#endif
