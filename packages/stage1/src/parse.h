/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a plan becomes lines, and a line becomes arguments. Pure: no system calls. */
#ifndef RKT_PARSE_H
#define RKT_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "generated/operations.h"
#include "limits.h"

/* An operation line: its decoded words lie one behind the other, each with its NUL. */
struct line {
	char *words;
	uint32_t number;
	uint16_t count; /* of words, the operation included */
	uint8_t operation;
};

/* What a plan may be used for. */
enum role {
	ROLE_MAIN,
	ROLE_APP,
	ROLE_INIT,  /* of the first process of a pod */
	ROLE_START, /* starts an app in a running pod */
};

struct plan {
	/* All others lie beneath the directory of the main plan. */
	enum role role;
	const char *path;
	struct line *lines;
	unsigned int count;
};

/* Why a plan is refused; operation and words are NULL if there are none, line is 0 for the file as
 * a whole. */
struct problem {
	uint32_t line;
	const char *operation;
	const char *words;
	const char *reason;
	const char *wanted;
};

/* The values of a line, by the position of the argument. */
struct arguments {
	uint64_t number[MAX_ARGUMENTS]; /* descriptors: -1 for none, AT_FDCWD; limits; flags */
	char *text[MAX_ARGUMENTS];
	char *rest; /* the words that a list argument has */
	unsigned int rest_count;
};

/* Reads the text, which is decoded in place, into at most so many lines; the plan keeps pointers
 * into both. */
bool parse_plan(char *text, size_t length, struct plan *plan, struct problem *problem);

/* The values of a line; never fails for a line that parse_plan accepted. */
bool parse_arguments(const struct line *line, struct arguments *arguments, struct problem *problem);

/* The values of constants joined by `|`, or 0. */
bool parse_flags(const char *text, enum set set, uint64_t *value);

/* Whether the lines stand in an order and number in which they may be executed. */
bool check_plan(const struct plan *plan, struct problem *problem);

/* The word behind this one. */
char *next_word(char *word);

#endif
