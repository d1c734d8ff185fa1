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

static bool makes_child_after(const struct plan *plan, unsigned int index)
{
	while (++index < plan->count)
		if (plan->lines[index].operation == OP_CLONE ||
		    plan->lines[index].operation == OP_INIT)
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
	if (!is_last &&
	    (is_program(line) || line->operation == OP_SUPERVISE || line->operation == OP_REAP))
		return "an operation follows";
	if (line->operation == OP_TERMINAL || line->operation == OP_PIPES ||
	    line->operation == OP_RMDIR_AFTER)
		return makes_child_after(plan, index) ? NULL : "no clone or init follows";
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

static const char *problem_of_count(const struct line *line, unsigned int counts[OP_COUNT])
{
	unsigned int count = ++counts[line->operation];
	if (line->operation == OP_CLONE && count > MAX_CLONES)
		return "more than 3 clone";
	if (line->operation == OP_RMDIR_AFTER && count > MAX_REMOVALS)
		return "more than 512 rmdir_after";
	if (line->operation == OP_APP && count > MAX_APPS)
		return "more than 63 app";
	if (line->operation == OP_SECCOMP && count > MAX_FILTERS)
		return "more than 64 seccomp";
	return NULL;
}

static bool is_foreign(enum role role, const struct line *line)
{
	switch (line->operation) {
	case OP_CLONE:
	case OP_INIT:
	case OP_SUPERVISE:
	case OP_SEAL:
		return role != ROLE_MAIN;
	case OP_APP:
		return role == ROLE_APP || role == ROLE_INIT;
	case OP_REAP:
		return role != ROLE_INIT;
	default:
		return is_program(line) && (role == ROLE_INIT || role == ROLE_START);
	}
}

/* A pod: one init, its apps, and who supervises them. */
static const char *problem_of_main(const struct plan *plan, unsigned int index, bool has_init)
{
	unsigned int operation = plan->lines[index].operation;
	bool is_of_pod = operation == OP_APP || operation == OP_SUPERVISE;
	if (!has_init)
		return is_of_pod ? "no init precedes it" : NULL;
	if (!is_of_pod && operation != OP_CLOSE && operation != OP_OPEN)
		return "it follows init";
	return index + 1 < plan->count || operation == OP_SUPERVISE
		       ? NULL
		       : "a plan with init does not end in supervise";
}

static const char *problem_of_role(const struct plan *plan, unsigned int index, bool has_init)
{
	static const char *const foreign[] = {
		[ROLE_MAIN] = "not in a main plan",
		[ROLE_APP] = "not in the plan of an app",
		[ROLE_INIT] = "not in the plan of the first process",
		[ROLE_START] = "not in a plan that starts an app",
	};
	if (is_foreign(plan->role, &plan->lines[index]))
		return foreign[plan->role];
	return plan->role == ROLE_MAIN ? problem_of_main(plan, index, has_init) : NULL;
}

static const char *problem_of_end(const struct plan *plan)
{
	const struct line *last = plan->count == 0 ? NULL : &plan->lines[plan->count - 1];
	switch (plan->role) {
	case ROLE_APP:
		return last != NULL && is_program(last)
			       ? NULL
			       : "the plan of an app does not end in exec or fexecve";
	case ROLE_INIT:
		return last != NULL && last->operation == OP_REAP
			       ? NULL
			       : "the plan of the first process does not end in reap";
	case ROLE_START:
		return last != NULL && last->operation == OP_APP
			       ? NULL
			       : "a plan that starts an app does not end in app";
	case ROLE_MAIN:
		break;
	}
	return last != NULL && last->operation == OP_INIT
		       ? "a plan with init does not end in supervise"
		       : NULL;
}

bool check_plan(const struct plan *plan, struct problem *problem)
{
	unsigned int counts[OP_COUNT] = {0};
	for (unsigned int i = 0; i < plan->count; i++) {
		const struct line *line = &plan->lines[i];
		const char *reason = problem_of_role(plan, i, counts[OP_INIT] > 0);
		if (reason == NULL)
			reason = problem_of_count(line, counts);
		if (reason == NULL)
			reason = problem_of_line(plan, i);
		if (reason != NULL)
			return refuse(problem, line, reason);
	}
	const char *reason = problem_of_end(plan);
	if (reason != NULL)
		return refuse(problem, NULL, reason);
	return true;
}
