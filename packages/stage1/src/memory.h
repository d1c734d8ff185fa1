/* SPDX-License-Identifier: Apache-2.0 */
/* The few functions on memory and strings that are used; the first four may also be called by the
 * compiler. */
#ifndef RKT_MEMORY_H
#define RKT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t length);
void *memmove(void *to, const void *from, size_t length);
void *memset(void *at, int byte, size_t length);
int memcmp(const void *left, const void *right, size_t length);
size_t strlen(const char *text);

/* Whether two strings are the same. */
bool is_same(const char *left, const char *right);

/* Whether the string begins so. */
bool has_prefix(const char *text, const char *prefix);

/* The arguments of this program as the kernel put them, and behind their NULL its environment; NULL
 * in a program that a C library has started. */
extern char **own_arguments;

/* Puts a name in place of the arguments, which everybody can read in proc, and them back there. */
void hide_arguments(const char *name);
void show_arguments(void);

/* Clears the environment as others see it in proc. */
void hide_environment(void);

#endif
