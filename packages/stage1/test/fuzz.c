/* SPDX-License-Identifier: Apache-2.0 */
/* A libFuzzer target: any bytes are a plan or are refused, and what is accepted is executable
 * twice. */
#include <stdlib.h>
#include <string.h>
#include "../src/output.h"
#include "../src/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use_line(const struct line *line)
{
	struct arguments arguments;
	struct problem problem;
	struct output output = {.length = 0};
	if (!parse_arguments(line, &arguments, &problem))
		abort();
	put_words(&output, line->words, line->count, 300);
	if (output.length > 303)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct line lines[MAX_LINES];
	struct problem problem;
	/* The first byte chooses the role. */
	struct plan plan = {.lines = lines, .count = MAX_LINES};
	if (size == 0)
		return 0;
	plan.role = (data[0] & 1) != 0 ? ROLE_APP : ROLE_MAIN;
	char *text = malloc(size - 1);
	memcpy(text, data + 1, size - 1);
	if (parse_plan(text, size - 1, &plan, &problem) && check_plan(&plan, &problem))
		for (unsigned int i = 0; i < plan.count; i++)
			use_line(&plan.lines[i]);
	else if (problem.reason == NULL)
		abort();
	free(text);
	return 0;
}
