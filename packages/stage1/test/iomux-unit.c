/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the pure half of iomux, for builds with sanitizers; with FUZZ a target of libFuzzer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../src/iomux-attach.h"
#include "../src/iomux-format.h"
#include "../src/words.h"

/* Cuts memory of exactly this size, and checks what holds of every text: nothing is left out, no
 * record is larger than it may be, and JSON is UTF-8 without control bytes. */
static void check_text(const uint8_t *bytes, size_t size, bool is_end)
{
	char *text = malloc(size + 1);
	char *record = malloc(MAX_RECORD);
	size_t done = 0;
	struct piece piece;
	memcpy(text, bytes, size);
	char *exact = realloc(text, size == 0 ? 1 : size);
	for (;;) {
		size_t step = cut_piece(exact + done, size - done, is_end, &piece);
		if (step == 0)
			break;
		if (piece.text != exact + done || step != piece.length + (piece.is_full ? 1 : 0) ||
		    piece.length > MAX_LINE || memchr(piece.text, '\n', piece.length) != NULL)
			abort();
		for (enum format format = FORMAT_CRI; format <= FORMAT_TEXT; format++) {
			size_t length = print_record(
				record, format, "2006-01-02T15:04:05.000000000Z", "stdout", &piece);
			if (length > MAX_RECORD)
				abort();
			if (format == FORMAT_JSON && !is_utf8(record, length))
				abort();
			for (size_t i = 0; format == FORMAT_JSON && i + 1 < length; i++)
				if ((unsigned char)record[i] < 0x20)
					abort();
		}
		done += step;
	}
	if (is_end ? done != size : size - done > MAX_LINE)
		abort();
	free(exact);
	free(record);
}

#ifdef FUZZ
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_text(data, size, false);
	check_text(data, size, true);
	return 0;
}
#else
#include "expect.h"

static void test_times(void)
{
	static const struct {
		uint64_t seconds;
		const char *text;
	} cases[] = {
		{0, "1970-01-01T00:00:00.000000001Z"},
		{951782399, "2000-02-28T23:59:59.000000001Z"},
		{951782400, "2000-02-29T00:00:00.000000001Z"},
		{951868800, "2000-03-01T00:00:00.000000001Z"},
		{4107542399, "2100-02-28T23:59:59.000000001Z"},
		{4107542400, "2100-03-01T00:00:00.000000001Z"},
		{1767225599, "2025-12-31T23:59:59.000000001Z"},
		{253402300799, "9999-12-31T23:59:59.000000001Z"},
	};
	char text[TIME_BYTES];
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_time(text, cases[i].seconds, 1);
		expect(strcmp(text, cases[i].text) == 0, text, cases[i].text);
	}
}

static void test_records(void)
{
	static const struct {
		enum format format;
		const char *text;
		bool is_full;
		const char *record;
	} cases[] = {
		{FORMAT_CRI, "a", true, "T stdout F a\n"},
		{FORMAT_CRI, "", true, "T stdout F \n"},
		{FORMAT_CRI, "a", false, "T stdout P a\n"},
		{FORMAT_TEXT, "a", true, "a\n"},
		{FORMAT_TEXT, "a", false, "a"},
		{FORMAT_JSON, "a\t\"\\\x7f", true,
		 "{\"time\":\"T\",\"stream\":\"stdout\",\"log\":\"a\\u0009\\\"\\\\\x7f\\n\"}\n"},
		{FORMAT_JSON, "\xc3\xa4\xc3\xf0\x9f\x98\x80\xed\xa0\x80", false,
		 "{\"time\":\"T\",\"stream\":\"stdout\",\"log\":\"\xc3\xa4\\ufffd\xf0\x9f\x98\x80"
		 "\\ufffd\\ufffd\\ufffd\"}\n"},
	};
	char *record = malloc(MAX_RECORD);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct piece piece = {.text = cases[i].text,
					    .length = strlen(cases[i].text),
					    .is_full = cases[i].is_full};
		size_t length = print_record(record, cases[i].format, "T", "stdout", &piece);
		expect(length == strlen(cases[i].record) &&
			       memcmp(record, cases[i].record, length) == 0,
		       "print_record", cases[i].record);
	}
	free(record);
}

/* The first piece of a line of so many letters, and of what comes behind them. */
static size_t first_piece(size_t letters, const char *rest, bool is_end)
{
	struct piece piece = {.length = 0};
	size_t length = letters + strlen(rest);
	char *text = malloc(length);
	memset(text, 'a', letters);
	memcpy(text + letters, rest, strlen(rest));
	size_t used = cut_piece(text, length, is_end, &piece);
	check_text((const uint8_t *)text, length, is_end);
	free(text);
	return used;
}

