/* SPDX-License-Identifier: Apache-2.0 */
#include "iomux.h"
#include "memory.h"
#include "syscall.h"

#define MAX_SHOWN 320u

static void put_beginning(struct output *output, const char *verb, const char *object)
{
	put(output, "iomux: cannot ");
	put(output, verb);
	put(output, " \"");
	put_words(output, object, 1, MAX_SHOWN);
	put(output, "\": ");
}

_Noreturn void refuse_usage(const char *what, const char *word)
{
	struct output output = {.length = 0};
	put_beginning(&output, "use", word);
	put(&output, what);
	put(&output, "\n");
	flush(&output, 2);
	exit_now(STATUS_USAGE);
}

_Noreturn void fail_with(const char *verb, const char *object, long error)
{
	struct output output = {.length = 0};
	put_beginning(&output, verb, object);
	put_error(&output, (int)(error < 0 ? -error : error));
	put(&output, "\n");
	flush(&output, 2);
	exit_now(error == -EWOULDBLOCK ? STATUS_LOCKED : STATUS_SYSTEM);
}

/* Who reads messages may have stopped, and must not stop the app. */
static bool is_read(void)
{
	struct pollfd polled = {.fd = 2, .events = POLLOUT};
	struct __kernel_timespec none = {0};
	return CALL(ppoll, &polled, 1, &none, NULL) == 1 && polled.revents == POLLOUT;
}

void mention(const char *verb, const char *object, long error, const char *consequence)
{
	struct output output = {.length = 0};
	put_beginning(&output, verb, object);
	put_error(&output, (int)-error);
	put(&output, ": ");
	put(&output, consequence);
	put(&output, "\n");
	if (is_read())
		flush(&output, 2);
}
