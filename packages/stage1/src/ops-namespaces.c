/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on namespaces and processes. */
#include "descriptors.h"
#include "memory.h"
#include "ops.h"
#include "output.h"
#include "processes.h"
#include "syscall.h"

static const struct {
	uint64_t flag;
	const char *file;
} namespaces[] = {
	{CLONE_NEWUSER, "/ns/user"}, {CLONE_NEWNET, "/ns/net"},	      {CLONE_NEWUTS, "/ns/uts"},
	{CLONE_NEWIPC, "/ns/ipc"},   {CLONE_NEWCGROUP, "/ns/cgroup"}, {CLONE_NEWNS, "/ns/mnt"},
	{CLONE_NEWPID, "/ns/pid"},
};

long open_namespace(int pid, const char *file)
{
	struct output path = {.length = 0};
	put(&path, "/proc/");
	put_number(&path, (uint64_t)pid);
	put(&path, file);
	path.text[path.length] = '\0';
	return CALL(openat, AT_FDCWD, path.text, O_RDONLY | O_CLOEXEC);
}

static int open_namespaces(struct state *state, int pid, uint64_t flags, int fd)
{
	int result = 0;
	for (size_t i = 0; result == 0 && i < sizeof(namespaces) / sizeof(namespaces[0]); i++)
		if ((flags & namespaces[i].flag) != 0)
			result = place(state, open_namespace(pid, namespaces[i].file), fd++,
				       O_CLOEXEC);
	return result;
}

/* The files of a process in proc are for others to see only while it is dumpable, unless they may
 * trace it. */
void set_dumpable_for_parent(bool dumpable)
{
	if (!has_capability(CAP_SYS_PTRACE))
		CALL(prctl, PR_SET_DUMPABLE, dumpable);
}

/* It lives until its parent kills it or has died itself: then the other end of the pipe is closed,
 * also if that was so before it came here. */
_Noreturn static void stand_by(int ends[2])
{
	char byte;
	close_fd(ends[1]);
	while (CALL(read, ends[0], &byte, 1) == -EINTR)
		;
	exit_now(0);
}

/* The namespaces are made with a process, which waits until they are open and is killed then. */
int perform_namespaces(struct state *state, const struct arguments *arguments)
{
	uint64_t flags = arguments->number[0];
	struct birth birth = {.flags = flags, .cgroup_fd = -1};
	int ends[2];
	int result = keep_pipe(ends);
	if (result < 0)
		return result;
	set_dumpable_for_parent(true);
	int pid = make_process(&birth);
	if (pid == 0)
		stand_by(ends);
	result = pid < 0 ? pid : write_id_maps(pid, arguments->text[2], arguments->text[3]);
	if (result == 0)
		result = open_namespaces(state, pid, flags, fd_of(arguments, 1));
	close_fd(ends[0]);
	close_fd(ends[1]);
	if (pid > 0) {
		CALL(kill, pid, SIGKILL);
		wait_for(pid);
	}
	set_dumpable_for_parent(false);
	return result;
}

int perform_unshare(struct state *state, const struct arguments *arguments)
{
	int result = CHECKED(unshare, arguments->number[0]);
	renew_death_with_parent(state);
	return result;
}

int perform_setns(struct state *state, const struct arguments *arguments)
{
	int result = CHECKED(setns, fd_of(arguments, 0), arguments->number[1]);
	renew_death_with_parent(state);
	return result;
}

/* The last number of the line NSpid of what proc says of the descriptor: the pid in the process's
 * own namespace. */
static uint64_t innermost_pid(const char *text)
{
	uint64_t pid = 0;
	while (*text != '\0' && !has_prefix(text, "\nNSpid:"))
		text++;
	if (*text == '\n')
		text++;
	for (; *text != '\0' && *text != '\n'; text++) {
		if (*text == '\t')
			pid = 0;
		else if (*text >= '0' && *text <= '9')
			pid = pid * 10 + (uint64_t)(*text - '0');
	}
	return pid;
}

