/* SPDX-License-Identifier: Apache-2.0 */
#include "memory.h"
#include "syscall.h"
#include "unpack.h"

/* Nothing in a tree is followed and nothing in it is a mount; what is, is not ours. */
#define RESOLVE (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)

static int root = -1;

/*
 * The directory of the last entry stays open, since the next one mostly lies in it too.
 * Making an entry changes the time of its directory, which is not for us to change: it gets back
 * what it had.
 */
static char parent_path[PATH_BYTES];
static int parent = -1;
static uint64_t parent_hash;
static bool parent_is_marked;
static struct __kernel_timespec parent_times[2];

static long open_beneath(const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE,
	};

	return CHECKED(openat2, root, path, &how, sizeof(how));
}

int directory_below(int directory, const char *name)
{
	return (int)CHECKED(openat, directory, name,
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
}

void place_init(void)
{
	root = (int)CHECKED(openat, AT_FDCWD, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (root < 0)
		fail("open the working directory", root);
}

static void times_of(int directory, struct __kernel_timespec times[2])
{
	struct statx status;
	long error = CHECKED(statx, directory, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status);

	if (error < 0)
		fail("look at the directory of", error);
	times[0].tv_sec = 0;
	times[0].tv_nsec = OMIT_TIME;
	times[1].tv_sec = status.stx_mtime.tv_sec;
	times[1].tv_nsec = status.stx_mtime.tv_nsec;
}

static void times_back(int directory, const struct __kernel_timespec times[2])
{
	long error = CHECKED(utimensat, directory, 0, times);

	if (error < 0)
		fail("set the time of the directory of", error);
}

void place_leave(void)
{
	if (parent < 0)
		return;
	times_back(parent, parent_times);
	CALL(close, parent);
	parent = -1;
}

/* Refuses what is not a path as the stream has it; returns the length up to the last slash, 0 if
 * there is none. */
static size_t check_path(const char *path)
{
	size_t component = 0;
	size_t slash = 0;
	unsigned int depth = 1;
	size_t i;

	if (strlen(path) >= PATH_BYTES)
		refuse("the path is too long");
	for (i = 0;; i++) {
		if (path[i] && path[i] != '/') {
			component++;
			continue;
		}
		if (component == 0 || component > COMPONENT_BYTES || depth > DEPTH)
			refuse("the path is malformed");
		if (component == 1 && path[i - 1] == '.')
			refuse("the path is malformed");
		if (component == 2 && path[i - 1] == '.' && path[i - 2] == '.')
			refuse("the path is malformed");
		if (!path[i])
			return slash;
		slash = i;
		component = 0;
		depth++;
	}
}

/* Makes the directory, in place of whatever else layers below have there. */
static void make_implied(int directory, const char *name, uint64_t hash)
{
	static const struct __kernel_timespec nobody_said[2];
	struct __kernel_timespec times[2];
	long error;

	times_of(directory, times);
	error = CHECKED(mkdirat, directory, name, 0755);
	if (error == -EEXIST) {
		if (made_has(hash))
			refuse("its parent is not a directory");
		error = CHECKED(unlinkat, directory, name, 0);
		if (error >= 0)
			error = CHECKED(mkdirat, directory, name, 0755);
	}
	/* In a setgid directory it would have the group of that. */
	if (error >= 0)
		error = CHECKED(fchownat, directory, name, 0, 0, AT_SYMLINK_NOFOLLOW);
	if (error >= 0)
		error = CHECKED(fchmodat, directory, name, 0755);
	if (error < 0)
		fail("make a parent of", error);
	/* Nobody has said when it was made, so it does not depend on when that is. */
	error = CHECKED(utimensat, directory, name, nobody_said, AT_SYMLINK_NOFOLLOW);
	if (error < 0)
		fail("set the time of a parent of", error);
	times_back(directory, times);
}

/* Opens the directory component by component, and makes what is missing. */
static int walk(const char *path, size_t length)
{
	char name[COMPONENT_BYTES + 1];
	uint64_t hash = HASH_OF_ROOT;
	int directory = directory_below(root, ".");

	while (directory >= 0) {
		size_t component = 0;
		int next;

		while (component < length && path[component] != '/')
			component++;
		memcpy(name, path, component);
		name[component] = 0;
		hash = hash_child(hash, name, component);
		next = directory_below(directory, name);
		if (next == -ENOENT || next == -ENOTDIR || next == -ELOOP) {
			make_implied(directory, name, hash);
			next = directory_below(directory, name);
		}
		CALL(close, directory);
		directory = next;
		if (component == length)
			break;
		path += component + 1;
		length -= component + 1;
	}
	if (directory < 0)
		fail("open a parent of", directory);
	return directory;
}

/* The hash of the directory; remembers it and all that it lies in if asked to. */
static uint64_t hash_of(const char *path, size_t length, bool remember)
{
	uint64_t hash = HASH_OF_ROOT;
	size_t from = 0;

	for (size_t i = 0; i <= length && length; i++) {
		if (i < length && path[i] != '/')
			continue;
		hash = hash_child(hash, path + from, i - from);
		if (remember)
			made_add(hash);
		from = i + 1;
	}
	return hash;
}

static int open_or_make(const char *path, size_t length)
{
	char copy[PATH_BYTES];
	long directory;

	if (length == 0)
		return directory_below(root, ".");
	memcpy(copy, path, length);
	copy[length] = 0;
	directory = open_beneath(copy);
	if (directory == -ENOENT || directory == -ENOTDIR || directory == -ELOOP)
		return walk(path, length);
	if (directory < 0)
		fail("open a parent of", directory);
	return (int)directory;
}

static void name_of(struct place *place, const char *path, size_t length)
{
	const char *name = path + (length ? length + 1 : 0);

	memcpy(place->name, name, strlen(name) + 1);
	place->hash = hash_child(parent_hash, name, strlen(name));
	place->directory = parent;
}

/* True if the open directory is the one of these first bytes of the path. */
static bool is_open(const char *path, size_t length)
{
	return parent >= 0 && strlen(parent_path) == length &&
	       memcmp(parent_path, path, length) == 0;
}

static void keep_open(int directory, const char *path, size_t length)
{
	times_of(directory, parent_times);
	parent = directory;
	parent_hash = hash_of(path, length, false);
	parent_is_marked = false;
	memcpy(parent_path, path, length);
	parent_path[length] = 0;
}

void place_open(struct place *place, const char *path)
{
	size_t length = check_path(path);

	if (!is_open(path, length)) {
		int directory;

		place_leave();
		directory = open_or_make(path, length);
		if (directory < 0)
			fail("open a parent of", directory);
		keep_open(directory, path, length);
	}
	if (!parent_is_marked)
		hash_of(path, length, true);
	parent_is_marked = true;
	name_of(place, path, length);
}

bool place_find(struct place *place, const char *path)
{
	size_t length = check_path(path);

	if (!is_open(path, length)) {
		char copy[PATH_BYTES];
		long directory;

		place_leave();
		memcpy(copy, path, length);
		copy[length] = 0;
		directory = length ? open_beneath(copy) : directory_below(root, ".");
		if (directory == -ENOENT || directory == -ENOTDIR || directory == -ELOOP)
			return false;
		if (directory < 0)
			fail("open a parent of", directory);
		keep_open((int)directory, path, length);
	}
	name_of(place, path, length);
	return true;
}

int directory_at(const char *path)
{
	int directory;

	if (path[0] == '.' && path[1] == 0)
		return directory_below(root, ".");
	check_path(path);
	directory = open_or_make(path, strlen(path));
	hash_of(path, strlen(path), true);
	return directory;
}
