/* SPDX-License-Identifier: Apache-2.0 */
#include "descriptors.h"
#include "files.h"
#include "output.h"
#include "syscall.h"

/* Before Linux 6.6 only the path of a descriptor in proc can be changed without following a
 * symbolic link. */
static int change_mode_by_descriptor(const char *path, unsigned int mode)
{
	struct output proc = {.length = 0};
	struct statx status = {0};
	long fd = CALL(openat, AT_FDCWD, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return (int)fd;
	put(&proc, "/proc/self/fd/");
	put_number(&proc, (uint64_t)fd);
	proc.text[proc.length] = '\0';
	int result = CHECKED(statx, fd, "", AT_EMPTY_PATH, STATX_TYPE, &status);
	if (result == 0)
		result = (status.stx_mode & S_IFMT) == S_IFLNK
				 ? -EOPNOTSUPP
				 : CHECKED(fchmodat, AT_FDCWD, proc.text, mode);
	close_fd((int)fd);
	return result;
}

int change_mode(const char *path, unsigned int mode)
{
	int result = CHECKED(fchmodat2, AT_FDCWD, path, mode, AT_SYMLINK_NOFOLLOW);
	return result == -ENOSYS ? change_mode_by_descriptor(path, mode) : result;
}

int set_exact_mode(const char *path, unsigned int mode)
{
	struct statx status = {0};
	int result = CHECKED(statx, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_MODE, &status);
	if (result < 0 || (status.stx_mode & 07777) == mode)
		return result;
	return change_mode(path, mode);
}
