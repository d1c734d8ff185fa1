/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include "kernel.h"
#include "memory.h"

/* Keeps the compiler from recognising a loop as the very function that it stands in. */
#define KEEP_LOOP() __asm__ volatile("" ::: "memory")

char **own_arguments;

/* What stood where hide_arguments() wrote; the rest of longer ones stays hidden. */
static struct {
	char text[2 * PATH_MAX];
	size_t length;
} shown;

/* The kernel puts all of them one behind the other, and a NULL behind the pointers to each of both
 * kinds: arguments and environment. */
static char *end_of_kind(unsigned int kind)
{
	char *end = own_arguments[0];
	for (char **next = own_arguments; kind > 0; next++)
		if (*next == NULL)
			kind--;
		else
			end = *next + strlen(*next);
	return end;
}

static bool has_arguments(void)
{
	return own_arguments != NULL && own_arguments[0] != NULL;
}

void hide_arguments(const char *name)
{
	if (!has_arguments())
		return;
	char *end = end_of_kind(1);
	shown.length = (size_t)(end - own_arguments[0]);
	if (shown.length > sizeof(shown.text))
		shown.length = sizeof(shown.text);
	memcpy(shown.text, own_arguments[0], shown.length);
	for (char *at = own_arguments[0]; at < end; at++) {
		*at = *name;
		name += *name != '\0';
	}
}

void show_arguments(void)
{
	if (has_arguments())
		memcpy(own_arguments[0], shown.text, shown.length);
}

void hide_environment(void)
{
	if (!has_arguments())
		return;
	char *end = end_of_kind(2);
	for (char *at = end_of_kind(1); at < end; at++)
		*at = '\0';
}

bool is_same(const char *left, const char *right)
{
	while (*left != '\0' && *left == *right) {
		left++;
		right++;
	}
	return *left == *right;
}

bool has_prefix(const char *text, const char *prefix)
{
	while (*prefix != '\0')
		if (*text++ != *prefix++)
			return false;
	return true;
}

/* A build with sanitizers takes these from the C library, whose versions check their arguments. */
#ifndef HOSTED
void *memcpy(void *restrict to, const void *restrict from, size_t length)
{
	char *out = to;
	const char *in = from;
	while (length-- > 0) {
		*out++ = *in++;
		KEEP_LOOP();
	}
	return to;
}

void *memmove(void *to, const void *from, size_t length)
{
	char *out = to;
	const char *in = from;
	if ((uintptr_t)out <= (uintptr_t)in)
		return memcpy(to, from, length);
	while (length-- > 0) {
		out[length] = in[length];
		KEEP_LOOP();
	}
	return to;
}

void *memset(void *at, int byte, size_t length)
{
	unsigned char *out = at;
	while (length-- > 0) {
		*out++ = (unsigned char)byte;
		KEEP_LOOP();
	}
	return at;
}

int memcmp(const void *left, const void *right, size_t length)
{
	const unsigned char *a = left;
	const unsigned char *b = right;
	for (; length > 0; length--, a++, b++)
		if (*a != *b)
			return *a < *b ? -1 : 1;
	return 0;
}

size_t strlen(const char *text)
{
	size_t length = 0;
	while (text[length] != '\0') {
		length++;
		KEEP_LOOP();
	}
	return length;
}
#endif
