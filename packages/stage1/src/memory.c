/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include "memory.h"

/* Keeps the compiler from recognising a loop as the very function that it stands in. */
#define KEEP_LOOP() __asm__ volatile("" ::: "memory")

char **own_arguments;

/* The kernel puts all of them one behind the other, and a NULL behind the pointers to each kind. */
void hide_arguments(const char *name)
{
	char *end = NULL;
	unsigned int kinds = 0;
	if (own_arguments == NULL || own_arguments[0] == NULL)
		return;
	for (char **next = own_arguments; kinds < 2; next++)
		if (*next == NULL)
			kinds++;
		else
			end = *next + strlen(*next);
	for (char *at = own_arguments[0]; at < end; at++) {
		*at = *name;
		name += *name != '\0';
	}
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
