/* SPDX-License-Identifier: Apache-2.0 */
/* What people who are attached give the app to read: a pipe, or the terminal. */
#include "iomux.h"
#include "memory.h"
#include "syscall.h"

static int input_fd = -1;
static int terminal_fd = -1;
static char bytes_left[MAX_INPUT];
static size_t begin;
static size_t end;
static bool is_closing;

void open_input(int stdin_fd, int tty_fd)
{
	input_fd = stdin_fd >= 0 ? stdin_fd : tty_fd;
	terminal_fd = tty_fd;
	if (stdin_fd >= 0)
		CALL(fcntl, stdin_fd, F_SETFL, O_WRONLY | O_NONBLOCK);
}

bool has_input(void)
{
	return input_fd >= 0 && !is_closing;
}

bool is_input_full(void)
{
	return begin < end;
}

static void end_input(void)
{
	if (input_fd != terminal_fd)
		CALL(close, input_fd);
	input_fd = -1;
	begin = end = 0;
}

static void write_input(void)
{
	while (begin < end) {
		long written = CALL(write, input_fd, bytes_left + begin, end - begin);
		if (written == -EAGAIN || written == -EINTR)
			return;
		/* Nobody reads it any more. */
		if (written <= 0) {
			end_input();
			return;
		}
		begin += (size_t)written;
	}
	if (is_closing)
		end_input();
}

void give_input(const char *bytes, size_t length)
{
	if (!has_input() || is_input_full())
		return;
	memcpy(bytes_left, bytes, length);
	begin = 0;
	end = length;
	write_input();
}

void close_input(void)
{
	if (input_fd < 0)
		return;
	is_closing = true;
	write_input();
}

void set_window_size(uint16_t rows, uint16_t columns)
{
	struct window_size size = {.rows = rows, .columns = columns};
	if (terminal_fd >= 0)
		CALL(ioctl, terminal_fd, TIOCSWINSZ, &size);
}

unsigned int poll_input(struct pollfd *polls)
{
	/* Of a pipe poll(2) also tells that nobody reads it any more. */
	if (input_fd < 0 || (input_fd == terminal_fd && !is_input_full()))
		return 0;
	polls[0] = (struct pollfd){.fd = input_fd, .events = is_input_full() ? POLLOUT : 0};
	return 1;
}

void step_input(const struct pollfd *polls, unsigned int count)
{
	if (count == 0 || polls[0].revents == 0 || input_fd < 0)
		return;
	if (input_fd != terminal_fd && (polls[0].revents & POLLERR) != 0)
		end_input();
	else
		write_input();
}