static long read_file(const char *path, char *text, size_t size)
{
	long fd = CALL(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fd;
	long length = CALL(read, fd, text, size - 1);
	close_fd((int)fd);
	if (length >= 0)
		text[length] = '\0';
	return length;
}

/* The descriptor is opened first, so what is read of it is true of no other process. */
int perform_pidfd_open(struct state *state, const struct arguments *arguments)
{
	char text[1024] = "";
	struct output path = {.length = 0};
	int opened = CHECKED(pidfd_open, arguments->number[1], 0);
	if (opened < 0)
		return opened;
	put(&path, "/proc/self/fdinfo/");
	put_number(&path, (uint64_t)opened);
	path.text[path.length] = '\0';
	long length = read_file(path.text, text, sizeof(text));
	uint64_t wanted = arguments->number[2];
	if (length >= 0 && wanted != 0 && innermost_pid(text) == wanted)
		return place(state, opened, fd_of(arguments, 0), O_CLOEXEC);
	close_fd(opened);
	return length < 0 ? (int)length : -ESRCH;
}

void begin_child(struct state *state, int parent_fd)
{
	char byte;
	forget_removals();
	hide_environment();
	state->parent_fd = parent_fd;
	state->dies_with_parent = true;
	renew_death_with_parent(state);
	if (CALL(read, parent_fd, &byte, 1) != 1)
		exit_now(STATUS_FAILED);
	CALL(prctl, PR_SET_DUMPABLE, 0);
	forget_output(state);
}

/* In the parent: the child may go on when its maps are written and its start is on record. */
static int release_child(const struct child *child, const struct arguments *arguments, int go_fd)
{
	int result = write_id_maps(child->pid, arguments->text[3], arguments->text[4]);
	set_dumpable_for_parent(false);
	if (result == 0) {
		append_status(child->status_fd, "started",
			      (int[2]){(int)CALL(getpid, 0), child->pid});
		result = CHECKED(write, go_fd, "", 1);
	}
	if (result < 0) {
		CALL(kill, child->pid, SIGKILL);
		wait_for(child->pid);
	}
	return result;
}

int perform_clone(struct state *state, const struct arguments *arguments)
{
	int ends[2];
	struct child child = {.pidfd = -1, .status_fd = fd_of(arguments, 2)};
	struct birth birth = {
		.flags = arguments->number[0],
		.cgroup_fd = fd_of(arguments, 1),
		.pidfd = &child.pidfd,
	};
	int result = keep_pipe(ends);
	if (result < 0)
		return result;
	/* Before there is a child: without it the parent would not notice the end. */
	child.signal_fd = take_signals();
	if (child.signal_fd < 0)
		return child.signal_fd;
	set_dumpable_for_parent(true);
	/* Nobody in the pod needs to know where on the host its plan lies, not for a moment. */
	hide_arguments("rkt-init");
	child.pid = make_process(&birth);
	if (child.pid == 0) {
		close_fd(child.signal_fd);
		close_fd(ends[1]);
		close_fd(state->parent_fd);
		begin_child(state, ends[0]);
		return 0;
	}
	show_arguments();
	if (child.pid < 0)
		return child.pid;
	close_fd(ends[0]);
	child.pidfd = keep(child.pidfd);
	result = release_child(&child, arguments, ends[1]);
	if (result < 0)
		return result;
	be_parent(state, &child);
}

int perform_sethostname(struct state *state, const struct arguments *arguments)
{
	(void)state;
	return CHECKED(sethostname, arguments->text[0], strlen(arguments->text[0]));
}

int perform_setdomainname(struct state *state, const struct arguments *arguments)
{
	(void)state;
	return CHECKED(setdomainname, arguments->text[0], strlen(arguments->text[0]));
}

int perform_ioctl(struct state *state, const struct arguments *arguments)
{
	struct interface_request request = {.flags = 0};
	size_t length = strlen(arguments->text[0]);
	(void)state;
	if (length >= sizeof(request.name))
		return -ENODEV;
	memcpy(request.name, arguments->text[0], length);
	long fd = CALL(socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return (int)fd;
	int result = CHECKED(ioctl, fd, SIOCGIFFLAGS, &request);
	request.flags = (int16_t)(request.flags | (int16_t)arguments->number[1]);
	if (result == 0)
		result = CHECKED(ioctl, fd, SIOCSIFFLAGS, &request);
	close_fd((int)fd);
	return result;
}
