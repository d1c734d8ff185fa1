/* SPDX-License-Identifier: Apache-2.0 */
#include "limits.h"
#include "memory.h"
#include "words.h"

/* How many bytes the sequence has that begins here; 0 if it is malformed. Table 3-7 of the Unicode
 * standard. */
static size_t sequence_length(const unsigned char *at, size_t left)
{
	static const struct {
		unsigned char first, last, low, high, length;
	} forms[] = {
		{0x00, 0x7f, 0, 0, 1},	     {0xc2, 0xdf, 0x80, 0xbf, 2},
		{0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
		{0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
		{0xf4, 0xf4, 0x80, 0x8f, 4},
	};
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (at[0] < forms[i].first || at[0] > forms[i].last)
			continue;
		size_t length = forms[i].length;
		if (length > left)
			return 0;
		if (length > 1 && (at[1] < forms[i].low || at[1] > forms[i].high))
			return 0;
		for (size_t k = 2; k < length; k++)
			if (at[k] < 0x80 || at[k] > 0xbf)
				return 0;
		return length;
	}
	return 0;
}

bool is_utf8(const char *text, size_t length)
{
	const unsigned char *at = (const unsigned char *)text;
	while (length > 0) {
		size_t step = *at < 0x80 ? 1 : sequence_length(at, length);
		if (step == 0)
			return false;
		at += step;
		length -= step;
	}
	return true;
}

static bool is_octal(char digit)
{
	return digit >= '0' && digit <= '7';
}

ptrdiff_t decode_word(const char *word, size_t length, char *to)
{
	const char *end = word + length;
	char *out = to;
	if (length == 2 && word[0] == '"' && word[1] == '"')
		word = end;
	while (word < end) {
		if (*word != '\\') {
			*out++ = *word++;
			continue;
		}
		if (end - word < 4 || !is_octal(word[1]) || !is_octal(word[2]) ||
		    !is_octal(word[3]))
			return -1;
		int byte = (word[1] - '0') * 64 + (word[2] - '0') * 8 + (word[3] - '0');
		if (byte == 0 || byte > 0xff)
			return -1;
		*out++ = (char)byte;
		word += 4;
	}
	*out = '\0';
	return out - to;
}

bool parse_decimal(const char *text, size_t length, uint64_t most, uint64_t *value)
{
	uint64_t number = 0;
	if (length == 0 || (length > 1 && text[0] == '0'))
		return false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		if (__builtin_mul_overflow(number, 10u, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(text[i] - '0'), &number))
			return false;
	}
	*value = number;
	return number <= most;
}

bool parse_mode(const char *text, uint64_t *value)
{
	uint64_t mode = 0;
	if (strlen(text) != 4)
		return false;
	for (size_t i = 0; i < 4; i++) {
		if (!is_octal(text[i]))
			return false;
		mode = mode * 8 + (uint64_t)(text[i] - '0');
	}
	*value = mode;
	return true;
}

bool parse_extent(const char **text, uint64_t extent[3])
{
	static const uint64_t most[3] = {ID_MAX, ID_MAX, UINT32_MAX};
	const char *at = *text;
	for (size_t i = 0; i < 3; i++) {
		size_t length = 0;
		while (at[length] != '\0' && at[length] != ':' && at[length] != ',')
			length++;
		if (!parse_decimal(at, length, most[i], &extent[i]))
			return false;
		at += length;
		if (i < 2 && *at++ != ':')
			return false;
	}
	if (*at == ':' || (at[0] == ',' && at[1] == '\0') || extent[2] == 0)
		return false;
	*text = *at == ',' ? at + 1 : at;
	return true;
}

bool is_id_map(const char *text)
{
	uint64_t extent[3];
	if (is_same(text, "-"))
		return true;
	for (unsigned int count = 0; count < MAX_EXTENTS; count++) {
		if (!parse_extent(&text, extent))
			return false;
		if (*text == '\0')
			return true;
	}
	return false;
}
