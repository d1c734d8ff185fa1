/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"
#include "memory.h"
#include "parse.h"
#include "words.h"

char *next_word(char *word)
{
	return word + strlen(word) + 1;
}

static bool refuse(struct problem *problem, const char *words, const char *reason)
{
	problem->words = words;
	problem->reason = reason;
	return false;
}

static bool find_constant(const struct constants *set, const char *name, size_t length,
			  unsigned int *index)
{
	for (unsigned int i = 0; i < set->count; i++) {
		const char *candidate = set->list[i].name;
		if (strlen(candidate) == length && memcmp(candidate, name, length) == 0) {
			*index = i;
			return true;
		}
	}
	return false;
}

bool parse_flags(const char *text, enum set set, uint64_t *value)
{
	uint64_t seen = 0;
	*value = 0;
	if (is_same(text, "0"))
		return true;
	for (;;) {
		size_t length = 0;
		unsigned int index;
		while (text[length] != '\0' && text[length] != '|')
			length++;
		if (!find_constant(&sets[set], text, length, &index) || ((seen >> index) & 1) != 0)
			return false;
		seen |= UINT64_C(1) << index;
		*value |= sets[set].list[index].value;
		if (text[length] == '\0')
			return true;
		text += length + 1;
	}
}

static bool parse_one(const char *text, enum set set, uint64_t *value)
{
	unsigned int index;
	if (!find_constant(&sets[set], text, strlen(text), &index))
		return false;
	*value = sets[set].list[index].value;
	return true;
}

static bool is_file_name(const char *text)
{
	size_t length = strlen(text);
	if (length == 0 || length > MAX_FILE_NAME_BYTES || is_same(text, ".") ||
	    is_same(text, ".."))
		return false;
	for (; *text != '\0'; text++)
		if (*text == '/')
			return false;
	return true;
}

static const char *wanted_of(enum kind kind)
{
	static const char *const wanted[] = {
		[KIND_FD] = "a descriptor, 0 to 63",
		[KIND_DIRFD] = "a descriptor, 0 to 63, or AT_FDCWD",
		[KIND_OPTIONAL_FD] = "a descriptor, 0 to 63, or -",
		[KIND_PATH] = "a path of 1 to 4095 bytes",
		[KIND_FILE] = "a file name of 1 to 255 bytes without /",
		[KIND_TEXT] = "a string",
		[KIND_STRINGS] = "strings",
		[KIND_MODE] = "four octal digits",
		[KIND_UINT] = "a decimal number below 2^32",
		[KIND_LIMIT] = "a decimal number below 2^64, or RLIM_INFINITY",
		[KIND_ID] = "an id, 0 to 2^32-2",
		[KIND_IDS] = "ids, 0 to 2^32-2",
		[KIND_IDMAP] = "1 to 340 INSIDE:OUTSIDE:COUNT joined by commas, or -",
		[KIND_FLAGS] = "constants of this argument joined by |, or 0",
		[KIND_ONE] = "one constant of this argument",
	};
	return wanted[kind];
}

static bool parse_special(const char *text, const char *special, uint64_t meaning, uint64_t *value)
{
	if (is_same(text, special)) {
		*value = meaning;
		return true;
	}
	return parse_decimal(text, strlen(text), DESCRIPTORS - 1, value);
}

static bool parse_value(const struct argument *argument, const char *text, uint64_t *value)
{
	size_t length = strlen(text);
	switch (argument->kind) {
	case KIND_FD:
		return parse_decimal(text, length, DESCRIPTORS - 1, value);
	case KIND_DIRFD:
		return parse_special(text, "AT_FDCWD", (uint64_t)(int64_t)AT_FDCWD, value);
	case KIND_OPTIONAL_FD:
		return parse_special(text, "-", UINT64_MAX, value);
	case KIND_PATH:
		return length > 0 && length <= MAX_PATH_BYTES;
	case KIND_FILE:
		return is_file_name(text);
	case KIND_MODE:
		return parse_mode(text, value);
	case KIND_UINT:
		return parse_decimal(text, length, UINT32_MAX, value);
	case KIND_LIMIT:
		if (is_same(text, "RLIM_INFINITY")) {
			*value = UINT64_MAX;
			return true;
		}
		return parse_decimal(text, length, UINT64_MAX, value);
	case KIND_ID:
	case KIND_IDS:
		return parse_decimal(text, length, ID_MAX, value);
	case KIND_IDMAP:
		return is_id_map(text);
	case KIND_FLAGS:
		return parse_flags(text, argument->set, value);
	case KIND_ONE:
		return parse_one(text, argument->set, value);
	case KIND_TEXT:
	case KIND_STRINGS:
		return true;
	}
	return false;
}

