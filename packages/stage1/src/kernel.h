/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's constants and structures, without a C library.
 *
 * What the headers of an older distribution lack stands here, with the numbers of the kernel, which
 * never change.
 */
#ifndef RKT_KERNEL_H
#define RKT_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <asm/ioctls.h>
#include <asm/signal.h>
#include <asm/statfs.h>
#include <asm/termbits.h>
#include <asm/unistd.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/landlock.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/poll.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/signalfd.h>
#include <linux/stat.h>
#include <linux/time.h>
#include <linux/wait.h>

#ifndef MNT_FORCE
#define MNT_FORCE 1
#endif
#ifndef MNT_DETACH
#define MNT_DETACH 2
#endif
#ifndef UMOUNT_NOFOLLOW
#define UMOUNT_NOFOLLOW 8
#endif
#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE 2
#endif
#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif
#ifndef X_OK
#define X_OK 1
#endif
#ifndef ST_RDONLY
#define ST_RDONLY 1
#define ST_NOSUID 2
#define ST_NODEV 4
#define ST_NOSYMFOLLOW 0x2000
#endif
#ifndef SEEK_CUR
#define SEEK_CUR 1
#endif
#ifndef IFF_UP
#define IFF_UP 1
#endif
#ifndef SIOCGIFFLAGS
#define SIOCGIFFLAGS 0x8913
#define SIOCSIFFLAGS 0x8914
#endif
#ifndef FSOPEN_CLOEXEC
#define FSOPEN_CLOEXEC 1
#endif
#ifndef FSMOUNT_CLOEXEC
#define FSMOUNT_CLOEXEC 1
#endif
#ifndef OPEN_TREE_CLOEXEC
#define OPEN_TREE_CLOEXEC O_CLOEXEC
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif
#ifndef SECCOMP_FILTER_FLAG_SPEC_ALLOW
#define SECCOMP_FILTER_FLAG_SPEC_ALLOW 4
#endif
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif
#ifndef LANDLOCK_ACCESS_NET_BIND_TCP
#define LANDLOCK_ACCESS_NET_BIND_TCP (1ULL << 0)
#define LANDLOCK_ACCESS_NET_CONNECT_TCP (1ULL << 1)
#endif
#ifndef LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define LANDLOCK_SCOPE_SIGNAL (1ULL << 1)
#endif
#ifndef SECBIT_NO_SETUID_FIXUP
#define SECBIT_NO_SETUID_FIXUP 4
#endif
#ifndef __NR_fchmodat2
#define __NR_fchmodat2 452
#endif

/* Of sockets, which the kernel's headers leave to the C library. */
#define AF_UNIX 1
#define AF_INET 2
#define SOCK_DGRAM 2
#define SOCK_SEQPACKET 5
#define SOCK_CLOEXEC O_CLOEXEC
#define SOL_SOCKET 1
#define SCM_RIGHTS 1
#define MSG_DONTWAIT 0x40
#define MSG_NOSIGNAL 0x4000
#define MSG_CMSG_CLOEXEC 0x40000000
#define SFD_CLOEXEC O_CLOEXEC
#define SFD_NONBLOCK O_NONBLOCK
#define MADV_DONTNEED 4
#define PROT_READ 1
#define PROT_WRITE 2
#define MAP_SHARED 1
#define MAP_ANONYMOUS 0x20
#define PATH_MAX 4096

/* The structures of Landlock in the form of its fourth and sixth ABI; older kernels take them while
 * the end is zero. */
struct ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

struct port_attr {
	uint64_t allowed_access;
	uint64_t port;
};

#define RULE_PATH_BENEATH 1
#define RULE_NET_PORT 2

struct vector {
	void *base;
	size_t length;
};

struct message {
	void *name;
	uint32_t name_length;
	struct vector *vectors;
	size_t vector_count;
	void *control;
	size_t control_length;
	uint32_t flags;
};

/* A control message that carries one descriptor. */
struct descriptor_message {
	size_t length;
	int level;
	int type;
	int fd;
	int padding;
};

/* As large as the kernel's, which copies all of it. */
struct interface_request {
	char name[16];
	int16_t flags;
	char padding[22];
};

struct signal_action {
	void *handler;
	unsigned long flags;
	void *restorer;
	uint64_t mask;
};

struct window_size {
	uint16_t rows;
	uint16_t columns;
	uint16_t width;
	uint16_t height;
};

/* In which processes an app is. */
enum pid_namespace {
	PID_POD,
	PID_APP, /* alone with its children */
	PID_HOST,
};

/* When an app that has ended is started anew. */
enum restart {
	RESTART_NO,
	RESTART_ON_FAILURE,
	RESTART_ALWAYS,
};

/* What getdents64 fills in. */
struct directory_entry {
	uint64_t inode;
	int64_t offset;
	uint16_t length;
	uint8_t type;
	char name[];
};

#endif
