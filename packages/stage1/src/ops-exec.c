/* SPDX-License-Identifier: Apache-2.0 */
/* Operations that execute programs. */
#include "memory.h"
#include "ops.h"
#include "prepare.h"
#include "processes.h"
#include "syscall.h"

struct command {
	char *arguments[MAX_WORDS + 1];
	char **environment;
};

/* Not on the stack: the plan may have limited it for the program. */
static struct command prepared;

static void list_arguments(struct command *command, const struct arguments *arguments)
{
	char *word = arguments->rest;
	for (unsigned int i = 0; i < arguments->rest_count; i++, word = next_word(word))
		command->arguments[i] = word;
	command->arguments[arguments->rest_count] = NULL;
}

static bool append_arguments(struct command *command, unsigned int count, char **more)
{
	for (; more != NULL && *more != NULL; more++) {
		if (count == MAX_WORDS)
			return false;
		command->arguments[count++] = *more;
	}
	command->arguments[count] = NULL;
	return true;
}

/* The value lies behind its name: a `=` in place of the NUL between them makes a variable of both.
 */
static void join_environment(struct command *command, struct environment *environment)
{
	for (unsigned int i = 0; i < environment->count; i++) {
		char *name = environment->list[i];
		name[strlen(name)] = '=';
	}
	environment->list[environment->count] = NULL;
	command->environment = environment->list;
}

void prepare_exec(struct state *state)
{
	uint64_t none = 0;
	if (state->is_prepared)
		return;
	state->is_prepared = true;
	CALL(close_range, 3, state->keeps_descriptors ? 59 : UINT32_MAX, CLOSE_RANGE_CLOEXEC);
	CALL(close_range, 63, UINT32_MAX, CLOSE_RANGE_CLOEXEC);
	CALL(rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof(none));
}

static void add_variable(struct environment *environment, char *name)
{
	unsigned int i = 0;
	while (i < environment->count && !is_same(environment->list[i], name))
		i++;
	environment->list[i] = name;
	if (i == environment->count)
		environment->count++;
}

int perform_setenv(struct state *state, const struct arguments *arguments)
{
	struct environment *environment = state->environment;
	char *name = arguments->text[0];
	for (const char *at = name; *at != '\0'; at++)
		if (*at == '=')
			return -EINVAL;
	if (name[0] == '\0')
		return -EINVAL;
	add_variable(environment, name);
	return 0;
}

/* The kept variable lies as the words of a line do: a NUL instead of its `=`. */
static void keep_variable(struct state *state, char *variable, size_t length)
{
	variable[length] = '\0';
	add_variable(state->environment, variable);
}

static size_t name_length(const char *variable)
{
	size_t length = 0;
	while (variable[length] != '\0' && variable[length] != '=')
		length++;
	return length;
}

int perform_keepenv(struct state *state, const struct arguments *arguments)
{
	const char *name = arguments->text[0];
	bool keeps_all = is_same(name, "*");
	for (char **variable = state->program->variables; variable && *variable; variable++) {
		size_t length = name_length(*variable);
		if ((*variable)[length] != '=' || state->environment->count == MAX_LINES)
			continue;
		if (keeps_all || (length == strlen(name) && has_prefix(*variable, name)))
			keep_variable(state, *variable, length);
	}
	return 0;
}

/* A path that cannot be executed, as execvp(3) distinguishes: go on with the next directory, or
 * stop. */
static bool goes_on(int error)
{
	return error == -ENOENT || error == -ENOTDIR || error == -EACCES || error == -ENODEV ||
	       error == -ESTALE || error == -ETIMEDOUT || error == -ENAMETOOLONG;
}

static int execute_below(const char *directory, size_t length, const char *name,
			 struct command *command)
{
	char path[PATH_MAX];
	size_t name_length = strlen(name);
	if (length + 1 + name_length >= sizeof(path))
		return -ENAMETOOLONG;
	memcpy(path, directory, length);
	/* An empty entry is the working directory. */
	if (length > 0)
		path[length++] = '/';
	memcpy(path + length, name, name_length + 1);
	return CHECKED(execve, path, command->arguments, command->environment);
}

static int search_path(const char *path, const char *name, struct command *command)
{
	int result = -ENOENT;
	bool is_denied = false;
	if (path == NULL || name[0] == '\0')
		return -ENOENT;
	for (;;) {
		size_t length = 0;
		while (path[length] != '\0' && path[length] != ':')
			length++;
		result = execute_below(path, length, name, command);
		if (!goes_on(result))
			return result;
		is_denied = is_denied || result == -EACCES;
		if (path[length] == '\0')
			return is_denied ? -EACCES : -ENOENT;
		path += length + 1;
	}
}

static const char *path_of(const struct environment *environment)
{
	for (unsigned int i = 0; i < environment->count; i++)
		if (is_same(environment->list[i], "PATH"))
			return environment->list[i] + sizeof("PATH");
	return NULL;
}

static bool has_slash(const char *text)
{
	while (*text != '\0' && *text != '/')
		text++;
	return *text == '/';
}

static int note_failure(struct state *state, int error)
{
	bool is_missing = error == -ENOENT || error == -ENOTDIR || error == -ENAMETOOLONG;
	state->status = is_missing ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
	return error;
}

int perform_exec(struct state *state, const struct arguments *arguments)
{
	struct command *command = &prepared;
	const char *file = arguments->text[0];
	const char *path = path_of(state->environment);
	list_arguments(command, arguments);
	if (!append_arguments(command, arguments->rest_count, state->program->more))
		return -E2BIG;
	join_environment(command, state->environment);
	prepare_exec(state);
	if (has_slash(file))
		return note_failure(
			state, CHECKED(execve, file, command->arguments, command->environment));
	int result = search_path(path, file, command);
	if (result == -ENOENT)
		state->reason = "executable file not found in $PATH";
	return note_failure(state, result);
}

int perform_fexecve(struct state *state, const struct arguments *arguments)
{
	struct command *command = &prepared;
	list_arguments(command, arguments);
	join_environment(command, state->environment);
	prepare_exec(state);
	return note_failure(state, CHECKED(execveat, arguments->number[0], "", command->arguments,
					   command->environment, AT_EMPTY_PATH));
}

_Noreturn static void execute_and_exit(struct state *state, const struct arguments *arguments)
{
	struct command *command = &prepared;
	const char *file = arguments->text[0];
	list_arguments(command, arguments);
	join_environment(command, state->environment);
	prepare_exec(state);
	int error = file[0] == '/' ? CHECKED(execve, file, command->arguments, command->environment)
				   : -ENOENT;
	/* The parent learns it by the status and reports the line. */
	exit_now(error == -ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE);
}

int perform_run(struct state *state, const struct arguments *arguments)
{
	struct birth birth = {.cgroup_fd = -1};
	int pid = make_process(&birth);
	if (pid == 0)
		execute_and_exit(state, arguments);
	if (pid < 0)
		return pid;
	int status = wait_for(pid);
	if (status == 0)
		return 0;
	state->reason = "it failed";
	if (status == STATUS_NOT_FOUND << 8)
		state->reason = "no such file or directory";
	if (status == STATUS_NOT_EXECUTABLE << 8)
		state->reason = "permission denied";
	return status < 0 ? status : -1;
}
