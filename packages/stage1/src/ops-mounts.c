/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on mounts. */
#include "descriptors.h"
#include "memory.h"
#include "ops.h"
#include "syscall.h"

/* The kernel copies one page of options and cuts the rest off without a word. */
#define MAX_OPTIONS 4095u

/* Where the kernel knows a missing string from an empty one, the empty word stands for the missing
 * one. */
static const char *optional(const char *text)
{
	return text[0] == '\0' ? NULL : text;
}

int perform_mount(struct state *state, const struct arguments *arguments)
{
	if (strlen(arguments->text[4]) > MAX_OPTIONS) {
		state->reason = "options longer than 4095 bytes";
		return -1;
	}
	return CHECKED(mount, optional(arguments->text[0]), arguments->text[1],
		       optional(arguments->text[2]), arguments->number[3],
		       optional(arguments->text[4]));
}

static uint64_t mount_at(const char *path)
{
	struct statx status = {0};
	CALL(statx, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_MNT_ID, &status);
	return status.stx_mnt_id;
}

/*
 * On the old root that a new one replaces, something may be mounted, and a path names only what is
 * uppermost: without the loop the rest would stay over the new root, where `/..` leads to it.
 */
/* overlayfs makes DIRECTORY/work/incompat/volatile/dirty, and refuses to mount what has it. */
int perform_forget_volatile(struct state *state, const struct arguments *arguments)
{
	static const struct {
		const char *name;
		int flags;
	} marks[] = {
		{"work/incompat/volatile/dirty", 0},
		{"work/incompat/volatile", AT_REMOVEDIR},
		{"work/incompat", AT_REMOVEDIR},
	};
	int result = 0;
	(void)state;
	int directory = CHECKED(openat, AT_FDCWD, arguments->text[0],
				O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (directory < 0)
		return directory;
	for (size_t i = 0; result == 0 && i < sizeof(marks) / sizeof(marks[0]); i++) {
		result = CHECKED(unlinkat, directory, marks[i].name, marks[i].flags);
		if (result == -ENOENT)
			result = 0;
	}
	close_fd(directory);
	return result;
}

int perform_umount2(struct state *state, const struct arguments *arguments)
{
	const char *target = arguments->text[0];
	int result = CHECKED(umount2, target, arguments->number[1]);
	(void)state;
	while (result == 0 && is_same(target, ".") && mount_at("/..") != mount_at("/"))
		result = CHECKED(umount2, "/..", arguments->number[1]);
	return result;
}

/* All four together are on no mount that somebody else has made for programs. */
#define SEAL_ATTRIBUTES                                                                            \
	(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSYMFOLLOW)
#define SEAL_FLAGS (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOSYMFOLLOW)

static bool is_sealed(void)
{
	struct statfs status = {0};
	return CALL(statfs, "/proc/self/exe", &status) == 0 &&
	       (status.f_flags & SEAL_FLAGS) == SEAL_FLAGS;
}

int perform_seal(struct state *state, const struct arguments *arguments)
{
	struct mount_attr attributes = {.attr_set = SEAL_ATTRIBUTES};
	(void)state;
	(void)arguments;
	if (is_sealed())
		return 0;
	if (own_arguments == NULL)
		return -ENOSYS;
	char **environment = own_arguments;
	while (*environment++ != NULL)
		;
	long fd = CALL(open_tree, AT_FDCWD, "/proc/self/exe", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (fd < 0)
		return (int)fd;
	int result = CHECKED(mount_setattr, fd, "", AT_EMPTY_PATH, &attributes, sizeof(attributes));
	if (result == 0)
		result = CHECKED(execveat, fd, "", own_arguments, environment, AT_EMPTY_PATH);
	close_fd((int)fd);
	return result;
}

int perform_pivot_root(struct state *state, const struct arguments *arguments)
{
	(void)state;
	return CHECKED(pivot_root, arguments->text[0], arguments->text[1]);
}

int perform_open_tree(struct state *state, const struct arguments *arguments)
{
	unsigned int flags = (unsigned int)arguments->number[3];
	long opened = CALL(open_tree, fd_of(arguments, 1), arguments->text[2], flags);
	return place(state, opened, fd_of(arguments, 0),
		     (flags & OPEN_TREE_CLOEXEC) != 0 ? O_CLOEXEC : 0);
}

int perform_mount_setattr(struct state *state, const struct arguments *arguments)
{
	int userns = fd_of(arguments, 5);
	struct mount_attr attributes = {
		.attr_set = arguments->number[2],
		.attr_clr = arguments->number[3],
		.propagation = arguments->number[4],
		.userns_fd = userns < 0 ? 0 : (unsigned int)userns,
	};
	(void)state;
	return CHECKED(mount_setattr, fd_of(arguments, 0), "", AT_EMPTY_PATH | arguments->number[1],
		       &attributes, sizeof(attributes));
}

int perform_move_mount(struct state *state, const struct arguments *arguments)
{
	unsigned int flags = MOVE_MOUNT_F_EMPTY_PATH;
	(void)state;
	if (arguments->text[2][0] == '\0')
		flags |= MOVE_MOUNT_T_EMPTY_PATH;
	return CHECKED(move_mount, fd_of(arguments, 0), "", fd_of(arguments, 1), arguments->text[2],
		       flags);
}

int perform_fsopen(struct state *state, const struct arguments *arguments)
{
	long opened = CALL(fsopen, arguments->text[1], FSOPEN_CLOEXEC);
	return place(state, opened, fd_of(arguments, 0), O_CLOEXEC);
}

int perform_fsconfig(struct state *state, const struct arguments *arguments)
{
	bool takes_value = arguments->number[1] == FSCONFIG_SET_STRING;
	(void)state;
	return CHECKED(fsconfig, fd_of(arguments, 0), arguments->number[1],
		       optional(arguments->text[2]),
		       takes_value ? arguments->text[3] : optional(arguments->text[3]), 0);
}

int perform_fsmount(struct state *state, const struct arguments *arguments)
{
	unsigned int flags = (unsigned int)arguments->number[2];
	long opened = CALL(fsmount, fd_of(arguments, 1), flags, arguments->number[3]);
	return place(state, opened, fd_of(arguments, 0),
		     (flags & FSMOUNT_CLOEXEC) != 0 ? O_CLOEXEC : 0);
}
