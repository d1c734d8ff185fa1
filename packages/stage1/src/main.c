/* SPDX-License-Identifier: Apache-2.0 */
/* stage1 executes a plan: rkt-plan(5). */
#include "descriptors.h"
#include "features.h"
#include "load.h"
#include "memory.h"
#include "report.h"
#include "run.h"
#include "start.h"
#include "syscall.h"
#include "words.h"

static const char usage[] =
	"stage1: usage: stage1 [--check|--trace] PLAN | --list-ops | --features | "
	"--flock FD OPERATION | --confine|--confine-strictly DIRECTORY TEXT [ARGUMENT]...\n";

static const char *const kinds[] = {
	[KIND_FD] = "fd",	    [KIND_DIRFD] = "dirfd",  [KIND_OPTIONAL_FD] = "fd?",
	[KIND_PATH] = "path",	    [KIND_FILE] = "file",    [KIND_TEXT] = "text",
	[KIND_STRINGS] = "strings", [KIND_MODE] = "mode",    [KIND_UINT] = "uint",
	[KIND_LIMIT] = "limit",	    [KIND_ID] = "id",	     [KIND_IDS] = "ids",
	[KIND_IDMAP] = "idmap",	    [KIND_FLAGS] = "flags:", [KIND_ONE] = "one:",
};

static void list_constants(struct output *line, enum set set)
{
	for (unsigned int i = 0; i < sets[set].count; i++) {
		const char *name = sets[set].list[i].name;
		if (line->length + strlen(name) + 1 >= MAX_OUTPUT - 1)
			flush(line, 1);
		if (i > 0)
			put(line, "|");
		put(line, name);
	}
}

static int list_operations(void)
{
	for (unsigned int i = 0; i < OP_COUNT; i++) {
		struct output line = {.length = 0};
		put(&line, operations[i].name);
		for (unsigned int k = 0; k < operations[i].count; k++) {
			put(&line, " ");
			put(&line, kinds[operations[i].arguments[k].kind]);
			list_constants(&line, operations[i].arguments[k].set);
		}
		put(&line, "\n");
		flush(&line, 1);
	}
	return 0;
}

/* The lock belongs to the open file, which the caller has too and keeps when this process is gone.
 */
static int lock(const char *descriptor, const char *operation)
{
	uint64_t fd;
	uint64_t flags;
	long result;
	if (!parse_decimal(descriptor, strlen(descriptor), INT32_MAX, &fd) ||
	    !parse_flags(operation, SET_FLOCK, &flags)) {
		CALL(write, 2, usage, sizeof(usage) - 1);
		return STATUS_USAGE;
	}
	do {
		result = CALL(flock, fd, flags);
	} while (result == -EINTR);
	if (result == -EWOULDBLOCK)
		return STATUS_LOCKED;
	if (result < 0) {
		struct output text = {.length = 0};
		put_error(&text, (int)-result);
		text.text[text.length] = '\0';
		complain_simply(STATUS_FAILED, "lock", descriptor, text.text);
	}
	return 0;
}

_Noreturn static void confine(int count, char **arguments, bool strictly)
{
	const struct confined confined = {
		.confinement = strictly ? CONFINES_STRICTLY : CONFINES_AS_POSSIBLE,
		.directory = arguments[2],
		.text = arguments[3],
		.more = arguments + 4,
		.variables = arguments + count + 1,
	};
	forget_caller();
	run_confined(&confined);
}

int main(int count, char **arguments)
{
	static struct program program;
	const char *option = count >= 2 ? arguments[1] : "";
	if (count == 4 && is_same(option, "--flock"))
		return lock(arguments[2], arguments[3]);
	if (count >= 4 && is_same(option, "--confine"))
		confine(count, arguments, false);
	if (count >= 4 && is_same(option, "--confine-strictly"))
		confine(count, arguments, true);
	forget_caller();
	if (count == 2 && is_same(option, "--list-ops"))
		return list_operations();
	if (count == 2 && is_same(option, "--features"))
		return list_features();
	bool checks = count == 3 && is_same(option, "--check");
	bool traces = count == 3 && is_same(option, "--trace");
	if (!checks && !traces && (count != 2 || option[0] == '-' || option[0] == '\0')) {
		CALL(write, 2, usage, sizeof(usage) - 1);
		return STATUS_USAGE;
	}
	if (!checks)
		run_plan(arguments[1 + traces], traces);
	load_program(&program, arguments[2]);
	return 0;
}
