/* SPDX-License-Identifier: Apache-2.0 */
/* Reads plans and filters into memory that is there from the start, and trusts none that somebody
 * else can write. */
#include "descriptors.h"
#include "load.h"
#include "memory.h"
#include "processes.h"
#include "report.h"
#include "syscall.h"

#define PAGE 4096u

/* Whole pages, so that they can be given back. */
static struct {
	_Alignas(PAGE) char text[MAX_TEXT_BYTES];
	_Alignas(PAGE) struct line lines[MAX_ALL_LINES];
	_Alignas(PAGE) struct sock_filter filters[MAX_FILTERS][MAX_INSTRUCTIONS];
	_Alignas(PAGE) char end[PAGE];
} pool;

static size_t text_used;
static unsigned int lines_used;

void forget_plans(void)
{
	CALL(madvise, &pool, sizeof(pool), MADV_DONTNEED);
}

/* Where a file lies: for complaints, and to open it. */
struct place {
	struct complaint complaint;
	int directory;
};

_Noreturn static void refuse(const struct place *place, enum status status, const char *reason)
{
	struct complaint complaint = place->complaint;
	complaint.reason = reason;
	complain(status, &complaint);
}

static enum status status_of_error(int error)
{
	if (error == -ENOENT || error == -ENOTDIR || error == -ENAMETOOLONG)
		return STATUS_MISSING;
	if (error == -ELOOP || error == -EACCES || error == -EPERM)
		return STATUS_REFUSED;
	return STATUS_FAILED;
}

_Noreturn static void refuse_error(const struct place *place, int error)
{
	struct complaint complaint = place->complaint;
	complaint.error = -error;
	complain(status_of_error(error), &complaint);
}

_Noreturn static void refuse_content(const struct place *place, const struct problem *problem)
{
	struct complaint complaint = place->complaint;
	complaint.problem = problem;
	complain(STATUS_MALFORMED, &complaint);
}

/*
 * Where not all ids have a number, one number stands for all that have none: of a file with it,
 * nothing says whose it is.
 */
