/* SPDX-License-Identifier: Apache-2.0 */
/* The operation that makes a process without privileges the root of a user namespace. */
#include "descriptors.h"
#include "memory.h"
#include "ops.h"
#include "output.h"
#include "processes.h"
#include "syscall.h"
#include "words.h"

/* The programs that may write what only root of the machine may, each by the file that it obeys. */
static const struct map {
	const char *file;
	const char *program;
	const char *missing;
	const char *refused;
} maps[2] = {
	{
		"/uid_map",
		"/usr/bin/newuidmap",
		"/usr/bin/newuidmap cannot be executed: wanted the package uidmap",
		"newuidmap refused: wanted a line for these ids in /etc/subuid",
	},
	{
		"/gid_map",
		"/usr/bin/newgidmap",
		"/usr/bin/newgidmap cannot be executed: wanted the package uidmap",
		"newgidmap refused: wanted a line for these ids in /etc/subgid",
	},
};

/* What administrators forbid user namespaces with. */
static const struct setting {
	const char *path;
	char forbids;
	const char *reason;
} settings[] = {
	{"/proc/sys/user/max_user_namespaces", '0',
	 "no user namespaces here: wanted user.max_user_namespaces above 0"},
	{"/proc/sys/kernel/unprivileged_userns_clone", '0',
	 "no user namespaces without root here: wanted kernel.unprivileged_userns_clone=1"},
	{"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", '1',
	 "AppArmor restricts user namespaces without root: wanted "
	 "kernel.apparmor_restrict_unprivileged_userns=0, or a profile for stage1"},
};

enum { APPARMOR = 2 };

/* A process outside of the new namespace, which executes the program when it is told to. */
struct mapper {
	int pid; /* 0: none is needed */
	int go_fd;
};

