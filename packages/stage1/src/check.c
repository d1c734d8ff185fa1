/* SPDX-License-Identifier: Apache-2.0 */
/* The rules on the order and number of operations: rkt-plan(5), Structure. */
#include "parse.h"

static bool refuse(struct problem *problem, const struct line *line, const char *reason)
{
	*problem = (struct problem){.reason = reason};
	if (line != NULL) {
		problem->line = line->number;
		problem->operation = operations[line->operation].name;
	}
	return false;
}

static bool is_program(const struct line *line)
{
	return line->operation == OP_EXEC || line->operation == OP_FEXECVE;
}

/* Whether a path stays beneath the directory it is relative to. */
static bool is_beneath(const char *path)
{
	if (path[0] == '/')
		return false;
	while (*path != '\0') {
		size_t length = 0;
		while (path[length] != '\0' && path[length] != '/')
			length++;
		if (length == 2 && path[0] == '.' && path[1] == '.')
			return false;
		path += length + (path[length] == '/');
	}
	return true;
}

static bool has_clone_after(const struct plan *plan, unsigned int index)
{
	while (++index < plan->count)
		if (plan->lines[index].operation == OP_CLONE)
			return true;
	return false;
}

static unsigned int count_bits(uint64_t value)
{
	unsigned int count = 0;
	for (; value != 0; value &= value - 1)
		count++;
	return count;
}

static const char *problem_of_line(const struct plan *plan, unsigned int index)
{
	const struct line *line = &plan->lines[index];
	struct arguments arguments;
	struct problem unused;
	bool is_last = index + 1 == plan->count;
	if (!is_last && (is_program(line) || line->operation == OP_SUPERVISE))
		return "an operation follows";
	if (line->operation == OP_TERMINAL || line->operation == OP_PIPES ||
	    line->operation == OP_RMDIR_AFTER)
		return has_clone_after(plan, index) ? NULL : "no clone follows";
	if (line->operation == OP_SEAL)
		return index == 0 ? NULL : "an operation precedes it";
	if (line->operation == OP_APP) {
		parse_arguments(line, &arguments, &unused);
		return is_beneath(arguments.text[1]) ? NULL : "the plan is not beneath this one";
	}
	if (line->operation == OP_NAMESPACES) {
		parse_arguments(line, &arguments, &unused);
		unsigned int opened = count_bits(arguments.number[0]);
		return arguments.number[1] + opened <= DESCRIPTORS
			       ? NULL
			       : "the descriptors do not fit below 64";
	}
	return NULL;
}

static const char *problem_of_count(const struct plan *plan, const struct line *line,
				    unsigned int counts[OP_COUNT])
{
	unsigned int count = ++counts[line->operation];
	if (line->operation == OP_CLONE && count > MAX_CLONES)
		return "more than 3 clone";
	if (line->operation == OP_RMDIR_AFTER && count > MAX_REMOVALS)
		return "more than 128 rmdir_after";
	if (line->operation == OP_APP && count > MAX_APPS)
		return "more than 63 app";
	if (line->operation == OP_SECCOMP && count > MAX_FILTERS)
		return "more than 64 seccomp";
	if (plan->role == ROLE_APP &&
	    (line->operation == OP_APP || line->operation == OP_CLONE ||
	     line->operation == OP_SUPERVISE || line->operation == OP_SEAL))
		return "not in the plan of an app";
	return NULL;
}

bool check_plan(const struct plan *plan, struct problem *problem)
{
	unsigned int counts[OP_COUNT] = {0};
	for (unsigned int i = 0; i < plan->count; i++) {
		const struct line *line = &plan->lines[i];
		const char *reason = problem_of_count(plan, line, counts);
		if (reason == NULL)
			reason = problem_of_line(plan, i);
		if (reason != NULL)
			return refuse(problem, line, reason);
	}
	if (plan->role == ROLE_APP &&
	    (plan->count == 0 || !is_program(&plan->lines[plan->count - 1])))
		return refuse(problem, NULL, "the plan of an app does not end in exec or fexecve");
	return true;
}
