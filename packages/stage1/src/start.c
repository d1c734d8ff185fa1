/* SPDX-License-Identifier: Apache-2.0 */
/* Where the kernel enters a program that has no C library, and what the compiler's stack protector
 * needs. */
#include <linux/auxvec.h>
#include "memory.h"
#include "start.h"
#include "syscall.h"

uintptr_t __stack_chk_guard = 0x2f0a000dff5a7e11;
_Noreturn void __stack_chk_fail(void);
_Noreturn void start(long *stack);

#if defined(__x86_64__)
__asm__(".text\n.global _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, "
	"%rsp\n\tcall start\n");
#elif defined(__aarch64__)
__asm__(".text\n.global _start\n_start:\n\tmov x29, #0\n\tmov x30, #0\n\tmov x0, sp\n\tbl start\n");
#endif

_Noreturn void __stack_chk_fail(void)
{
	static const char message[] = "cannot go on: the stack is overwritten\n";
	CALL(write, 2, message, sizeof(message) - 1);
	exit_now(125);
}

/* The first byte of the guard is zero, so that no string function can read or write past it. */
__attribute__((no_stack_protector)) static void randomise_guard(const void *random)
{
	memcpy(&__stack_chk_guard, random, sizeof(__stack_chk_guard));
	__stack_chk_guard &= ~(uintptr_t)0xff;
}

/* The stack holds the count of arguments, the arguments, NULL, the environment, NULL, the auxiliary
 * vector. */
__attribute__((no_stack_protector)) _Noreturn void start(long *stack)
{
	int count = (int)stack[0];
	char **arguments = (char **)(stack + 1);
	long *entry = stack + 1 + count + 1;
	own_arguments = arguments;
	while (*entry != 0)
		entry++;
	for (entry++; entry[0] != AT_NULL; entry += 2)
		if (entry[0] == AT_RANDOM)
			randomise_guard((const void *)entry[1]);
	exit_now(main(count, arguments));
}
