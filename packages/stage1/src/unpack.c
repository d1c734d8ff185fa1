/* SPDX-License-Identifier: Apache-2.0 */
#include "memory.h"
#include "start.h"
#include "syscall.h"
#include "unpack.h"

#define ENTRIES 2000000
#define SECONDS_MOST ((UINT64_C(1) << 53) - 1)
#define SIZE_MOST ((UINT64_C(1) << 53) - 1)
#define ID_MOST UINT64_C(0xfffffffe)

static void attributes_of(const struct word *words, uint32_t mode, struct attributes *attributes)
{
	attributes->mode = mode;
	attributes->uid = (uint32_t)number_of(&words[0], ID_MOST);
	attributes->gid = (uint32_t)number_of(&words[1], ID_MOST);
	attributes->seconds = (int64_t)number_of(&words[2], SECONDS_MOST);
	attributes->nanoseconds = (uint32_t)number_of(&words[3], 999999999);
}

static void do_file(const struct line *line)
{
	struct attributes attributes;
	struct place place;
	const char *path = line->words[1].text;
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	uint64_t size;
	long fd;

	expect(line, 8);
	attributes_of(&line->words[3], mode_of(&line->words[2]), &attributes);
	size = number_of(&line->words[7], SIZE_MOST);
	place_open(&place, path);
	fd = CHECKED(openat, place.directory, place.name, flags, 0600);
	if (fd == -EEXIST) {
		remove_at(place.directory, place.name);
		fd = CHECKED(openat, place.directory, place.name, flags, 0600);
	}
	check(fd, "make the file");
	made_add(place.hash);
	content_begin((int)fd, path, &attributes);
	content_size(size);
}

/* A directory of a layer below has the extended attributes of its new owner, not those of the old
 * one. */
static void drop_xattrs(int fd)
{
	static char names[65536];
	long length = CALL(flistxattr, fd, names, sizeof(names));

	if (length == -EOPNOTSUPP)
		return;
	check(length, "list the extended attributes of");
	for (long at = 0; at < length; at += (long)strlen(names + at) + 1)
		if (memcmp(names + at, "user.", 5) == 0)
			check(CHECKED(fremovexattr, fd, names + at), "remove an attribute of");
}

static int make_directory(const struct place *place)
{
	long error = CHECKED(mkdirat, place->directory, place->name, 0700);
	int fd;

	if (error == -EEXIST) {
		fd = directory_below(place->directory, place->name);
		if (fd >= 0) {
			drop_xattrs(fd);
			return fd;
		}
		if (fd != -ENOTDIR && fd != -ELOOP)
			fail("open", fd);
		remove_at(place->directory, place->name);
		error = CHECKED(mkdirat, place->directory, place->name, 0700);
	}
	check(error, "make the directory");
	return directory_below(place->directory, place->name);
}

static void do_dir(const struct line *line)
{
	struct attributes attributes;
	struct place place;
	const char *path = line->words[1].text;
	int fd;

	expect(line, 7);
	attributes_of(&line->words[3], mode_of(&line->words[2]), &attributes);
	if (is_same(line->words[1].text, ".")) {
		place_leave();
		fd = directory_at(".");
		if (fd >= 0)
			drop_xattrs(fd);
	} else {
		place_open(&place, path);
		fd = make_directory(&place);
		made_add(place.hash);
	}
	check(fd, "open");
	content_begin(fd, path, &attributes);
}

static void set_attributes(const struct place *place, const struct attributes *attributes)
{
	struct __kernel_timespec times[2];

	check_owner(CHECKED(fchownat, place->directory, place->name, attributes->uid,
			    attributes->gid, AT_SYMLINK_NOFOLLOW),
		    attributes);
	times_for(attributes, times);
	check(CHECKED(utimensat, place->directory, place->name, times, AT_SYMLINK_NOFOLLOW),
	      "set the time of");
	made_add(place->hash);
}

static void do_symlink(const struct line *line)
{
	struct attributes attributes;
	struct place place;
	const char *target = line->words[2].text;
	long error;

	expect(line, 7);
	attributes_of(&line->words[3], 0777, &attributes);
	if (line->words[2].length == 0 || line->words[2].length >= PATH_BYTES)
		refuse("malformed target of a symbolic link");
	place_open(&place, line->words[1].text);
	error = CHECKED(symlinkat, target, place.directory, place.name);
	if (error == -EEXIST) {
		remove_at(place.directory, place.name);
		error = CHECKED(symlinkat, target, place.directory, place.name);
	}
	check(error, "make the symbolic link");
	set_attributes(&place, &attributes);
}

static void do_fifo(const struct line *line)
{
	struct attributes attributes;
	struct place place;
	uint32_t mode;
	long error;

	expect(line, 7);
	attributes_of(&line->words[3], mode_of(&line->words[2]), &attributes);
	mode = S_IFIFO | (attributes.mode & 0777);
	place_open(&place, line->words[1].text);
	error = CHECKED(mknodat, place.directory, place.name, mode);
	if (error == -EEXIST) {
		remove_at(place.directory, place.name);
		error = CHECKED(mknodat, place.directory, place.name, mode);
	}
	check(error, "make the pipe");
	set_attributes(&place, &attributes);
}

