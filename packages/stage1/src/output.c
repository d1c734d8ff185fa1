/* SPDX-License-Identifier: Apache-2.0 */
#include "memory.h"
#include "output.h"
#include "syscall.h"

/* The last byte is kept for the line feed of a line that is too long. */
static void put_byte(struct output *output, char byte)
{
	if (output->length < MAX_OUTPUT - 1)
		output->text[output->length++] = byte;
}

void put(struct output *output, const char *text)
{
	while (*text != '\0')
		put_byte(output, *text++);
}

void put_padded(struct output *output, uint64_t number, unsigned int width, char padding)
{
	char digits[20];
	unsigned int count = 0;
	do {
		digits[count++] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	for (; width > count; width--)
		put_byte(output, padding);
	while (count > 0)
		put_byte(output, digits[--count]);
}

void put_number(struct output *output, uint64_t number)
{
	put_padded(output, number, 0, ' ');
}

/* Quotation marks stand around the words of a message, so they are escaped too. */
static void put_escaped(struct output *output, unsigned char byte)
{
	if (byte > 0x20 && byte < 0x7f && byte != '\\' && byte != '"') {
		put_byte(output, (char)byte);
		return;
	}
	put_byte(output, '\\');
	put_byte(output, (char)('0' + (byte >> 6)));
	put_byte(output, (char)('0' + ((byte >> 3) & 7)));
	put_byte(output, (char)('0' + (byte & 7)));
}

void put_words(struct output *output, const char *words, unsigned int count, size_t most)
{
	size_t end = output->length + most;
	for (unsigned int i = 0; i < count; i++, words++) {
		bool is_empty = *words == '\0';
		if (i > 0)
			put_byte(output, ' ');
		/* The longest piece has four bytes, and the next word a space before it. */
		for (; *words != '\0' && output->length + 5 <= end; words++)
			put_escaped(output, (unsigned char)*words);
		if (output->length + 5 > end) {
			put(output, "...");
			return;
		}
		if (is_empty)
			put(output, "\"\"");
	}
}

bool flush(struct output *output, int fd)
{
	size_t length = output->length;
	if (length == MAX_OUTPUT - 1)
		output->text[length++] = '\n';
	output->length = 0;
	return CALL(write, fd, output->text, length) == (long)length;
}
