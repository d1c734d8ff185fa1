/* SPDX-License-Identifier: Apache-2.0 */
#include "descriptors.h"
#include "memory.h"
#include "output.h"
#include "processes.h"
#include "report.h"
#include "syscall.h"
#include "words.h"

int make_process(const struct birth *birth)
{
	struct clone_args arguments = {.flags = birth->flags, .exit_signal = SIGCHLD};
	if (birth->pidfd != NULL) {
		arguments.flags |= CLONE_PIDFD;
		arguments.pidfd = (uint64_t)(uintptr_t)birth->pidfd;
	}
	if (birth->cgroup_fd >= 0) {
		arguments.flags |= CLONE_INTO_CGROUP;
		arguments.cgroup = (unsigned int)birth->cgroup_fd;
	}
	return CHECKED(clone3, &arguments, sizeof(arguments));
}

int write_proc(int pid, const char *name, const char *text, size_t length)
{
	struct output path = {.length = 0};
	put(&path, "/proc/");
	put_number(&path, (uint64_t)pid);
	put(&path, name);
	path.text[path.length] = '\0';
	long fd = CALL(openat, AT_FDCWD, path.text, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return (int)fd;
	int result = CHECKED(write, fd, text, length);
	close_fd((int)fd);
	return result < 0 ? result : 0;
}

/* An extent has three numbers of at most ten digits; the kernel takes less than a page. */
int write_id_map(int pid, const char *name, const char *map)
{
	char text[4096];
	size_t length = 0;
	uint64_t extent[3];
	if (is_same(map, "-"))
		return 0;
	while (*map != '\0' && parse_extent(&map, extent)) {
		struct output line = {.length = 0};
		for (unsigned int i = 0; i < 3; i++) {
			put_number(&line, extent[i]);
			put(&line, i < 2 ? " " : "\n");
		}
		if (length + line.length >= sizeof(text))
			return -E2BIG;
		memcpy(text + length, line.text, line.length);
		length += line.length;
	}
	return write_proc(pid, name, text, length);
}

bool has_capability(unsigned int capability)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}, {0}};
	CALL(capget, &header, data);
	return ((data[capability / 32].effective >> (capability % 32)) & 1) != 0;
}

int write_id_maps(int pid, const char *uid_map, const char *gid_map)
{
	static const char deny[] = "deny";
	int result = 0;
	/* Without privileges a group map is taken only from a process that gave up dropping groups.
	 */
	if (!is_same(gid_map, "-") && !has_capability(CAP_SETGID))
		result = write_proc(pid, "/setgroups", deny, sizeof(deny) - 1);
	if (result == 0)
		result = write_id_map(pid, "/uid_map", uid_map);
	if (result == 0)
		result = write_id_map(pid, "/gid_map", gid_map);
	return result;
}

int wait_for(int pid)
{
	int wait_status = 0;
	long result;
	do {
		result = CALL(wait4, pid, &wait_status, 0, NULL);
	} while (result == -EINTR);
	return result < 0 ? (int)result : wait_status;
}

/* The parent may have died before the kernel knew that this matters: then its end of the pipe is
 * closed. */
void renew_death_with_parent(const struct state *state)
{
	struct pollfd parent = {.fd = state->parent_fd, .events = 0};
	struct __kernel_timespec at_once = {0};
	if (!state->dies_with_parent)
		return;
	CALL(prctl, PR_SET_PDEATHSIG, SIGKILL);
	if (CALL(ppoll, &parent, 1, &at_once, NULL) == 1 && (parent.revents & POLLHUP) != 0)
		exit_now(STATUS_FAILED);
}

/* People hear once of a status that cannot be written; the pod goes on. */
static void mention_status(int fd, int error)
{
	static bool is_mentioned;
	struct output link = {.length = 0};
	char path[PATH_MAX];
	if (is_mentioned)
		return;
	is_mentioned = true;
	put(&link, "/proc/self/fd/");
	put_number(&link, (uint64_t)fd);
	link.text[link.length] = '\0';
	long length = CALL(readlinkat, AT_FDCWD, link.text, path, sizeof(path) - 1);
	path[length < 0 ? 0 : length] = '\0';
	mention("write", length <= 0 ? "status" : path, error);
}

/* Of a line, all is written or nothing: half of one would spoil the next. */
static void append_line(int fd, const struct output *line)
{
	long length = (long)line->length;
	long written = CALL(write, fd, line->text, length);
	if (written == length)
		return;
	if (written > 0)
		CALL(ftruncate, fd, CALL(lseek, fd, 0, SEEK_CUR) - written);
	mention_status(fd, written < 0 ? (int)-written : ENOSPC);
}

void append_status(int fd, const char *verb, const int numbers[2])
{
	struct output line = {.length = 0};
	uint64_t time = now(CLOCK_REALTIME);
	if (fd < 0)
		return;
	put(&line, verb);
	for (unsigned int i = 0; i < 2 && numbers[i] >= 0; i++) {
		put(&line, " ");
		put_number(&line, (uint64_t)numbers[i]);
	}
	put(&line, " ");
	put_number(&line, time / 1000000000u);
	put(&line, ".");
	put_padded(&line, time % 1000000000u, 9, '0');
	put(&line, "\n");
	append_line(fd, &line);
}

bool is_killed(int wait_status)
{
	return (wait_status & 0x7f) != 0;
}

void append_end(int fd, int wait_status)
{
	int numbers[2] = {is_killed(wait_status) ? wait_status & 0x7f : (wait_status >> 8) & 0xff,
			  -1};
	if (fd < 0)
		return;
	append_status(fd, is_killed(wait_status) ? "killed" : "exited", numbers);
}

int status_of(int wait_status)
{
	return is_killed(wait_status) ? STATUS_SIGNAL + (wait_status & 0x7f)
				      : (wait_status >> 8) & 0xff;
}

void block_signals(void)
{
	uint64_t mask = BLOCKED_SIGNALS;
	CALL(rt_sigprocmask, SIG_BLOCK, &mask, NULL, sizeof(mask));
}