static bool is_forbidden_by(const struct setting *setting)
{
	char text[2] = "";
	long fd = CALL(openat, AT_FDCWD, setting->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	long length = CALL(read, fd, text, sizeof(text));
	close_fd((int)fd);
	return length == 2 && text[0] == setting->forbids && text[1] == '\n';
}

/* Says which setting it was, where the error number only says that it may not be. */
static int explain(struct state *state, int error)
{
	if (error != -EPERM && error != -EACCES && error != -ENOSPC && error != -EUSERS)
		return error;
	for (size_t i = 0; state->reason == NULL && i < sizeof(settings) / sizeof(settings[0]); i++)
		if (is_forbidden_by(&settings[i]))
			state->reason = settings[i].reason;
	return error;
}

/* The one id that a process may map by itself is its own. */
static bool is_own(const char *map, long id)
{
	uint64_t extent[3];
	return parse_extent(&map, extent) && *map == '\0' && extent[1] == (uint64_t)id &&
	       extent[2] == 1;
}

static char *print_number(char *at, uint64_t number)
{
	struct output text = {.length = 0};
	put_number(&text, number);
	memcpy(at, text.text, text.length);
	at[text.length] = '\0';
	return at + text.length + 1;
}

/* PROGRAM PID, and three numbers for each extent. What it says to its user is not what we say. */
_Noreturn static void execute_mapper(const struct map *kind, const char *map)
{
	static char numbers[(3 * MAX_EXTENTS + 1) * sizeof("4294967295")];
	static char *arguments[3 * MAX_EXTENTS + 3];
	static char *environment[1];
	uint64_t none = 0;
	uint64_t extent[3];
	char *at = numbers;
	size_t count = 0;
	arguments[count++] = (char *)(uintptr_t)kind->program;
	arguments[count++] = at;
	at = print_number(at, (uint64_t)CALL(getppid, 0));
	while (*map != '\0' && parse_extent(&map, extent)) {
		for (unsigned int i = 0; i < 3; i++) {
			arguments[count++] = at;
			at = print_number(at, extent[i]);
		}
	}
	long quiet = CALL(openat, AT_FDCWD, "/dev/null", O_RDWR | O_NOCTTY);
	for (int fd = 0; fd < 3; fd++)
		CALL(dup3, quiet, fd, 0);
	CALL(close_range, 3, UINT32_MAX, CLOSE_RANGE_CLOEXEC);
	CALL(rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof(none));
	CALL(execve, kind->program, arguments, environment);
	exit_now(STATUS_NOT_FOUND);
}

static int begin_mapper(const struct map *kind, const char *map, struct mapper *mapper)
{
	struct birth birth = {.cgroup_fd = -1};
	int ends[2];
	char byte;
	int result = keep_pipe(ends);
	if (result < 0)
		return result;
	mapper->pid = make_process(&birth);
	if (mapper->pid == 0) {
		close_fd(ends[1]);
		/* Nobody has a namespace to map when the other end is closed. */
		if (CALL(read, ends[0], &byte, 1) != 1)
			exit_now(STATUS_FAILED);
		execute_mapper(kind, map);
	}
	close_fd(ends[0]);
	mapper->go_fd = ends[1];
	return mapper->pid < 0 ? mapper->pid : 0;
}

static int end_mapper(struct state *state, const struct map *kind, const struct mapper *mapper)
{
	int status = wait_for(mapper->pid);
	if (status <= 0)
		return status;
	state->reason = status == STATUS_NOT_FOUND << 8 ? kind->missing : kind->refused;
	if (status != STATUS_NOT_FOUND << 8 && CALL(prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		state->reason = "programs that map ids gain no privileges here (no_new_privs)";
	return -EPERM;
}

/* A process may map its own group only when it can drop no groups any more: they may be what keeps
 * it from a file. */
static int map_own(unsigned int i, const char *map)
{
	static const char deny[] = "deny";
	int pid = (int)CALL(getpid, 0);
	if (is_same(map, "-"))
		return 0;
	int result = i == 1 ? write_proc(pid, "/setgroups", deny, sizeof(deny) - 1) : 0;
	return result < 0 ? result : write_id_map(pid, maps[i].file, map);
}

static int enter(struct state *state, const struct arguments *arguments,
		 const struct mapper mappers[2])
{
	int result = CHECKED(unshare, CLONE_NEWUSER);
	for (unsigned int i = 0; i < 2 && result == 0; i++)
		if (mappers[i].pid > 0)
			CALL(write, mappers[i].go_fd, "", 1);
	for (unsigned int i = 0; i < 2 && result == 0; i++)
		result = mappers[i].pid > 0 ? end_mapper(state, &maps[i], &mappers[i])
					    : map_own(i, arguments->text[i]);
	/* AppArmor lets the namespace be made and takes its use away. */
	if (result == 0 && is_forbidden_by(&settings[APPARMOR]))
		result = CHECKED(chroot, "/");
	return result;
}

/*
 * This process stays dumpable: only so its files in proc are its user's, who is going to join this
 * namespace by it. It has nothing that its user does not have; what it clones is not dumpable.
 */
int perform_unshare_user(struct state *state, const struct arguments *arguments)
{
	struct mapper mappers[2] = {{.go_fd = -1}, {.go_fd = -1}};
	const long own[2] = {CALL(geteuid, 0), CALL(getegid, 0)};
	int result = 0;
	for (unsigned int i = 0; i < 2 && result == 0; i++)
		if (!is_own(arguments->text[i], own[i]) && !is_same(arguments->text[i], "-"))
			result = begin_mapper(&maps[i], arguments->text[i], &mappers[i]);
	CALL(prctl, PR_SET_DUMPABLE, 1);
	state->stays_dumpable = true;
	if (result == 0)
		result = enter(state, arguments, mappers);
	for (unsigned int i = 0; i < 2; i++)
		close_fd(mappers[i].go_fd);
	renew_death_with_parent(state);
	return explain(state, result);
}