static void test_lines(void)
{
	expect(first_piece(0, "\n", false) == 1, "cut_piece", "an empty line");
	expect(first_piece(3, "", false) == 0, "cut_piece", "no line yet");
	expect(first_piece(3, "", true) == 3, "cut_piece", "the end");
	expect(first_piece(0, "", true) == 0, "cut_piece", "nothing");
	expect(first_piece(MAX_LINE, "\n", false) == MAX_LINE + 1, "cut_piece", "the longest line");
	expect(first_piece(MAX_LINE, "", false) == 0, "cut_piece", "as long and no end");
	expect(first_piece(MAX_LINE, "a\n", false) == MAX_LINE, "cut_piece", "a longer line");
	expect(first_piece(MAX_LINE - 1, "\xc3\xa4\n", false) == MAX_LINE - 1, "cut_piece",
	       "no half of a character");
	expect(first_piece(MAX_LINE - 3, "\xf0\x9f\x98\x80", false) == MAX_LINE - 3, "cut_piece",
	       "no three quarters");
	expect(first_piece(MAX_LINE - 2, "\xc3\xa4z\n", false) == MAX_LINE, "cut_piece",
	       "a whole character");
	expect(first_piece(MAX_LINE - 3, "\x80\x80\x80\x80\n", false) == MAX_LINE, "cut_piece",
	       "no character");
}

/* Texts of the bytes that matter, from a generator that is the same everywhere. */
static void test_many(void)
{
	static const uint8_t letters[] = {'\n', 'a', 0xc3, 0xa4, 0xf0, 0x9f, 0x98, 0x80, 0, '"'};
	static uint8_t text[3 * MAX_LINE];
	uint32_t random = 1;
	for (int round = 0; round < 300; round++) {
		size_t size =
			(size_t)round * 97 % sizeof(text) * (round % 2 == 0 ? 1 : 5) % sizeof(text);
		for (size_t i = 0; i < size; i++) {
			random = random * 1664525 + 1013904223;
			text[i] = letters[(random >> 16) % (round % 3 == 0 ? 9000 : 10) % 10];
		}
		check_text(text, size, round % 4 == 0);
	}
}

static void test_keys(void)
{
	static const char *const wrong[] = {"",	      "a,",	",a",
					    "ctrl-",  "ctrl-1", "ctrl-aa",
					    "Ctrl-a", "\x7f",	"a,b,c,d,e,f,g,h,i",
					    "ab"};
	static const struct {
		const char *keys, *typed, *passed;
		bool detaches;
	} cases[] = {
		{"ctrl-p,ctrl-q", "abc", "abc", false},
		{"ctrl-p,ctrl-q", "a\020", "a", false},
		{"ctrl-p,ctrl-q", "a\020b", "a\020b", false},
		{"ctrl-p,ctrl-q", "a\020\021b", "a", true},
		{"ctrl-p,ctrl-q", "\020\020\021", "\020", true},
		{"a,a,b", "aaab", "a", true},
		{"a,b,a,c", "abababac", "abab", true},
		{"a,b,a,c", "ababd", "ababd", false},
		{"ctrl-@", "x", "x", false},
		{"ctrl-],x", "\035x", "", true},
	};
	struct detach_keys keys;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		expect(!parse_keys(wrong[i], &keys), "parse_keys refuses", wrong[i]);
	/* At once, and a key at a time. */
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		const char *typed = cases[i / 2].typed;
		size_t step = i % 2 == 0 ? strlen(typed) : 1;
		char passed[64];
		size_t total = 0;
		bool detaches = false;
		expect(parse_keys(cases[i / 2].keys, &keys), "parse_keys", cases[i / 2].keys);
		for (size_t at = 0; at < strlen(typed) && !detaches; at += step) {
			size_t copied;
			detaches = filter_keys(&keys, typed + at, step, passed + total, &copied);
			total += copied;
		}
		expect(detaches == cases[i / 2].detaches && total == strlen(cases[i / 2].passed) &&
			       memcmp(passed, cases[i / 2].passed, total) == 0,
		       cases[i / 2].keys, typed);
	}
}

int main(void)
{
	test_keys();
	test_times();
	test_records();
	test_lines();
	test_many();
	return failures == 0 ? 0 : 1;
}
#endif
