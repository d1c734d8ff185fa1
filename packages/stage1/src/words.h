/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a plan line: their encoding and the numbers they can be. Pure: no system calls. */
#ifndef RKT_WORDS_H
#define RKT_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether the bytes are well-formed UTF-8: no overlong form, no surrogate, nothing above U+10FFFF.
 */
bool is_utf8(const char *text, size_t length);

/*
 * Decodes the word of that length to another place, which may be the same one, and terminates it.
 * Returns the length of the result, which is never longer, or -1 if an escape is malformed or
 * stands for a NUL byte. Whether the result is UTF-8 is for the caller to ask.
 */
ptrdiff_t decode_word(const char *word, size_t length, char *to);

/* A decimal number without sign or leading zeros, up to most. */
bool parse_decimal(const char *text, size_t length, uint64_t most, uint64_t *value);

/* Exactly four octal digits. */
bool parse_mode(const char *text, uint64_t *value);

/* The three numbers of an extent of an id map; moves the text to behind the extent and its comma.
 */
bool parse_extent(const char **text, uint64_t extent[3]);

/* Whether the text is an id map: extents joined by commas. */
bool is_id_map(const char *text);

#endif