static bool is_same_file(const struct statx *a, const struct statx *b)
{
	return a->stx_ino == b->stx_ino && a->stx_dev_major == b->stx_dev_major &&
	       a->stx_dev_minor == b->stx_dev_minor;
}

/* Whether the path is that of something in the directory. */
static bool is_beneath(const struct word *path, const struct word *directory)
{
	return has_prefix(path->text, directory->text) && path->text[directory->length] == '/';
}

static void do_link(const struct line *line)
{
	struct place place;
	struct place old;
	struct statx target;
	struct statx there;
	int directory;
	long error;

	expect(line, 3);
	/* One would have to go to make room for the other. */
	if (is_beneath(&line->words[1], &line->words[2]) ||
	    is_beneath(&line->words[2], &line->words[1]))
		refuse("the link and its target are in each other's way");
	if (!place_find(&old, line->words[2].text))
		refuse("the target of the link does not exist");
	error = CHECKED(statx, old.directory, old.name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS,
			&target);
	if (error == -ENOENT)
		refuse("the target of the link does not exist");
	check(error, "look at the target of");
	if ((target.stx_mode & S_IFMT) == S_IFDIR)
		refuse("the target of the link is a directory");
	/* The place of the link may close the directory of its target. */
	directory = directory_below(old.directory, ".");
	check(directory, "open the directory of the target of");
	place_open(&place, line->words[1].text);
	error = CHECKED(linkat, directory, old.name, place.directory, place.name, 0);
	if (error == -EEXIST) {
		error = CHECKED(statx, place.directory, place.name, AT_SYMLINK_NOFOLLOW,
				STATX_BASIC_STATS, &there);
		check(error, "look at");
		if (!is_same_file(&target, &there)) {
			remove_at(place.directory, place.name);
			error = CHECKED(linkat, directory, old.name, place.directory, place.name,
					0);
		}
	}
	check(error, "make the link");
	CALL(close, directory);
	made_add(place.hash);
}

static void do_opaque(const struct line *line)
{
	const char *path = line->words[1].text;
	uint64_t hash = HASH_OF_ROOT;
	int directory;

	expect(line, 2);
	place_leave();
	directory = directory_at(path);
	check(directory, "open");
	/* The hash of a path is that of its bytes behind a slash. */
	if (!is_same(line->words[1].text, "."))
		hash = hash_child(HASH_OF_ROOT, path, line->words[1].length);
	remove_others(directory, hash);
	CALL(close, directory);
}

static void do_remove(const struct line *line)
{
	struct place place;
	int directory;

	expect(line, 2);
	if (!place_find(&place, line->words[1].text))
		return;
	if (!made_has(place.hash)) {
		remove_at(place.directory, place.name);
		return;
	}
	directory = directory_below(place.directory, place.name);
	if (directory < 0)
		return;
	remove_others(directory, place.hash);
	CALL(close, directory);
}

static const struct {
	const char *name;
	void (*act)(const struct line *line);
} entries[] = {
	{"dir", do_dir},   {"file", do_file},	  {"symlink", do_symlink}, {"fifo", do_fifo},
	{"link", do_link}, {"opaque", do_opaque}, {"remove", do_remove},
};

static void do_entry(const struct line *line)
{
	content_end();
	if (line->count < 2)
		refuse("malformed stream: wrong number of words");
	report_path(line->words[1].text);
	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		if (is_same(line->words[0].text, entries[i].name)) {
			entries[i].act(line);
			report_path(0);
			return;
		}
	}
	report_path(0);
	refuse("malformed stream: an unknown line");
}

static void unpack(void)
{
	struct line line;
	uint64_t count = 0;

	if (!read_line(&line) || line.count != 2 || !is_same(line.words[0].text, "tree") ||
	    !is_same(line.words[1].text, "1"))
		refuse("malformed stream: not a tree of version 1");
	for (;;) {
		if (!read_line(&line))
			refuse("malformed stream: it was cut short");
		if (is_same(line.words[0].text, "end"))
			break;
		if (is_same(line.words[0].text, "data"))
			content_data(&line);
		else if (is_same(line.words[0].text, "xattr"))
			content_xattr(&line);
		else if (++count > ENTRIES)
			refuse("too many entries");
		else
			do_entry(&line);
	}
	content_end();
	place_leave();
	report_path(0);
	expect(&line, 2);
	if (number_of(&line.words[1], ENTRIES) != count)
		refuse("malformed stream: wrong number of entries");
	if (read_line(&line))
		refuse("malformed stream: something follows its end");
}

int main(int count, char **arguments)
{
	CALL(umask, 0);
	/* A larger pipe saves switches between the two processes; without one, nothing is lost. */
	CALL(fcntl, 0, F_SETPIPE_SZ, 1 << 20);
	place_init();
	unpack();
	for (int i = 1; i < count; i++)
		print_file(arguments[i]);
	print_xattrs();
	return 0;
}
