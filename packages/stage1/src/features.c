/* SPDX-License-Identifier: Apache-2.0 */
/* Every feature is tried: version numbers say little about kernels with backports, and nothing
 * about filters. */
#include "descriptors.h"
#include "features.h"
#include "output.h"
#include "processes.h"
#include "state.h"
#include "syscall.h"

#define RULESET_VERSION 1

static bool list(const char *name, long value)
{
	struct output line = {.length = 0};
	put(&line, name);
	put(&line, "=");
	put_number(&line, value < 0 ? 0 : (uint64_t)value);
	put(&line, "\n");
	return flush(&line, 1);
}

static bool opens(long result)
{
	if (result >= 0)
		close_fd((int)result);
	return result >= 0;
}

static bool has_openat2(void)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
	return opens(CALL(openat2, AT_FDCWD, ".", &how, sizeof(how)));
}

/* A kernel that knows the call looks at the descriptor, and then at nothing else. */
static bool has_mount_setattr(void)
{
	struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
	int result = CHECKED(mount_setattr, -1, "", AT_EMPTY_PATH, &attributes, sizeof(attributes));
	return result == -EBADF || (result == -EPERM && CALL(geteuid, 0) != 0);
}

static bool has_clone_into_cgroup(void)
{
	struct birth birth = {.cgroup_fd = INT32_MAX};
	return make_process(&birth) == -EBADF;
}

static bool has_user_namespaces(void)
{
	struct birth birth = {.flags = CLONE_NEWUSER, .cgroup_fd = -1};
	int pid = make_process(&birth);
	if (pid == 0)
		exit_now(0);
	if (pid > 0)
		wait_for(pid);
	return pid > 0;
}

int list_features(void)
{
	bool is_listed =
		list("landlock", CALL(landlock_create_ruleset, NULL, 0, RULESET_VERSION)) &&
		list("openat2", has_openat2()) && list("mount_setattr", has_mount_setattr()) &&
		list("clone_into_cgroup", has_clone_into_cgroup()) &&
		list("pidfd", opens(CALL(pidfd_open, CALL(getpid, 0), 0))) &&
		list("close_range", CALL(close_range, INT32_MAX, INT32_MAX, 0) == 0) &&
		list("fsopen", CALL(fsopen, "tmpfs", FSOPEN_CLOEXEC) != -ENOSYS) &&
		list("userns", has_user_namespaces());
	return is_listed ? 0 : STATUS_FAILED;
}
