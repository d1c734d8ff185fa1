/* SPDX-License-Identifier: Apache-2.0 */
/* Operations that open, copy and close descriptors. */
#include "descriptors.h"
#include "memory.h"
#include "ops.h"
#include "syscall.h"

/* A rename or a mount anywhere in the system can make the kernel give up on a path with `..`: it
 * says EAGAIN then. */
#define MAX_ATTEMPTS 64

static long open_beneath(int directory, const char *path, const struct open_how *how)
{
	long opened = -EAGAIN;
	for (int attempt = 0; opened == -EAGAIN && attempt < MAX_ATTEMPTS; attempt++)
		opened = CALL(openat2, directory, path, how, sizeof(*how));
	return opened;
}

int perform_open(struct state *state, const struct arguments *arguments)
{
	unsigned int flags = (unsigned int)arguments->number[2];
	long opened = CALL(openat, AT_FDCWD, arguments->text[1], (int)flags, arguments->number[3]);
	return place(state, opened, fd_of(arguments, 0), flags);
}

int perform_openat2(struct state *state, const struct arguments *arguments)
{
	unsigned int flags = (unsigned int)arguments->number[3];
	struct open_how how = {.flags = flags, .resolve = arguments->number[4]};
	long opened = open_beneath(fd_of(arguments, 1), arguments->text[2], &how);
	return place(state, opened, fd_of(arguments, 0), flags);
}

int perform_close(struct state *state, const struct arguments *arguments)
{
	int fd = fd_of(arguments, 0);
	state->locked &= ~descriptor_bit(fd);
	return CHECKED(close, fd);
}

/* What stage1 itself has open lies above the descriptors of plans and stays. */
int perform_close_range(struct state *state, const struct arguments *arguments)
{
	uint64_t first = arguments->number[0];
	uint64_t last = arguments->number[1];
	uint64_t flags = arguments->number[2];
	if (first > last)
		return -EINVAL;
	if (last >= DESCRIPTORS)
		last = DESCRIPTORS - 1;
	if (first > last)
		return 0;
	if ((flags & CLOSE_RANGE_CLOEXEC) == 0)
		for (uint64_t fd = first; fd <= last; fd++)
			state->locked &= ~descriptor_bit((int)fd);
	return CHECKED(close_range, first, last, flags);
}

int perform_dup3(struct state *state, const struct arguments *arguments)
{
	int from = fd_of(arguments, 0);
	int to = fd_of(arguments, 1);
	int result = CHECKED(dup3, from, to, arguments->number[2]);
	if (result < 0)
		return result;
	state->locked &= ~descriptor_bit(to);
	if ((state->locked & descriptor_bit(from)) != 0)
		state->locked |= descriptor_bit(to);
	return 0;
}

int perform_socketpair(struct state *state, const struct arguments *arguments)
{
	int ends[2] = {-1, -1};
	int result = CHECKED(socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends);
	if (result < 0)
		return result;
	/* Out of the way first: the number of one may be what the plan wants for the other. */
	ends[0] = keep(ends[0]);
	ends[1] = keep(ends[1]);
	result = place(state, ends[0], fd_of(arguments, 0), O_CLOEXEC);
	int second = place(state, ends[1], fd_of(arguments, 1), O_CLOEXEC);
	return result < 0 ? result : second;
}

/* One component of a target: what is missing is made, without following what somebody may have put
 * there meanwhile. */
static int make_component(long parent, const char *name, bool is_file)
{
	int result;
	if (!is_file)
		return CHECKED(mkdirat, parent, name, 0755);
	result = CHECKED(openat, parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			 0644);
	close_fd(result);
	return result < 0 ? result : 0;
}

static long open_in_root(int root, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	return open_beneath(root, path, &how);
}

/*
 * Opens each prefix of the path, from the root every time, and makes its last component if it is
 * missing. The path is cut after each component and restored.
 */
static long make_target(int root, char *path, bool is_file)
{
	long parent = open_in_root(root, ".");
	size_t start = 0;
	while (parent >= 0) {
		size_t end;
		while (path[start] == '/')
			start++;
		if (path[start] == '\0')
			return parent;
		for (end = start; path[end] != '\0' && path[end] != '/';)
			end++;
		char cut = path[end];
		path[end] = '\0';
		long opened = open_in_root(root, path);
		if (opened == -ENOENT) {
			int made = make_component(parent, path + start, is_file && cut == '\0');
			opened = made < 0 && made != -EEXIST ? made : open_in_root(root, path);
		}
		path[end] = cut;
		close_fd((int)parent);
		parent = opened;
		start = end;
	}
	return parent;
}

int perform_target(struct state *state, const struct arguments *arguments)
{
	bool is_file = arguments->number[3] == S_IFREG;
	int root = fd_of(arguments, 1);
	struct statx status = {0};
	long opened = open_in_root(root, arguments->text[2]);
	if (opened == -ENOENT) {
		unsigned int mask = (unsigned int)CALL(umask, 0);
		opened = make_target(root, arguments->text[2], is_file);
		CALL(umask, mask);
	}
	if (opened < 0)
		return (int)opened;
	int result = CHECKED(statx, opened, "", AT_EMPTY_PATH, STATX_TYPE, &status);
	bool is_directory = (status.stx_mode & S_IFMT) == S_IFDIR;
	if (result == 0 && is_directory == is_file)
		result = is_file ? -EISDIR : -ENOTDIR;
	if (result < 0) {
		close_fd((int)opened);
		return result;
	}
	return place(state, opened, fd_of(arguments, 0), O_CLOEXEC);
}
