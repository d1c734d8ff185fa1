// SPDX-License-Identifier: Apache-2.0
// libseccomp: reads rules as words on standard input and writes libseccomp's filter for x86_64 to
// standard output.
//   default ACTION
//   rule ACTION NAME COUNT [INDEX OPERATOR VALUE VALUETWO]...
// An action is the value that a filter returns, an operator one of enum scmp_compare. Names that
// this libseccomp does not know are listed on standard error.
#include <errno.h>
#include <inttypes.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void require(int result, const char *what)
{
	if (result < 0) {
		fprintf(stderr, "%s: %s\n", what, strerror(-result));
		exit(71);
	}
}

static void add_rule(scmp_filter_ctx filter)
{
	char name[64];
	uint32_t action;
	unsigned int count;
	struct scmp_arg_cmp conditions[6];
	if (scanf("%" SCNu32 " %63s %u", &action, name, &count) != 3 || count > 6)
		exit(65);
	for (unsigned int i = 0; i < count; i++) {
		unsigned int index, operator;
		uint64_t value, value_two;
		if (scanf("%u %u %" SCNu64 " %" SCNu64, &index, &operator, & value, &value_two) !=
		    4)
			exit(65);
		conditions[i] = (struct scmp_arg_cmp){
			.arg = index, .op = operator, .datum_a = value, .datum_b = value_two};
	}
	int number = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, name);
	if (number < 0) {
		fprintf(stderr, "%s\n", name);
		return;
	}
	int result = seccomp_rule_add_exact_array(filter, action, number, count, conditions);
	/* A rule like the default is refused; runtimes leave such rules out. */
	if (result != -EACCES)
		require(result, name);
}

int main(void)
{
	uint32_t action;
	char word[16];
	if (scanf("default %" SCNu32, &action) != 1)
		return 65;
	scmp_filter_ctx filter = seccomp_init(action);
	if (filter == NULL)
		return 71;
	require(seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS),
		"badarch");
	while (scanf("%15s", word) == 1)
		add_rule(filter);
	require(seccomp_export_bpf(filter, STDOUT_FILENO), "export");
	return 0;
}
