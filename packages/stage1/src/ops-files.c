/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on files. */
#include "descriptors.h"
#include "files.h"
#include "memory.h"
#include "ops.h"
#include "syscall.h"

int perform_mkdir(struct state *state, const struct arguments *arguments)
{
	const char *path = arguments->text[0];
	unsigned int mode = (unsigned int)arguments->number[1];
	struct statx status = {0};
	(void)state;
	unsigned int mask = (unsigned int)CALL(umask, 0);
	int result = CHECKED(mkdirat, AT_FDCWD, path, mode);
	CALL(umask, mask);
	if (result == 0)
		return set_exact_mode(path, mode);
	if (result == -EEXIST &&
	    CALL(statx, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &status) == 0 &&
	    (status.stx_mode & S_IFMT) == S_IFDIR)
		return 0;
	return result;
}

int perform_creat(struct state *state, const struct arguments *arguments)
{
	long fd = CALL(openat, AT_FDCWD, arguments->text[0],
		       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0);
	(void)state;
	if (fd < 0)
		return (int)fd;
	int result = CHECKED(fchmod, fd, arguments->number[1]);
	close_fd((int)fd);
	return result;
}

int perform_mknod(struct state *state, const struct arguments *arguments)
{
	const char *path = arguments->text[0];
	unsigned int mode = (unsigned int)arguments->number[2];
	uint64_t major = arguments->number[3];
	uint64_t minor = arguments->number[4];
	(void)state;
	if (major > 0xfff || minor > 0xfffff)
		return -EINVAL;
	uint64_t device = (minor & 0xff) | (major << 8) | ((minor & ~UINT64_C(0xff)) << 12);
	unsigned int mask = (unsigned int)CALL(umask, 0);
	int result =
		CHECKED(mknodat, AT_FDCWD, path, (unsigned int)arguments->number[1] | mode, device);
	CALL(umask, mask);
	return result < 0 ? result : set_exact_mode(path, mode);
}

int perform_symlink(struct state *state, const struct arguments *arguments)
{
	(void)state;
	return CHECKED(symlinkat, arguments->text[0], AT_FDCWD, arguments->text[1]);
}

int perform_chmod(struct state *state, const struct arguments *arguments)
{
	(void)state;
	return change_mode(arguments->text[0], (unsigned int)arguments->number[1]);
}

int perform_lchown(struct state *state, const struct arguments *arguments)
{
	(void)state;
	return CHECKED(fchownat, AT_FDCWD, arguments->text[0], arguments->number[1],
		       arguments->number[2], AT_SYMLINK_NOFOLLOW);
}

/* What the kernel lists at most, and the largest value. */
#define XATTR_BYTES 65536

static int copy_xattr(int from, int to, const char *name)
{
	static char value[XATTR_BYTES];
	long length = CALL(fgetxattr, from, name, value, sizeof(value));
	return length < 0 ? (int)length : CHECKED(fsetxattr, to, name, value, length, 0);
}

int perform_copy_xattrs(struct state *state, const struct arguments *arguments)
{
	static char names[XATTR_BYTES];
	const unsigned int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	int from = CHECKED(openat, AT_FDCWD, arguments->text[0], flags);
	int to = from < 0 ? from : CHECKED(openat, AT_FDCWD, arguments->text[1], flags);
	long length = to < 0 ? to : CALL(flistxattr, from, names, sizeof(names));
	int result = length < 0 ? (int)length : 0;
	(void)state;
	for (const char *name = names; result == 0 && name < names + length;
	     name += strlen(name) + 1)
		if (has_prefix(name, "user.") && !has_prefix(name, "user.overlay."))
			result = copy_xattr(from, to, name);
	close_fd(from);
	close_fd(to);
	return result;
}

int perform_write(struct state *state, const struct arguments *arguments)
{
	const char *text = arguments->text[1];
	long length = (long)strlen(text);
	long fd = CALL(openat, AT_FDCWD, arguments->text[0], O_WRONLY | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return (int)fd;
	long written = CALL(write, fd, text, length);
	close_fd((int)fd);
	if (written >= 0 && written != length)
		state->reason = "short write";
	return written < 0 ? (int)written : -(written != length);
}

int perform_flock(struct state *state, const struct arguments *arguments)
{
	int fd = fd_of(arguments, 0);
	int result = CHECKED(flock, fd, arguments->number[1]);
	if (result == -EWOULDBLOCK)
		state->status = STATUS_LOCKED;
	if (result < 0)
		return result;
	if ((arguments->number[1] & LOCK_UN) != 0)
		state->locked &= ~descriptor_bit(fd);
	else
		state->locked |= descriptor_bit(fd);
	return 0;
}

int perform_renameat2(struct state *state, const struct arguments *arguments)
{
	(void)state;
	return CHECKED(renameat2, AT_FDCWD, arguments->text[0], AT_FDCWD, arguments->text[1],
		       arguments->number[2]);
}

int perform_fsync(struct state *state, const struct arguments *arguments)
{
	(void)state;
	return CHECKED(fsync, fd_of(arguments, 0));
}

int perform_unlink(struct state *state, const struct arguments *arguments)
{
	(void)state;
	return CHECKED(unlinkat, AT_FDCWD, arguments->text[0], 0);
}

int perform_rmdir(struct state *state, const struct arguments *arguments)
{
	(void)state;
	return CHECKED(unlinkat, AT_FDCWD, arguments->text[0], AT_REMOVEDIR);
}

/* A directory outside the root is reached through a descriptor that somebody left open; its path is
 * "(unreachable)/...". */
int perform_chdir(struct state *state, const struct arguments *arguments)
{
	char directory[PATH_MAX];
	int result = CHECKED(chdir, arguments->text[0]);
	if (result < 0)
		return result;
	long length = CALL(getcwd, directory, sizeof(directory));
	if (length < 0)
		return (int)length;
	if (directory[0] == '/')
		return 0;
	state->reason = "outside the root directory";
	return -1;
}

int perform_fchdir(struct state *state, const struct arguments *arguments)
{
	(void)state;
	return CHECKED(fchdir, fd_of(arguments, 0));
}

int perform_chroot(struct state *state, const struct arguments *arguments)
{
	(void)state;
	return CHECKED(chroot, arguments->text[0]);
}
