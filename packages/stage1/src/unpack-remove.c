/* SPDX-License-Identifier: Apache-2.0 */
#include "memory.h"
#include "syscall.h"
#include "unpack.h"

#define ENTRIES_BYTES 4096
#define REMOVE_DEPTH (2 * DEPTH)

/* What is done with each entry of a directory; returns whether it was removed. */
typedef bool (*action)(int directory, const char *name, uint64_t hash);

static unsigned int depth;

static bool is_dot(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

static bool one_pass(int directory, uint64_t hash, action act)
{
	_Alignas(struct directory_entry) char entries[ENTRIES_BYTES];
	bool removed = false;
	long got;

	for (;;) {
		got = CALL(getdents64, directory, entries, sizeof(entries));
		if (got < 0)
			fail("list the directory", got);
		if (got == 0)
			return removed;
		for (long at = 0; at < got;) {
			struct directory_entry *entry =
				(struct directory_entry *)(void *)(entries + at);
			const char *name = entry->name;

			at += entry->length;
			if (!is_dot(name))
				removed |=
					act(directory, name, hash_child(hash, name, strlen(name)));
		}
	}
}

/* Removing while a directory is listed may skip entries, so it is listed again until nothing is
 * left to do. */
static void each(int directory, uint64_t hash, action act)
{
	if (++depth > REMOVE_DEPTH)
		refuse("a directory that is to be removed is too deep");
	while (one_pass(directory, hash, act)) {
		long error = CALL(lseek, directory, 0, 0);

		if (error < 0)
			fail("list the directory", error);
	}
	depth--;
}

static bool remove_each(int directory, const char *name, uint64_t hash)
{
	(void)hash;
	remove_at(directory, name);
	return true;
}

void remove_at(int directory, const char *name)
{
	long error = CHECKED(unlinkat, directory, name, 0);
	int below;

	if (error >= 0 || error == -ENOENT)
		return;
	/* POSIX has EPERM for directories, Linux EISDIR. */
	if (error != -EISDIR && error != -EPERM)
		fail("remove", error);
	below = directory_below(directory, name);
	if (below < 0)
		fail("remove", below);
	error = CHECKED(unlinkat, directory, name, AT_REMOVEDIR);
	if (error == -ENOTEMPTY) {
		each(below, 0, remove_each);
		error = CHECKED(unlinkat, directory, name, AT_REMOVEDIR);
	}
	CALL(close, below);
	if (error < 0)
		fail("remove", error);
}

static bool remove_other(int directory, const char *name, uint64_t hash)
{
	int below;

	if (!made_has(hash)) {
		remove_at(directory, name);
		return true;
	}
	below = directory_below(directory, name);
	if (below >= 0) {
		remove_others(below, hash);
		CALL(close, below);
	} else if (below != -ENOTDIR && below != -ELOOP)
		fail("open a directory in", below);
	return false;
}

void remove_others(int directory, uint64_t hash)
{
	struct statx status;
	struct __kernel_timespec times[2] = {{0}, {0}};
	long error = CHECKED(statx, directory, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status);

	if (error < 0)
		fail("look at", error);
	each(directory, hash, remove_other);
	times[0].tv_nsec = OMIT_TIME;
	times[1].tv_sec = status.stx_mtime.tv_sec;
	times[1].tv_nsec = status.stx_mtime.tv_nsec;
	error = CHECKED(utimensat, directory, 0, times);
	if (error < 0)
		fail("set the time of", error);
}
