/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operations: each performs the line of the state with its arguments.
 *
 * They return 0, or a negative error number; or -1 with the reason of the state set, where no
 * number says it.
 */
#ifndef RKT_OPS_H
#define RKT_OPS_H

#include "state.h"

typedef int perform(struct state *state, const struct arguments *arguments);

perform perform_open;
perform perform_openat2;
perform perform_target;
perform perform_close;
perform perform_close_range;
perform perform_dup3;
perform perform_socketpair;
perform perform_mkdir;
perform perform_creat;
perform perform_mknod;
perform perform_symlink;
perform perform_chmod;
perform perform_lchown;
perform perform_copy_xattrs;
perform perform_write;
perform perform_flock;
perform perform_renameat2;
perform perform_fsync;
perform perform_unlink;
perform perform_rmdir;
perform perform_chdir;
perform perform_fchdir;
perform perform_chroot;
perform perform_mount;
perform perform_forget_volatile;
perform perform_umount2;
perform perform_pivot_root;
perform perform_open_tree;
perform perform_mount_setattr;
perform perform_move_mount;
perform perform_fsopen;
perform perform_fsconfig;
perform perform_fsmount;
perform perform_namespaces;
perform perform_unshare;
perform perform_unshare_user;
perform perform_setns;
perform perform_pidfd_open;
perform perform_clone;
perform perform_rmdir_after;
perform perform_sethostname;
perform perform_setdomainname;
perform perform_ioctl;
perform perform_setsid;
perform perform_umask;
perform perform_setrlimit;
perform perform_keyctl;
perform perform_setgroups;
perform perform_setresgid;
perform perform_setresuid;
perform perform_setfsuid;
perform perform_setfsgid;
perform perform_capbset;
perform perform_capset;
perform perform_prctl;
perform perform_seccomp;
perform perform_landlock_create_ruleset;
perform perform_landlock_add_rule;
perform perform_landlock_add_port;
perform perform_landlock_restrict_self;
perform perform_report;
perform perform_terminal;
perform perform_openpty;
perform perform_pipes;
perform perform_keepenv;
perform perform_seal;
perform perform_setenv;
perform perform_run;
perform perform_init;
perform perform_reap;
perform perform_app;
perform perform_supervise;
perform perform_exec;
perform perform_fexecve;

#endif
