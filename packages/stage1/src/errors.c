/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel's error numbers mean; the phrases are those that callers of container runtimes
 * look for. */
#include "output.h"
#include "kernel.h"

static const struct {
	int number;
	const char *text;
} errors[] = {
	{EPERM, "operation not permitted"},
	{ENOENT, "no such file or directory"},
	{ESRCH, "no such process"},
	{EINTR, "interrupted"},
	{EIO, "input/output error"},
	{ENXIO, "no such device or address"},
	{E2BIG, "argument list too long"},
	{ENOEXEC, "exec format error"},
	{EBADF, "bad file descriptor"},
	{ECHILD, "no child processes"},
	{EAGAIN, "resource temporarily unavailable"},
	{ENOMEM, "cannot allocate memory"},
	{EACCES, "permission denied"},
	{EFAULT, "bad address"},
	{ENOTBLK, "block device required"},
	{EBUSY, "device or resource busy"},
	{EEXIST, "file exists"},
	{EXDEV, "invalid cross-device link"},
	{ENODEV, "no such device"},
	{ENOTDIR, "not a directory"},
	{EISDIR, "is a directory"},
	{EINVAL, "invalid argument"},
	{ENFILE, "too many open files in system"},
	{EMFILE, "too many open files"},
	{ENOTTY, "inappropriate ioctl for device"},
	{ETXTBSY, "text file busy"},
	{EFBIG, "file too large"},
	{ENOSPC, "no space left on device"},
	{EROFS, "read-only file system"},
	{EMLINK, "too many links"},
	{EPIPE, "broken pipe"},
	{ERANGE, "numerical result out of range"},
	{ENAMETOOLONG, "file name too long"},
	{ENOSYS, "function not implemented"},
	{ENOTEMPTY, "directory not empty"},
	{ELOOP, "too many levels of symbolic links"},
	{ENODATA, "no data available"},
	{EOVERFLOW, "value too large for defined data type"},
	{EUCLEAN, "structure needs cleaning"},
	{EUSERS, "too many users"},
	{EOPNOTSUPP, "operation not supported"},
	{ELIBBAD, "accessing a corrupted shared library"},
	{EDQUOT, "disk quota exceeded"},
	{ESTALE, "stale file handle"},
	{EREMOTEIO, "remote input/output error"},
	{EKEYREJECTED, "key was rejected by service"},
};

void put_error(struct output *output, int error)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (errors[i].number != error)
			continue;
		put(output, errors[i].text);
		return;
	}
	put(output, "error ");
	put_number(output, (uint64_t)(unsigned int)error);
}
