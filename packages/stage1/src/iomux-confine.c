/* SPDX-License-Identifier: Apache-2.0 */
/* iomux reads what an app writes and what strangers type: it keeps nothing that it does not need.
 */
#include "iomux.h"
#include "memory.h"
#include "syscall.h"

#define RULESET_VERSION 1
#define DENIED_FROM_ABI_2 LANDLOCK_ACCESS_FS_REFER
#define DENIED_FROM_ABI_3 LANDLOCK_ACCESS_FS_TRUNCATE

/* Everything that Landlock knew at first. */
#define ALL_FILES ((1ULL << 13) - 1)
#define USED_FILES                                                                                 \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |                            \
	 LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE)

void give_up_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {0};
	CALL(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	long result = CALL(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (result == 0)
		result = CALL(capset, &header, none);
	if (result < 0)
		fail_with("give up", "capabilities", result);
}

static void allow_directory(long ruleset, int directory, uint64_t rights)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = directory};
	if (directory >= 0)
		CALL(landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0);
}

/* Of kernels without Landlock the capabilities must do. */
static void confine_files(int directory, int log_directory)
{
	struct ruleset_attr attributes = {.handled_access_fs = ALL_FILES};
	uint64_t used_files = USED_FILES;
	long abi = CALL(landlock_create_ruleset, NULL, 0, RULESET_VERSION);
	if (abi < 1)
		return;
	if (abi >= 2)
		attributes.handled_access_fs |= DENIED_FROM_ABI_2;
	if (abi >= 3) {
		attributes.handled_access_fs |= DENIED_FROM_ABI_3;
		used_files |= DENIED_FROM_ABI_3;
	}
	long ruleset = CALL(landlock_create_ruleset, &attributes, sizeof(uint64_t), 0);
	if (ruleset < 0)
		return;
	allow_directory(ruleset, directory, used_files);
	allow_directory(ruleset, log_directory, used_files);
	CALL(landlock_restrict_self, ruleset, 0);
	CALL(close, ruleset);
}

/* A sanitizer needs calls of its own. */
#ifdef HOSTED
static void confine_calls(void)
{
}
#else
#if defined(__x86_64__)
#define THIS_ARCHITECTURE 0xc000003eu
#else
#define THIS_ARCHITECTURE 0xc00000b7u
#endif

static const uint16_t used_calls[] = {
	__NR_read,	    __NR_write,	     __NR_pread64,
	__NR_pwrite64,	    __NR_splice,     __NR_ppoll,
	__NR_sendmsg,	    __NR_recvfrom,   __NR_accept4,
	__NR_getsockopt,    __NR_geteuid,    __NR_openat,
	__NR_statx,	    __NR_ftruncate,  __NR_renameat2,
	__NR_unlinkat,	    __NR_close,	     __NR_ioctl,
	__NR_clock_gettime, __NR_exit_group, __NR_restart_syscall,
};
#define CALL_COUNT (sizeof(used_calls) / sizeof(used_calls[0]))

#define LOAD(offset) (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (offset))
#define RETURN(action) (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, (action))

static void confine_calls(void)
{
	struct sock_filter filter[CALL_COUNT + 6];
	struct sock_fprog program = {.filter = filter};
	unsigned short at = 0;
	filter[at++] = LOAD(offsetof(struct seccomp_data, arch));
	filter[at++] =
		(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, THIS_ARCHITECTURE, 1, 0);
	filter[at++] = RETURN(SECCOMP_RET_KILL_PROCESS);
	filter[at++] = LOAD(offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < CALL_COUNT; i++)
		filter[at++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, used_calls[i], (uint8_t)(CALL_COUNT - i), 0);
	filter[at++] = RETURN(SECCOMP_RET_KILL_PROCESS);
	filter[at++] = RETURN(SECCOMP_RET_ALLOW);
	program.len = at;
	long result = CALL(seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
	if (result < 0 && result != -ENOSYS && result != -EINVAL)
		fail_with("install", "filter", result);
}
#endif

void confine(int directory, int log_directory)
{
	confine_files(directory, log_directory);
	confine_calls();
}
