/* SPDX-License-Identifier: Apache-2.0 */
/* The file or directory that data and extended attributes belong to. */
#include "memory.h"
#include "syscall.h"
#include "unpack.h"

/* The entry that data and extended attributes belong to; its attributes are set when it is
 * complete. */
static struct {
	int fd; /* -1: none */
	bool is_file;
	bool is_settled; /* owner and mode are set, no data may follow */
	uint64_t size;
	uint64_t written;
	struct attributes attributes;
} open_entry = {.fd = -1};

static char open_path[PATH_BYTES];

/* The owner first, since a new one takes setuid bits and capabilities away. */
static void settle(void)
{
	const struct attributes *attributes = &open_entry.attributes;

	if (open_entry.is_settled)
		return;
	open_entry.is_settled = true;
	if (open_entry.is_file && open_entry.written < open_entry.size)
		check(CHECKED(ftruncate, open_entry.fd, open_entry.size), "set the size of");
	check_owner(CHECKED(fchown, open_entry.fd, attributes->uid, attributes->gid), attributes);
	check(CHECKED(fchmod, open_entry.fd, attributes->mode), "set the mode of");
}

void times_for(const struct attributes *attributes, struct __kernel_timespec times[2])
{
	times[0].tv_sec = times[1].tv_sec = attributes->seconds;
	times[0].tv_nsec = times[1].tv_nsec = attributes->nanoseconds;
}

void content_end(void)
{
	struct __kernel_timespec times[2];

	if (open_entry.fd < 0)
		return;
	report_path(open_path);
	settle();
	times_for(&open_entry.attributes, times);
	check(CHECKED(utimensat, open_entry.fd, 0, times), "set the time of");
	check(CHECKED(close, open_entry.fd), "write");
	open_entry.fd = -1;
}

void content_begin(int fd, const char *path, const struct attributes *attributes)
{
	open_entry.fd = fd;
	open_entry.is_file = false;
	open_entry.is_settled = false;
	open_entry.size = 0;
	open_entry.written = 0;
	open_entry.attributes = *attributes;
	memcpy(open_path, path, strlen(path) + 1);
}

void content_size(uint64_t size)
{
	open_entry.is_file = true;
	open_entry.size = size;
}

void content_data(const struct line *line)
{
	uint64_t offset;
	uint64_t length;

	report_path(open_entry.fd < 0 ? 0 : open_path);
	expect(line, 3);
	if (open_entry.fd < 0 || !open_entry.is_file || open_entry.is_settled)
		refuse("malformed stream: data without a file");
	offset = number_of(&line->words[1], open_entry.size);
	length = number_of(&line->words[2], open_entry.size - offset);
	if (offset < open_entry.written)
		refuse("malformed stream: data is not in order");
	read_data(open_entry.fd, offset, length);
	open_entry.written = offset + length;
}

void content_xattr(struct line *line)
{
	unsigned char *value;
	size_t length;

	report_path(open_entry.fd < 0 ? 0 : open_path);
	expect(line, 3);
	if (open_entry.fd < 0)
		refuse("malformed stream: an extended attribute without a file");
	settle();
	length = bytes_of_hex(&line->words[2], &value);
	check(CHECKED(fsetxattr, open_entry.fd, line->words[1].text, value, length, 0),
	      "set an extended attribute of");
}