static bool is_anybody(uint32_t uid)
{
	static const char all[] = " 4294967295\n";
	const size_t end = sizeof(all) - 1;
	char map[64] = "";
	long fd;
	if (uid != OVERFLOW_ID)
		return false;
	fd = CALL(openat, AT_FDCWD, "/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
	long length = fd < 0 ? fd : CALL(read, fd, map, sizeof(map));
	close_fd((int)fd);
	return length < (long)end || memcmp(map + length - end, all, end) != 0;
}

/* Nobody but root and the caller may have written what is executed with the caller's rights. */
static void check_owner(const struct place *place, int fd, unsigned int type)
{
	struct statx status = {0};
	int result = CHECKED(statx, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status);
	if (result < 0)
		refuse_error(place, result);
	if ((status.stx_mode & S_IFMT) != type)
		refuse(place, STATUS_REFUSED,
		       type == S_IFREG ? "not a regular file" : "not a directory");
	if (status.stx_uid != 0 && status.stx_uid != (uint32_t)CALL(geteuid, 0))
		refuse(place, STATUS_REFUSED,
		       type == S_IFREG ? "it belongs to somebody else"
				       : "its directory belongs to somebody else");
	if (is_anybody(status.stx_uid))
		refuse(place, STATUS_REFUSED,
		       type == S_IFREG ? "it may belong to anybody"
				       : "its directory may belong to anybody");
	if ((status.stx_mode & (S_IWGRP | S_IWOTH)) != 0)
		refuse(place, STATUS_REFUSED,
		       type == S_IFREG ? "others can write it" : "others can write its directory");
}

static int open_checked(const struct place *place, const char *name, unsigned int type)
{
	int flags = type == S_IFREG ? O_RDONLY | O_NONBLOCK | O_NOCTTY : O_PATH;
	int fd = CHECKED(openat, place->directory, name, flags | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		refuse_error(place, fd);
	check_owner(place, fd, type);
	return fd;
}

/* Reads the whole file, of at most that size; a longer one is malformed. */
static size_t read_all(const struct place *place, int fd, char *to, size_t size)
{
	size_t length = 0;
	char more;
	for (;;) {
		char *at = length < size ? to + length : &more;
		size_t room = length < size ? size - length : 1;
		long count = CALL(read, fd, at, room);
		if (count == -EINTR)
			continue;
		if (count < 0)
			refuse_error(place, (int)count);
		if (count == 0)
			return length;
		if (length == size)
			refuse(place, STATUS_MALFORMED, "longer than its limit");
		length += (size_t)count;
	}
}

/* Parses and checks the text that was put at the end of the pool. */
static void take_plan(struct plan *plan, const struct place *place, size_t length)
{
	struct problem problem;
	unsigned int lines = MAX_ALL_LINES - lines_used;
	plan->path = place->complaint.path;
	plan->lines = pool.lines + lines_used;
	plan->count = lines < MAX_LINES ? lines : MAX_LINES;
	if (!parse_plan(pool.text + text_used, length, plan, &problem) ||
	    !check_plan(plan, &problem))
		refuse_content(place, &problem);
	text_used += length;
	lines_used += plan->count;
}

static void load_plan(struct plan *plan, const struct place *place, const char *name)
{
	size_t size = MAX_TEXT_BYTES - text_used;
	char *text = pool.text + text_used;
	int fd = open_checked(place, name, S_IFREG);
	size_t length = read_all(place, fd, text, size < MAX_PLAN_BYTES ? size : MAX_PLAN_BYTES);
	close_fd(fd);
	take_plan(plan, place, length);
}

static void load_filter(struct program *program, const struct place *in_plan,
			const struct line *line)
{
	const char *name = next_word(next_word(line->words));
	struct place place = *in_plan;
	unsigned int index = program->filter_count;
	place.complaint.beside = name;
	if (index == MAX_FILTERS)
		refuse(&place, STATUS_MALFORMED, "more than 64 filters");
	int fd = open_checked(&place, name, S_IFREG);
	size_t length =
		read_all(&place, fd, (char *)pool.filters[index], sizeof(pool.filters[index]));
	close_fd(fd);
	if (length == 0 || length % sizeof(struct sock_filter) != 0)
		refuse(&place, STATUS_MALFORMED, "not a filter");
	program->filter_lines[index] = line;
	program->filters[index] = (struct sock_fprog){
		.len = (unsigned short)(length / sizeof(struct sock_filter)),
		.filter = pool.filters[index],
	};
	program->filter_count++;
}

static void load_filters(struct program *program, const struct place *place,
			 const struct plan *plan)
{
	for (unsigned int i = 0; i < plan->count; i++)
		if (plan->lines[i].operation == OP_SECCOMP)
			load_filter(program, place, &plan->lines[i]);
}

static void copy_component(char component[PATH_MAX], const char *path, size_t length)
{
	memcpy(component, path, length);
	component[length] = '\0';
}

/* Every directory on the way from the main plan is looked at: who can write one can replace what is
 * beneath. */
static void load_beneath(struct program *program, const struct place *beside, const char *path,
			 enum role role)
{
	char component[PATH_MAX];
	struct plan *plan = &program->plans[program->plan_count];
	struct place place = *beside;
	const char *at = path;
	place.complaint.path = path;
	if (program->plan_count == MAX_PLANS)
		refuse(&place, STATUS_MALFORMED, "more than 65 plans");
	for (;;) {
		size_t length = 0;
		while (at[length] != '\0' && at[length] != '/')
			length++;
		if (at[length] == '\0')
			break;
		copy_component(component, at, length);
		at += length + 1;
		if (length == 0)
			continue;
		int directory = open_checked(&place, component, S_IFDIR);
		if (place.directory != beside->directory)
			close_fd(place.directory);
		place.directory = directory;
	}
	plan->role = role;
	load_plan(plan, &place, at);
	program->plan_count++;
	load_filters(program, &place, plan);
	if (place.directory != beside->directory)
		close_fd(place.directory);
}

/* The plans that the lines of a plan name. */
static void load_named(struct program *program, const struct place *place, const struct plan *plan)
{
	for (unsigned int i = 0; i < plan->count; i++) {
		const struct line *line = &plan->lines[i];
		char *first = next_word(line->words);
		if (line->operation != OP_APP && line->operation != OP_INIT)
			continue;
		program->named_by[program->plan_count] = line;
		if (line->operation == OP_INIT)
			load_beneath(program, place, first, ROLE_INIT);
		else
			load_beneath(program, place, next_word(first), ROLE_APP);
	}
}

static int open_directory(const struct place *place, const char *path, size_t length)
{
	char directory[PATH_MAX];
	if (length >= sizeof(directory))
		refuse_error(place, -ENAMETOOLONG);
	copy_component(directory, path, length);
	int fd = CHECKED(openat, AT_FDCWD, length == 0 ? "." : directory,
			 O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		refuse_error(place, fd);
	check_owner(place, fd, S_IFDIR);
	return fd;
}

void load_program(struct program *program, const char *given)
{
	/* Messages need it when the arguments are gone: see hide_arguments(). */
	static char path[PATH_MAX];
	struct place place = {.complaint = {.path = given}};
	size_t length = strlen(given);
	if (length >= sizeof(path))
		refuse_error(&place, -ENAMETOOLONG);
	copy_component(path, given, length);
	place.complaint.path = path;
	while (length > 0 && path[length - 1] != '/')
		length--;
	place.directory = open_directory(&place, path, length);
	program->directory_length = length;
	program->plan_count = 1;
	program->plans[0].role = ROLE_MAIN;
	load_plan(&program->plans[0], &place, path + length);
	place.complaint.directory = path;
	place.complaint.directory_length = length;
	place.complaint.path = path + length;
	load_filters(program, &place, &program->plans[0]);
	load_named(program, &place, &program->plans[0]);
	program->directory = keep(place.directory);
}

/* What is said of the main plan's path stays true of the directory. */
static struct place begin_again(struct program *program)
{
	text_used = 0;
	lines_used = 0;
	program->filter_count = 0;
	program->plan_count = 1;
	program->plans[0].count = 0;
	return (struct place){
		.complaint = {.directory = program->plans[0].path,
			      .directory_length = program->directory_length},
		.directory = program->directory,
	};
}

const struct plan *load_again(struct program *program, const char *path)
{
	const struct place place = begin_again(program);
	load_beneath(program, &place, path, ROLE_APP);
	return &program->plans[1];
}

/* A start plan has one app, whose plan lies beside it. */
const struct plan *load_start(struct program *program, const char *path)
{
	static char beside[PATH_MAX];
	const struct place place = begin_again(program);
	load_beneath(program, &place, path, ROLE_START);
	const struct plan *plan = &program->plans[1];
	const struct line *last = &plan->lines[plan->count - 1];
	const char *name = next_word(next_word(last->words));
	size_t length = strlen(path);
	while (length > 0 && path[length - 1] != '/')
		length--;
	if (length + strlen(name) >= sizeof(beside))
		refuse_error(&place, -ENAMETOOLONG);
	memcpy(beside, path, length);
	memcpy(beside + length, name, strlen(name) + 1);
	program->named_by[program->plan_count] = last;
	load_beneath(program, &place, beside, ROLE_APP);
	return plan;
}

void load_text(struct program *program, const char *directory, const char *text)
{
	struct place place = {.complaint = {.path = "confinement"}};
	size_t length = strlen(text);
	if (length > MAX_PLAN_BYTES)
		refuse(&place, STATUS_MALFORMED, "longer than its limit");
	place.directory = open_directory(&place, directory, strlen(directory));
	memcpy(pool.text, text, length);
	program->plan_count = 1;
	program->plans[0].role = ROLE_MAIN;
	take_plan(&program->plans[0], &place, length);
	load_filters(program, &place, &program->plans[0]);
	close_fd(place.directory);
}
