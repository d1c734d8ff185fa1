/* SPDX-License-Identifier: Apache-2.0 */
#include "ops.h"
#include "report.h"
#include "syscall.h"

static perform *const performers[OP_COUNT] = {
	[OP_OPEN] = perform_open,
	[OP_OPENAT2] = perform_openat2,
	[OP_TARGET] = perform_target,
	[OP_CLOSE] = perform_close,
	[OP_CLOSE_RANGE] = perform_close_range,
	[OP_DUP3] = perform_dup3,
	[OP_SOCKETPAIR] = perform_socketpair,
	[OP_MKDIR] = perform_mkdir,
	[OP_CREAT] = perform_creat,
	[OP_MKNOD] = perform_mknod,
	[OP_SYMLINK] = perform_symlink,
	[OP_CHMOD] = perform_chmod,
	[OP_LCHOWN] = perform_lchown,
	[OP_COPY_XATTRS] = perform_copy_xattrs,
	[OP_WRITE] = perform_write,
	[OP_FLOCK] = perform_flock,
	[OP_RENAMEAT2] = perform_renameat2,
	[OP_FSYNC] = perform_fsync,
	[OP_UNLINK] = perform_unlink,
	[OP_RMDIR] = perform_rmdir,
	[OP_CHDIR] = perform_chdir,
	[OP_FCHDIR] = perform_fchdir,
	[OP_CHROOT] = perform_chroot,
	[OP_MOUNT] = perform_mount,
	[OP_FORGET_VOLATILE] = perform_forget_volatile,
	[OP_UMOUNT2] = perform_umount2,
	[OP_PIVOT_ROOT] = perform_pivot_root,
	[OP_OPEN_TREE] = perform_open_tree,
	[OP_MOUNT_SETATTR] = perform_mount_setattr,
	[OP_MOVE_MOUNT] = perform_move_mount,
	[OP_FSOPEN] = perform_fsopen,
	[OP_FSCONFIG] = perform_fsconfig,
	[OP_FSMOUNT] = perform_fsmount,
	[OP_NAMESPACES] = perform_namespaces,
	[OP_UNSHARE] = perform_unshare,
	[OP_UNSHARE_USER] = perform_unshare_user,
	[OP_SETNS] = perform_setns,
	[OP_PIDFD_OPEN] = perform_pidfd_open,
	[OP_CLONE] = perform_clone,
	[OP_RMDIR_AFTER] = perform_rmdir_after,
	[OP_SETHOSTNAME] = perform_sethostname,
	[OP_SETDOMAINNAME] = perform_setdomainname,
	[OP_IOCTL] = perform_ioctl,
	[OP_SETSID] = perform_setsid,
	[OP_UMASK] = perform_umask,
	[OP_SETRLIMIT] = perform_setrlimit,
	[OP_KEYCTL] = perform_keyctl,
	[OP_SETGROUPS] = perform_setgroups,
	[OP_SETRESGID] = perform_setresgid,
	[OP_SETRESUID] = perform_setresuid,
	[OP_SETFSUID] = perform_setfsuid,
	[OP_SETFSGID] = perform_setfsgid,
	[OP_CAPBSET] = perform_capbset,
	[OP_CAPSET] = perform_capset,
	[OP_PRCTL] = perform_prctl,
	[OP_SECCOMP] = perform_seccomp,
	[OP_LANDLOCK_CREATE_RULESET] = perform_landlock_create_ruleset,
	[OP_LANDLOCK_ADD_RULE] = perform_landlock_add_rule,
	[OP_LANDLOCK_ADD_PORT] = perform_landlock_add_port,
	[OP_LANDLOCK_RESTRICT_SELF] = perform_landlock_restrict_self,
	[OP_REPORT] = perform_report,
	[OP_TERMINAL] = perform_terminal,
	[OP_OPENPTY] = perform_openpty,
	[OP_PIPES] = perform_pipes,
	[OP_SEAL] = perform_seal,
	[OP_SETENV] = perform_setenv,
	[OP_KEEPENV] = perform_keepenv,
	[OP_RUN] = perform_run,
	[OP_INIT] = perform_init,
	[OP_REAP] = perform_reap,
	[OP_APP] = perform_app,
	[OP_SUPERVISE] = perform_supervise,
	[OP_EXEC] = perform_exec,
	[OP_FEXECVE] = perform_fexecve,
};

_Noreturn void execute(struct state *state)
{
	struct arguments arguments;
	struct problem unused;
	for (unsigned int i = 0; i < state->plan->count; i++) {
		uint64_t start = state->traces ? now(CLOCK_MONOTONIC) : 0;
		state->line = &state->plan->lines[i];
		state->reason = NULL;
		state->status = state->program->confinement == CONFINES_NOTHING ? STATUS_FAILED
										: STATUS_SYSTEM;
		parse_arguments(state->line, &arguments, &unused);
		int result = performers[state->line->operation](state, &arguments);
		if (result < 0)
			fail(state, -result);
		if (state->traces)
			trace(state, (now(CLOCK_MONOTONIC) - start) / 1000);
	}
	exit_now(0);
}
