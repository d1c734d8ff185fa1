// SPDX-License-Identifier: Apache-2.0
// probe MODE FILTER: asks the kernel what a filter does. Standard input has calls of seven 64-bit
// words, the number and six arguments; standard output gets one 64-bit word for each: what the call
// returned, or -1000000 - N if signal N killed it.
//   all    makes all calls in one process: for filters that let none through
//   each   makes each call in a process of its own; the filter "-" is none
//   compat as each, but enters the kernel as a 32-bit program would
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_CALLS 65536

static struct sock_filter filter[BPF_MAXINSNS];
static struct sock_fprog program = {.filter = filter};
static uint64_t calls[MAX_CALLS][7];
static int64_t *results;

#if defined(__x86_64__)
static int64_t make_call(const uint64_t *c)
{
	int64_t result;
	register uint64_t r10 __asm__("r10") = c[4];
	register uint64_t r8 __asm__("r8") = c[5];
	register uint64_t r9 __asm__("r9") = c[6];
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(c[0]), "D"(c[1]), "S"(c[2]), "d"(c[3]), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

static int64_t make_compat_call(const uint64_t *c)
{
	int64_t result;
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(c[0])
			 : "memory", "r8", "r9", "r10", "r11");
	return result;
}
#elif defined(__aarch64__)
static int64_t make_call(const uint64_t *c)
{
	register uint64_t x8 __asm__("x8") = c[0];
	register uint64_t x0 __asm__("x0") = c[1];
	register uint64_t x1 __asm__("x1") = c[2];
	register uint64_t x2 __asm__("x2") = c[3];
	register uint64_t x3 __asm__("x3") = c[4];
	register uint64_t x4 __asm__("x4") = c[5];
	register uint64_t x5 __asm__("x5") = c[6];
	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return (int64_t)x0;
}

#define make_compat_call make_call
#endif

static void load_filter(void)
{
	/* Even without a filter, as calls like landlock_restrict_self depend on it. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		_exit(71);
	if (program.len > 0 && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
		_exit(71);
}

/* Runs calls [from, to) in a child, which ends by a trap: a filter may forbid exit. */
static void run_child(size_t from, size_t to, int64_t (*call)(const uint64_t *))
{
	for (size_t i = from; i < to; i++)
		results[i] = INT64_MIN;
	pid_t child = fork();
	if (child == 0) {
		alarm(30);
		load_filter();
		for (size_t i = from; i < to; i++)
			results[i] = call(calls[i]);
		__builtin_trap();
	}
	int status = 0;
	if (child < 0 || waitpid(child, &status, 0) != child)
		_exit(71);
	for (size_t i = from; i < to; i++)
		if (results[i] == INT64_MIN)
			results[i] = -1000000 - (WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 64;
	if (strcmp(argv[2], "-") != 0) {
		int fd = open(argv[2], O_RDONLY | O_CLOEXEC);
		ssize_t size = read(fd, filter, sizeof(filter));
		if (size <= 0)
			return 66;
		program.len = (unsigned short)((size_t)size / sizeof(filter[0]));
	}
	size_t count = fread(calls, sizeof(calls[0]), MAX_CALLS, stdin);
	size_t bytes = sizeof(*results) * (count + 1);
	results = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (results == MAP_FAILED)
		return 71;
	prctl(PR_SET_DUMPABLE, 0);
	if (strcmp(argv[1], "all") == 0)
		run_child(0, count, make_call);
	else
		for (size_t i = 0; i < count; i++)
			run_child(i, i + 1,
				  strcmp(argv[1], "each") == 0 ? make_call : make_compat_call);
	return fwrite(results, sizeof(*results), count, stdout) == count ? 0 : 71;
}
