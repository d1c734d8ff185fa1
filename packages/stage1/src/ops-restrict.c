/* SPDX-License-Identifier: Apache-2.0 */
/* Operations that set limits, identity and restrictions of this process. */
#include "descriptors.h"
#include "memory.h"
#include "ops.h"
#include "output.h"
#include "prepare.h"
#include "processes.h"
#include "syscall.h"
#include "words.h"

int perform_setsid(struct state *state, const struct arguments *arguments)
{
	(void)state;
	(void)arguments;
	int result = CHECKED(setsid, 0);
	return result < 0 ? result : 0;
}

int perform_umask(struct state *state, const struct arguments *arguments)
{
	(void)state;
	CALL(umask, arguments->number[0]);
	return 0;
}

int perform_setrlimit(struct state *state, const struct arguments *arguments)
{
	struct rlimit64 wanted = {.rlim_cur = arguments->number[1],
				  .rlim_max = arguments->number[2]};
	struct rlimit64 current = {0};
	(void)state;
	int result = CHECKED(prlimit64, 0, arguments->number[0], &wanted, NULL);
	if (result != -EPERM)
		return result;
	result = CHECKED(prlimit64, 0, arguments->number[0], NULL, &current);
	if (result < 0 || wanted.rlim_max <= current.rlim_max)
		return result < 0 ? result : -EPERM;
	wanted.rlim_max = current.rlim_max;
	if (wanted.rlim_cur > wanted.rlim_max)
		wanted.rlim_cur = wanted.rlim_max;
	return CHECKED(prlimit64, 0, arguments->number[0], &wanted, NULL);
}

int perform_keyctl(struct state *state, const struct arguments *arguments)
{
	const char *name = arguments->text[1];
	(void)state;
	int result = CHECKED(keyctl, arguments->number[0], name[0] == '\0' ? NULL : name);
	return result < 0 ? result : 0;
}

int perform_setgroups(struct state *state, const struct arguments *arguments)
{
	static uint32_t groups[MAX_WORDS];
	char *word = arguments->rest;
	(void)state;
	for (unsigned int i = 0; i < arguments->rest_count; i++, word = next_word(word)) {
		uint64_t id = 0;
		parse_decimal(word, strlen(word), ID_MAX, &id);
		groups[i] = (uint32_t)id;
	}
	return CHECKED(setgroups, arguments->rest_count, groups);
}

int perform_setresgid(struct state *state, const struct arguments *arguments)
{
	int result = CHECKED(setresgid, arguments->number[0], arguments->number[1],
			     arguments->number[2]);
	renew_death_with_parent(state);
	return result;
}

int perform_setresuid(struct state *state, const struct arguments *arguments)
{
	int result = CHECKED(setresuid, arguments->number[0], arguments->number[1],
			     arguments->number[2]);
	renew_death_with_parent(state);
	return result;
}

/* The call returns the old id, also when it fails: a second one tells whether the first was obeyed.
 */
static int check_file_id(long seen, uint64_t wanted)
{
	return (uint32_t)seen == (uint32_t)wanted ? 0 : -EPERM;
}

/* The kernel drops the capabilities on files with root's id, unless a secure bit says not to. */
int perform_setfsuid(struct state *state, const struct arguments *arguments)
{
	uint64_t uid = arguments->number[0];
	long bits = CALL(prctl, PR_GET_SECUREBITS, 0);
	if (bits < 0)
		return (int)bits;
	int result = CHECKED(prctl, PR_SET_SECUREBITS, bits | SECBIT_NO_SETUID_FIXUP);
	if (result < 0)
		return result;
	CALL(setfsuid, uid);
	result = check_file_id(CALL(setfsuid, UINT32_MAX), uid);
	CALL(prctl, PR_SET_SECUREBITS, bits);
	renew_death_with_parent(state);
	return result;
}

int perform_setfsgid(struct state *state, const struct arguments *arguments)
{
	uint64_t gid = arguments->number[0];
	CALL(setfsgid, gid);
	int result = check_file_id(CALL(setfsgid, UINT32_MAX), gid);
	renew_death_with_parent(state);
	return result;
}

/* The kernel may know capabilities that this program does not: the set is read until there are no
 * more. */
