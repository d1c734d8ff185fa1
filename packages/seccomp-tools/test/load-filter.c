// SPDX-License-Identifier: Apache-2.0
// load-filter FILTER PROGRAM [ARGUMENT]...: executes a program under a compiled seccomp filter.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct sock_filter filter[BPF_MAXINSNS];

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: load-filter FILTER PROGRAM [ARGUMENT]...\n");
		return 64;
	}
	int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		perror(argv[1]);
		return 66;
	}
	ssize_t size = read(fd, filter, sizeof(filter));
	if (size <= 0 || size % (ssize_t)sizeof(filter[0]) != 0) {
		fprintf(stderr, "%s: not a filter\n", argv[1]);
		return 65;
	}
	struct sock_fprog program = {
		.len = (unsigned short)((size_t)size / sizeof(filter[0])),
		.filter = filter,
	};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) {
		perror("seccomp");
		return 71;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
