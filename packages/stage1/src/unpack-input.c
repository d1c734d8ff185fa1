/* SPDX-License-Identifier: Apache-2.0 */
#include "memory.h"
#include "syscall.h"
#include "unpack.h"
#include "words.h"

/* The longest line has an extended attribute of 64 KiB in hexadecimal, and its name. */
#define LINE_BYTES (140 * 1024)
#define BUFFER_BYTES (256 * 1024)

static char buffer[BUFFER_BYTES];
static size_t begin;
static size_t end;

/* False at the end of the stream. */
static bool fill(void)
{
	long got;

	if (begin == end)
		begin = end = 0;
	if (end == BUFFER_BYTES) {
		memmove(buffer, buffer + begin, end - begin);
		end -= begin;
		begin = 0;
	}
	do
		got = CALL(read, 0, buffer + end, BUFFER_BYTES - end);
	while (got == -EINTR);
	if (got < 0)
		fail("read", got);
	end += (size_t)got;
	return got > 0;
}

/* The first such byte of a range, or its end. */
static char *find_byte(char *from, const char *stop, char byte)
{
	while (from < stop && *from != byte)
		from++;
	return from;
}

/* Decodes a word in place, since what it stands for is never longer. */
static struct word decode(char *text, size_t length)
{
	ptrdiff_t decoded;

	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			refuse("malformed stream: a control byte");
	decoded = decode_word(text, length, text);
	if (decoded < 0)
		refuse("malformed stream: a malformed escape");
	return (struct word){text, (size_t)decoded};
}

static void split(struct line *line, char *text, size_t length)
{
	char *stop = text + length;

	line->count = 0;
	for (;;) {
		char *last = find_byte(text, stop, ' ');
		bool is_last = last == stop;

		if (last == text)
			refuse("malformed stream: an empty word");
		if (line->count == STREAM_WORDS)
			refuse("malformed stream: too many words");
		line->words[line->count++] = decode(text, (size_t)(last - text));
		if (is_last)
			return;
		text = last + 1;
	}
}

bool read_line(struct line *line)
{
	size_t seen = 0;
	char *newline;

	for (;;) {
		newline = find_byte(buffer + begin + seen, buffer + end, '\n');
		if (newline < buffer + end)
			break;
		seen = end - begin;
		if (seen > LINE_BYTES)
			refuse("malformed stream: a line is too long");
		if (!fill()) {
			if (seen)
				refuse("malformed stream: it ends within a line");
			return false;
		}
	}
	split(line, buffer + begin, (size_t)(newline - (buffer + begin)));
	begin = (size_t)(newline - buffer) + 1;
	return true;
}

void read_data(int fd, uint64_t offset, uint64_t length)
{
	while (length) {
		size_t have;

		if (begin == end && !fill())
			refuse("malformed stream: it ends within data");
		have = end - begin;
		if (have > length)
			have = (size_t)length;
		while (have) {
			long put = CALL(pwrite64, fd, buffer + begin, have, offset);

			if (put == -EINTR)
				continue;
			if (put <= 0)
				fail("write", put ? put : EIO);
			begin += (size_t)put;
			have -= (size_t)put;
			offset += (uint64_t)put;
			length -= (uint64_t)put;
		}
	}
}

uint64_t number_of(const struct word *word, uint64_t most)
{
	uint64_t number;

	if (!parse_decimal(word->text, word->length, most, &number))
		refuse("malformed stream: a malformed number");
	return number;
}

uint32_t mode_of(const struct word *word)
{
	uint64_t mode;

	if (!parse_mode(word->text, &mode))
		refuse("malformed stream: a malformed mode");
	return (uint32_t)mode;
}

static unsigned int hex_digit(char digit)
{
	if (digit >= '0' && digit <= '9')
		return (unsigned int)(digit - '0');
	if (digit >= 'a' && digit <= 'f')
		return (unsigned int)(digit - 'a') + 10;
	refuse("malformed stream: a value is not hexadecimal");
}

size_t bytes_of_hex(struct word *word, unsigned char **bytes)
{
	/* The word lies in our own buffer. */
	unsigned char *to = (unsigned char *)buffer + (word->text - buffer);

	if (word->length % 2)
		refuse("malformed stream: a value is not hexadecimal");
	for (size_t i = 0; i < word->length; i += 2) {
		unsigned int high = hex_digit(word->text[i]);

		to[i / 2] = (unsigned char)(high << 4 | hex_digit(word->text[i + 1]));
	}
	*bytes = to;
	return word->length / 2;
}

void expect(const struct line *line, unsigned int words)
{
	if (line->count != words)
		refuse("malformed stream: wrong number of words");
}