static bool parse_argument(const struct argument *argument, const char *text, uint64_t *value,
			   struct problem *problem)
{
	if (parse_value(argument, text, value))
		return true;
	problem->wanted = wanted_of(argument->kind);
	return refuse(problem, text, argument->name);
}

bool parse_arguments(const struct line *line, struct arguments *arguments, struct problem *problem)
{
	const struct operation *operation = &operations[line->operation];
	unsigned int given = line->count - 1u;
	char *word = next_word(line->words);
	arguments->rest = NULL;
	arguments->rest_count = 0;
	for (unsigned int i = 0; i < operation->count; i++) {
		const struct argument *argument = &operation->arguments[i];
		arguments->number[i] = 0;
		arguments->text[i] = word;
		if (argument->kind == KIND_STRINGS || argument->kind == KIND_IDS) {
			arguments->rest = word;
			arguments->rest_count = given;
			for (; given > 0; given--, word = next_word(word))
				if (!parse_argument(argument, word, &arguments->number[i], problem))
					return false;
			continue;
		}
		if (given == 0)
			return refuse(problem, NULL, "missing arguments");
		if (!parse_argument(argument, word, &arguments->number[i], problem))
			return false;
		given--;
		word = next_word(word);
	}
	return given == 0 || refuse(problem, NULL, "too many arguments");
}

static bool find_operation(const char *name, uint8_t *operation)
{
	for (unsigned int i = 0; i < OP_COUNT; i++) {
		if (!is_same(operations[i].name, name))
			continue;
		*operation = (uint8_t)i;
		return true;
	}
	return false;
}

/* Decodes the words of a line to the place where it begins. */
static bool decode_line(char *text, size_t length, struct line *line, struct problem *problem)
{
	char *out = text;
	size_t at = 0;
	unsigned int count = 0;
	line->words = text;
	while (at <= length) {
		size_t end = at;
		while (end < length && text[end] != ' ')
			end++;
		if (end == at)
			return refuse(problem, NULL, "a space too many: wanted one between words");
		if (++count > MAX_WORDS)
			return refuse(problem, NULL, "more than 4096 words");
		ptrdiff_t decoded = decode_word(text + at, end - at, out);
		if (decoded < 0 || !is_utf8(out, (size_t)decoded))
			return refuse(problem, NULL, "malformed escape");
		out += decoded + 1;
		at = end + 1;
	}
	line->count = (uint16_t)count;
	return true;
}

static bool has_control_bytes(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return true;
	return false;
}

static bool parse_line(char *text, size_t length, struct line *line, struct problem *problem)
{
	struct arguments arguments;
	if (!decode_line(text, length, line, problem))
		return false;
	if (!find_operation(line->words, &line->operation))
		return refuse(problem, line->words, "unknown operation");
	problem->operation = operations[line->operation].name;
	if (!parse_arguments(line, &arguments, problem))
		return false;
	problem->operation = NULL;
	return true;
}

bool parse_plan(char *text, size_t length, struct plan *plan, struct problem *problem)
{
	unsigned int capacity = plan->count;
	uint32_t number = 0;
	plan->count = 0;
	*problem = (struct problem){.reason = NULL};
	if (!is_utf8(text, length))
		return refuse(problem, NULL, "not UTF-8");
	if (length > 0 && text[length - 1] != '\n')
		return refuse(problem, NULL, "the last line does not end in a line feed");
	for (size_t at = 0, end = 0; at < length; at = end + 1) {
		struct line *line = &plan->lines[plan->count];
		for (end = at; text[end] != '\n';)
			end++;
		problem->line = ++number;
		if (end - at > MAX_LINE_BYTES)
			return refuse(problem, NULL, "longer than 131072 bytes");
		if (has_control_bytes(text + at, end - at))
			return refuse(problem, NULL, "a control byte: wanted its escape");
		if (end == at || text[at] == '#')
			continue;
		if (plan->count == capacity)
			return refuse(problem, NULL, "too many operations");
		if (!parse_line(text + at, end - at, line, problem))
			return false;
		line->number = number;
		plan->count++;
	}
	problem->line = 0;
	return true;
}