int perform_capbset(struct state *state, const struct arguments *arguments)
{
	uint64_t keep = arguments->number[0];
	for (unsigned int capability = 0; capability < 64; capability++) {
		long has = CALL(prctl, PR_CAPBSET_READ, capability);
		if (has == -EINVAL)
			break;
		if (has < 0)
			return (int)has;
		if (has == 0 || ((keep >> capability) & 1) != 0)
			continue;
		int result = CHECKED(prctl, PR_CAPBSET_DROP, capability);
		if (result < 0)
			return result;
		if (CALL(prctl, PR_CAPBSET_READ, capability) != 0) {
			state->reason = "the bounding set is not as it was set";
			return -1;
		}
	}
	return 0;
}

struct capability_sets {
	uint64_t effective;
	uint64_t permitted;
	uint64_t inheritable;
};

static int read_capabilities(struct capability_sets *held)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}, {0}};
	int result = CHECKED(capget, &header, data);
	held->effective = data[0].effective | (uint64_t)data[1].effective << 32;
	held->permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	held->inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
	return result;
}

static int write_capabilities(const struct capability_sets *held)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	for (unsigned int i = 0; i < 2; i++) {
		data[i].effective = (uint32_t)(held->effective >> (32 * i));
		data[i].permitted = (uint32_t)(held->permitted >> (32 * i));
		data[i].inheritable = (uint32_t)(held->inheritable >> (32 * i));
	}
	return CHECKED(capset, &header, data);
}

int perform_capset(struct state *state, const struct arguments *arguments)
{
	struct capability_sets has = {0};
	struct capability_sets now_has = {0};
	int result = read_capabilities(&has);
	if (result < 0)
		return result;
	uint64_t permitted = arguments->number[1] & has.permitted;
	const struct capability_sets wanted = {
		.effective = arguments->number[0] & permitted,
		.permitted = permitted,
		.inheritable = arguments->number[2] & (has.permitted | has.inheritable),
	};
	result = write_capabilities(&wanted);
	renew_death_with_parent(state);
	if (result < 0)
		return result;
	result = read_capabilities(&now_has);
	if (result == 0 && memcmp(&now_has, &wanted, sizeof(wanted)) != 0) {
		state->reason = "the capabilities are not as they were set";
		return -1;
	}
	return result;
}

int perform_prctl(struct state *state, const struct arguments *arguments)
{
	(void)state;
	int result = CHECKED(prctl, arguments->number[0], arguments->number[1], 0, 0, 0);
	return result < 0 ? result : 0;
}

static const struct sock_fprog *filter_of(const struct state *state)
{
	for (unsigned int i = 0; i < state->program->filter_count; i++)
		if (state->program->filter_lines[i] == state->line)
			return &state->program->filters[i];
	return NULL;
}

/* A filter need not allow what stage1 does before execve(2), so that is done before the filter
 * holds. */
int perform_seccomp(struct state *state, const struct arguments *arguments)
{
	const struct line *next = state->line + 1;
	if (next < state->plan->lines + state->plan->count &&
	    (next->operation == OP_EXEC || next->operation == OP_FEXECVE))
		prepare_exec(state);
	int result =
		CHECKED(seccomp, SECCOMP_SET_MODE_FILTER, arguments->number[0], filter_of(state));
	state->is_filtered = state->is_filtered || result == 0;
	return result;
}

/* What each version of Landlock added to what it can restrict, the first first. */
static const struct {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
	const char *adds;
} landlock_versions[] = {
	{.fs = LANDLOCK_ACCESS_FS_MAKE_SYM * 2 - 1, .adds = "files"},
	{.fs = LANDLOCK_ACCESS_FS_REFER, .adds = "renaming between directories"},
	{.fs = LANDLOCK_ACCESS_FS_TRUNCATE, .adds = "truncation"},
	{.net = LANDLOCK_ACCESS_NET_BIND_TCP | LANDLOCK_ACCESS_NET_CONNECT_TCP,
	 .adds = "TCP ports"},
	{.fs = LANDLOCK_ACCESS_FS_IOCTL_DEV, .adds = "device controls"},
	{.scoped = LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL,
	 .adds = "abstract sockets and signals"},
};

#define LANDLOCK_VERSIONS (sizeof(landlock_versions) / sizeof(landlock_versions[0]))

