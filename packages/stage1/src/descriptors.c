/* SPDX-License-Identifier: Apache-2.0 */
#include "descriptors.h"
#include "syscall.h"

int place(struct state *state, long opened, int fd, unsigned int flags)
{
	int result = 0;
	if (opened < 0)
		return (int)opened;
	state->locked &= ~descriptor_bit(fd);
	if (opened != fd) {
		result = CHECKED(dup3, opened, fd, flags & O_CLOEXEC);
		close_fd((int)opened);
	}
	return result < 0 ? result : 0;
}

int keep(long opened)
{
	if (opened < 0 || opened >= (long)DESCRIPTORS)
		return (int)opened;
	int kept = CHECKED(fcntl, opened, F_DUPFD_CLOEXEC, DESCRIPTORS);
	close_fd((int)opened);
	return kept;
}

int keep_pipe(int ends[2])
{
	int opened[2] = {-1, -1};
	int result = CHECKED(pipe2, opened, O_CLOEXEC);
	if (result < 0)
		return result;
	ends[0] = keep(opened[0]);
	ends[1] = keep(opened[1]);
	if (ends[0] >= 0 && ends[1] >= 0)
		return 0;
	result = ends[0] < 0 ? ends[0] : ends[1];
	close_fd(ends[0]);
	close_fd(ends[1]);
	return result;
}

void close_fd(int fd)
{
	if (fd >= 0)
		CALL(close, fd);
}

void close_all_but(uint64_t kept)
{
	for (int fd = 3; fd < (int)DESCRIPTORS; fd++)
		if ((kept & descriptor_bit(fd)) == 0)
			CALL(close, fd);
}
