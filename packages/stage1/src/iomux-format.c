/* SPDX-License-Identifier: Apache-2.0 */
#include "iomux-format.h"
#include "memory.h"
#include "words.h"

/* How many bytes the sequence has that begins so; 1 for what begins none. */
static size_t length_by_first(unsigned char byte)
{
	if (byte >= 0xf0 && byte <= 0xf4)
		return 4;
	if (byte >= 0xe0 && byte < 0xf0)
		return 3;
	return byte >= 0xc2 && byte < 0xe0 ? 2 : 1;
}

/* A long line is cut between characters where there are any. */
static size_t last_boundary(const char *text, size_t length)
{
	for (size_t back = 1; back < 4; back++) {
		unsigned char byte = (unsigned char)text[length - back];
		if (length_by_first(byte) > back)
			return length - back;
		if ((byte & 0xc0) != 0x80)
			break;
	}
	return length;
}

size_t cut_piece(const char *text, size_t length, bool is_end, struct piece *piece)
{
	size_t most = length > MAX_LINE ? MAX_LINE + 1 : length;
	for (size_t i = 0; i < most; i++) {
		if (text[i] != '\n')
			continue;
		*piece = (struct piece){.text = text, .length = i, .is_full = true};
		return i + 1;
	}
	if (length <= MAX_LINE && !is_end)
		return 0;
	*piece = (struct piece){.text = text, .length = length};
	if (length > MAX_LINE)
		piece->length = last_boundary(text, MAX_LINE);
	return piece->length;
}

static char *append(char *to, const char *text)
{
	while (*text != '\0')
		*to++ = *text++;
	return to;
}

static char *append_bytes(char *to, const char *text, size_t length)
{
	memcpy(to, text, length);
	return to + length;
}

static char *append_escape(char *to, unsigned char byte)
{
	static const char digits[] = "0123456789abcdef";
	if (byte == '"' || byte == '\\') {
		*to++ = '\\';
		*to++ = (char)byte;
		return to;
	}
	to = append(to, "\\u00");
	*to++ = digits[byte >> 4];
	*to++ = digits[byte & 15];
	return to;
}

/* JSON is UTF-8, and has no way to say a byte that is no part of it: that one becomes U+FFFD. */
static char *append_json(char *to, const char *text, size_t length)
{
	while (length > 0) {
		unsigned char byte = (unsigned char)*text;
		size_t step = length_by_first(byte);
		if (byte < 0x20 || byte == '"' || byte == '\\') {
			to = append_escape(to, byte);
		} else if (step <= length && is_utf8(text, step)) {
			to = append_bytes(to, text, step);
		} else {
			to = append(to, "\\ufffd");
			step = 1;
		}
		text += step;
		length -= step;
	}
	return to;
}

static char *append_json_record(char *to, const char *time, const char *stream,
				const struct piece *piece)
{
	to = append(to, "{\"time\":\"");
	to = append(to, time);
	to = append(to, "\",\"stream\":\"");
	to = append(to, stream);
	to = append(to, "\",\"log\":\"");
	to = append_json(to, piece->text, piece->length);
	return append(to, piece->is_full ? "\\n\"}\n" : "\"}\n");
}

static char *append_cri_record(char *to, const char *time, const char *stream,
			       const struct piece *piece)
{
	to = append(to, time);
	to = append(to, " ");
	to = append(to, stream);
	to = append(to, piece->is_full ? " F " : " P ");
	to = append_bytes(to, piece->text, piece->length);
	return append(to, "\n");
}

size_t print_record(char *to, enum format format, const char *time, const char *stream,
		    const struct piece *piece)
{
	char *end = to;
	switch (format) {
	case FORMAT_CRI:
		end = append_cri_record(to, time, stream, piece);
		break;
	case FORMAT_JSON:
		end = append_json_record(to, time, stream, piece);
		break;
	case FORMAT_TEXT:
		end = append_bytes(to, piece->text, piece->length);
		end = append(end, piece->is_full ? "\n" : "");
		break;
	}
	return (size_t)(end - to);
}

static char *append_number(char *to, uint64_t number, unsigned int width)
{
	for (unsigned int i = width; i > 0; i--) {
		to[i - 1] = (char)('0' + number % 10);
		number /= 10;
	}
	return to + width;
}

void print_time(char to[TIME_BYTES], uint64_t seconds, uint32_t nanoseconds)
{
	static const char marks[] = "--T::.";
	uint64_t days = seconds / 86400;
	uint64_t rest = seconds % 86400;
	/* Years that begin in March, so that a leap day is the last one of its year. */
	uint64_t shifted = days + 719468;
	uint64_t era = shifted / 146097;
	uint64_t of_era = shifted % 146097;
	uint64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	uint64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	uint64_t month = (5 * of_year + 2) / 153;
	uint64_t day = of_year - (153 * month + 2) / 5 + 1;
	month = month < 10 ? month + 3 : month - 9;
	year += era * 400 + (month <= 2);
	uint64_t parts[] = {year, month, day, rest / 3600, rest / 60 % 60, rest % 60};
	for (unsigned int i = 0; i < 6; i++) {
		to = append_number(to, parts[i], i == 0 ? 4 : 2);
		*to++ = marks[i];
	}
	to = append_number(to, nanoseconds, 9);
	*to++ = 'Z';
	*to = '\0';
}