/* Once a process makes one ruleset, so this is said once. */
static void note_lack(const struct state *state, unsigned int version)
{
	struct output line = {.length = 0};
	put(&line, "stage1: this kernel cannot restrict ");
	put(&line, landlock_versions[version].adds);
	put(&line, version + 1 < LANDLOCK_VERSIONS ? " and more" : "");
	put(&line, ": its version of Landlock is ");
	put_number(&line, version);
	put(&line, "\n");
	flush(&line, state->error_fd);
}

/* Takes away from a ruleset what the kernel does not know; true if that leaves nothing. */
static bool adapt_ruleset(struct state *state, struct ruleset_attr *attributes)
{
	struct ruleset_attr known = {0};
	long version = CALL(landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	for (size_t i = 0; i < LANDLOCK_VERSIONS && (long)i < version; i++) {
		known.handled_access_fs |= landlock_versions[i].fs;
		known.handled_access_net |= landlock_versions[i].net;
		known.scoped |= landlock_versions[i].scoped;
	}
	if (((attributes->handled_access_fs & ~known.handled_access_fs) |
	     (attributes->handled_access_net & ~known.handled_access_net) |
	     (attributes->scoped & ~known.scoped)) != 0)
		note_lack(state, version < 0 ? 0 : (unsigned int)version);
	attributes->handled_access_fs &= known.handled_access_fs;
	attributes->handled_access_net &= known.handled_access_net;
	attributes->scoped &= known.scoped;
	state->handled_fs = attributes->handled_access_fs;
	state->handled_net = attributes->handled_access_net;
	state->lacks_landlock = version <= 0;
	return state->lacks_landlock;
}

static uint64_t rights(const struct state *state, uint64_t wanted, uint64_t handled)
{
	return state->program->confinement == CONFINES_AS_POSSIBLE ? wanted & handled : wanted;
}

int perform_landlock_create_ruleset(struct state *state, const struct arguments *arguments)
{
	struct ruleset_attr attributes = {
		.handled_access_fs = arguments->number[1],
		.handled_access_net = arguments->number[2],
		.scoped = arguments->number[3],
	};
	if (state->program->confinement == CONFINES_AS_POSSIBLE &&
	    adapt_ruleset(state, &attributes))
		return 0;
	long opened = CALL(landlock_create_ruleset, &attributes, sizeof(attributes), 0);
	return place(state, opened, fd_of(arguments, 0), O_CLOEXEC);
}

/* Rights on the entries of a directory, which a file cannot have. */
#define ON_DIRECTORIES                                                                             \
	((LANDLOCK_ACCESS_FS_MAKE_SYM * 2 - LANDLOCK_ACCESS_FS_READ_DIR) | LANDLOCK_ACCESS_FS_REFER)

static uint64_t rights_on(int fd, uint64_t wanted)
{
	struct statx status = {0};
	int result = CHECKED(statx, fd, "", AT_EMPTY_PATH, STATX_TYPE, &status);
	bool is_directory = result < 0 || (status.stx_mode & S_IFMT) == S_IFDIR;
	return is_directory ? wanted : wanted & ~(uint64_t)ON_DIRECTORIES;
}

int perform_landlock_add_rule(struct state *state, const struct arguments *arguments)
{
	if (state->lacks_landlock)
		return 0;
	long parent = CALL(openat, AT_FDCWD, arguments->text[2], O_PATH | O_CLOEXEC);
	if (parent < 0)
		return (int)parent;
	struct landlock_path_beneath_attr rule = {
		.allowed_access = rights(state, rights_on((int)parent, arguments->number[1]),
					 state->handled_fs),
		.parent_fd = (int)parent,
	};
	int result = CHECKED(landlock_add_rule, fd_of(arguments, 0), RULE_PATH_BENEATH, &rule, 0);
	close_fd((int)parent);
	return result;
}

int perform_landlock_add_port(struct state *state, const struct arguments *arguments)
{
	struct port_attr rule = {
		.allowed_access = rights(state, arguments->number[1], state->handled_net),
		.port = arguments->number[2],
	};
	if (state->lacks_landlock || rule.allowed_access == 0)
		return 0;
	return CHECKED(landlock_add_rule, fd_of(arguments, 0), RULE_NET_PORT, &rule, 0);
}

int perform_landlock_restrict_self(struct state *state, const struct arguments *arguments)
{
	if (state->lacks_landlock)
		return 0;
	return CHECKED(landlock_restrict_self, fd_of(arguments, 0), 0);
}
