/* SPDX-License-Identifier: Apache-2.0 */
#include "memory.h"
#include "syscall.h"
#include "unpack.h"

#define MESSAGE_BYTES 1024

static char message[MESSAGE_BYTES];
static size_t used;
static const char *current;

static const struct {
	long error;
	const char *text;
} errors[] = {
	{EACCES, "permission denied"},
	{EDQUOT, "disk quota exceeded"},
	{EEXIST, "file exists"},
	{EFBIG, "file too large"},
	{EINVAL, "invalid argument"},
	{EIO, "input/output error"},
	{ELOOP, "too many levels of symbolic links"},
	{EMLINK, "too many links"},
	{ENAMETOOLONG, "file name too long"},
	{ENOENT, "no such file or directory"},
	{ENOSPC, "no space left on device"},
	{ENOSYS, "function not implemented"},
	{ENOTDIR, "not a directory"},
	{EOPNOTSUPP, "operation not supported"},
	{EPERM, "operation not permitted"},
	{EROFS, "read-only file system"},
	{EXDEV, "invalid cross-device link"},
};

/* Keeps room for what ends a message. */
static void put_byte(char byte)
{
	if (used < MESSAGE_BYTES - 1)
		message[used++] = byte;
}

static void put(const char *text)
{
	for (; *text; text++)
		put_byte(*text);
}

/* Printable ASCII as it is, all else in octal; a long path is cut. */
static void put_escaped(const char *text)
{
	for (size_t left = 400; *text && left; text++, left--) {
		unsigned char byte = (unsigned char)*text;

		if (byte >= ' ' && byte <= '~') {
			put_byte(*text);
			continue;
		}
		put_byte('\\');
		put_byte((char)('0' + (byte >> 6)));
		put_byte((char)('0' + ((byte >> 3) & 7)));
		put_byte((char)('0' + (byte & 7)));
	}
	if (*text)
		put("...");
}

static void put_number(long number)
{
	char digits[24];
	size_t at = sizeof(digits) - 1;

	digits[at] = 0;
	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	put(digits + at);
}

static void put_error(long error)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (errors[i].error == error) {
			put(errors[i].text);
			return;
		}
	}
	put("error ");
	put_number(error);
}

static void begin(const char *verb)
{
	put("unpack: cannot ");
	put(verb);
	if (current) {
		put(" \"");
		put_escaped(current);
		put("\"");
	}
	put(": ");
}

static _Noreturn void end(int status)
{
	message[used++] = '\n';
	CALL(write, 2, message, used);
	exit_now(status);
}

void report_path(const char *path)
{
	current = path;
}

_Noreturn void refuse(const char *what)
{
	begin("unpack");
	put(what);
	end(STATUS_REFUSED);
}

_Noreturn void fail(const char *verb, long error)
{
	begin(verb);
	put_error(error < 0 ? -error : error);
	end(STATUS_SYSTEM);
}

void check_owner(long result, const struct attributes *attributes)
{
	/* Of an id that is none here, the kernel says no more than that the argument is invalid. */
	if (result != -EINVAL) {
		check(result, "set the owner of");
		return;
	}
	begin("set the owner of");
	put("no such id in this user namespace: ");
	put_number(attributes->uid);
	put(":");
	put_number(attributes->gid);
	end(STATUS_SYSTEM);
}

void check(long result, const char *verb)
{
	if (result < 0)
		fail(verb, result);
}
