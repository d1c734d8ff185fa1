/* SPDX-License-Identifier: Apache-2.0 */
/* Prints files of the finished tree: rkt-prepare wants the user database, and must not open it
 * itself. */
#include "memory.h"
#include "syscall.h"
#include "unpack.h"

#define PRINTED_BYTES (1024 * 1024)

static char content[PRINTED_BYTES + 1];

static void write_all(const char *bytes, size_t size)
{
	while (size > 0) {
		long written = CALL(write, 1, bytes, size);

		if (written == -EINTR)
			continue;
		check(written, "print");
		bytes += written;
		size -= (size_t)written;
	}
}

/* A regular file of the tree, links resolved in it; -1 for everything else: a FIFO would hold us
 * up. */
static long open_in_tree(const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	struct statx status;
	long fd = CALL(openat2, AT_FDCWD, path, &how, sizeof(how));

	if (fd < 0)
		return -1;
	if (CALL(statx, fd, "", AT_EMPTY_PATH, STATX_TYPE, &status) == 0 &&
	    (status.stx_mode & S_IFMT) == S_IFREG)
		return fd;
	CALL(close, fd);
	return -1;
}

static size_t put_number(char *to, size_t number)
{
	char digits[24];
	size_t count = 0;

	do {
		digits[count++] = (char)('0' + number % 10);
		number /= 10;
	} while (number != 0);
	for (size_t i = 0; i < count; i++)
		to[i] = digits[count - 1 - i];
	return count;
}

static void print_header(const char *path, size_t size)
{
	char digits[26];
	size_t length = 1;

	digits[0] = ' ';
	length += put_number(digits + 1, size);
	digits[length++] = '\n';
	write_all(path, strlen(path));
	write_all(digits, length);
}

/* A line "PATH SIZE" and the bytes; nothing for what is no file or larger than any user database.
 */
void print_file(const char *path)
{
	long fd = open_in_tree(path);
	size_t used = 0;

	if (fd < 0)
		return;
	report_path(path);
	for (;;) {
		long got = CALL(read, fd, content + used, sizeof(content) - used);

		if (got == -EINTR)
			continue;
		check(got, "read");
		if (got == 0)
			break;
		used += (size_t)got;
		if (used == sizeof(content))
			refuse("larger than 1 MiB");
	}
	CALL(close, fd);
	print_header(path, used);
	write_all(content, used);
}

/* The names of the attributes of the root directory, each with a NUL behind it, as a file "xattrs".
 */
void print_xattrs(void)
{
	long length = CALL(listxattr, ".", content, sizeof(content));

	/* A file system without attributes has none to print. */
	if (length <= 0)
		return;
	print_header("xattrs", (size_t)length);
	write_all(content, (size_t)length);
}
