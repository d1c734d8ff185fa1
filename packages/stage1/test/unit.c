/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the pure half, for builds with sanitizers: every text lies in memory of exactly its
 * size. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../src/parse.h"
#include "../src/words.h"
#include "expect.h"

static void test_decode(void)
{
	static const struct {
		const char *word;
		const char *decoded; /* NULL: malformed */
	} cases[] = {
		{"a", "a"},	    {"\"\"", ""},      {"\"\"\"", "\"\"\""}, {"\\042\\042", "\"\""},
		{"a\\040b", "a b"}, {"\\377", "\377"}, {"\\001", "\001"},    {"\\000", NULL},
		{"\\400", NULL},    {"\\04", NULL},    {"\\", NULL},	     {"a\\", NULL},
		{"\\08", NULL},	    {"\\048", NULL},   {"\\x20", NULL},	     {"\\134\\134", "\\\\"},
		{"\\0401", " 1"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t length = strlen(cases[i].word);
		char *word = malloc(length + 1);
		memcpy(word, cases[i].word, length);
		ptrdiff_t decoded = decode_word(word, length, word);
		bool is_same = cases[i].decoded == NULL
				       ? decoded < 0
				       : decoded >= 0 && strcmp(word, cases[i].decoded) == 0;
		expect(is_same, "decode_word", cases[i].word);
		free(word);
	}
}

static void test_utf8(void)
{
	static const char *const right[] = {"",
					    "a",
					    "\303\244",
					    "\342\202\254",
					    "\360\237\230\200",
					    "\364\217\277\277",
					    "\355\237\277",
					    "\356\200\200"};
	static const char *const wrong[] = {"\200",
					    "\300\200",
					    "\301\277",
					    "\303",
					    "\303a",
					    "\340\237\277",
					    "\342\202",
					    "\355\240\200",
					    "\360\217\277\277",
					    "\364\220\200\200",
					    "\365\200\200\200",
					    "\377",
					    "a\303"};
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
		expect(is_utf8(right[i], strlen(right[i])), "is_utf8 accepts", right[i]);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		size_t length = strlen(wrong[i]);
		char *text = malloc(length);
		memcpy(text, wrong[i], length);
		expect(!is_utf8(text, length), "is_utf8 refuses", wrong[i]);
		free(text);
	}
}

static void test_numbers(void)
{
	uint64_t value = 1;
	expect(parse_decimal("0", 1, 0, &value) && value == 0, "parse_decimal", "0");
	expect(parse_decimal("18446744073709551615", 20, UINT64_MAX, &value) && value == UINT64_MAX,
	       "parse_decimal", "2^64-1");
	static const char *const wrong[] = {"",
					    "00",
					    "01",
					    "-1",
					    "+1",
					    " 1",
					    "1 ",
					    "0x1",
					    "1a",
					    "18446744073709551616",
					    "99999999999999999999999"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		expect(!parse_decimal(wrong[i], strlen(wrong[i]), UINT64_MAX, &value),
		       "parse_decimal refuses", wrong[i]);
	expect(!parse_decimal("8", 1, 7, &value), "parse_decimal refuses", "8 above 7");
	expect(parse_mode("0755", &value) && value == 0755, "parse_mode", "0755");
	expect(!parse_mode("755", &value) && !parse_mode("00755", &value) &&
		       !parse_mode("0758", &value),
	       "parse_mode refuses", "755, 00755, 0758");
	expect(is_id_map("-") && is_id_map("0:1:2") && is_id_map("0:1:2,4294967294:0:4294967295"),
	       "is_id_map", "maps");
	static const char *const maps[] = {"",
					   "0",
					   "0:0",
					   "0:0:0",
					   "0:0:1,",
					   ",0:0:1",
					   "0:0:1:1",
					   "0::1",
					   "4294967295:0:1",
					   "0:0:1,,0:0:1",
					   "0:0:4294967296",
					   "-,0:0:1"};
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		expect(!is_id_map(maps[i]), "is_id_map refuses", maps[i]);
}

static bool accepts(const char *text, enum role role)
{
	static struct line lines[16];
	struct plan plan = {.role = role, .lines = lines, .count = 16};
	struct problem problem;
	size_t length = strlen(text);
	char *copy = malloc(length);
	memcpy(copy, text, length);
	bool result = parse_plan(copy, length, &plan, &problem) && check_plan(&plan, &problem);
	free(copy);
	return result;
}

static void test_plans(void)
{
	static const char *const right[] = {
		"",
		"\n",
		"# comment\n",
		"setsid\n",
		"\\163etsid\n",
		"exec a\n",
		"exec \"\" \"\"\n",
		"terminal 3\nclone 0 - - - -\n",
		"init i - -\nsupervise 0 - -\n",
		"init i - -\napp a b/..c - SIGTERM PID_POD RESTART_NO 0\nsupervise 0 - -\n",
		"namespaces CLONE_NEWNET|CLONE_NEWUSER 62 - -\n",
		"clone 0 - - - -\nclone 0 - - - -\nclone 0 - - - -\n"};
	static const char *const wrong[] = {
		"setsid",
		" setsid\n",
		"setsid \n",
		"unlink  a\n",
		"unlink\ta\n",
		"setsid\r\n",
		"unlink \\303\n",
		"#\177\n",
		"exec a\nsetsid\n",
		"init i - -\nsupervise 0 - -\nsetsid\n",
		"supervise 0 - -\n",
		"reap\n",
		"init i - -\n",
		"terminal 3\n",
		"pipes\n",
		"clone 0 - - - -\npipes\n",
		"app a /b 3 - SIGTERM\n",
		"init i - -\napp a b/.. - SIGTERM PID_POD RESTART_NO 0\nsupervise 0 - -\n",
		"app a ../b 3 - SIGTERM\n",
		"namespaces CLONE_NEWNET|CLONE_NEWUSER 63 - -\n",
		"clone 0 - - - -\nclone 0 - - - -\nclone 0 - - - -\nclone 0 - - - -\n",
		"unshare CLONE_NEWNS|\n",
		"unshare CLONE_NEWNS|CLONE_NEWNS\n",
		"unshare |\n",
		"\"\"\n"};
	static const char *const wrong_for_apps[] = {
		"", "setsid\n", "supervise 0 - -\n", "clone 0 - - - -\nexec a\n",
		"app a b - SIGTERM PID_POD RESTART_NO 0\nexec a\n"};
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
		expect(accepts(right[i], ROLE_MAIN), "accepted", right[i]);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		expect(!accepts(wrong[i], ROLE_MAIN), "refused", wrong[i]);
	for (size_t i = 0; i < sizeof(wrong_for_apps) / sizeof(wrong_for_apps[0]); i++)
		expect(!accepts(wrong_for_apps[i], ROLE_APP), "refused for an app",
		       wrong_for_apps[i]);
	expect(accepts("setsid\nexec a\n", ROLE_APP), "accepted for an app", "exec a");
	expect(accepts("fexecve 3\n", ROLE_APP), "accepted for an app", "fexecve 3");
}

int main(void)
{
	test_decode();
	test_utf8();
	test_numbers();
	test_plans();
	return failures == 0 ? 0 : 1;
}
