/* SPDX-License-Identifier: Apache-2.0 */
#include "descriptors.h"
#include "output.h"
#include "report.h"
#include "processes.h"
#include "relay.h"
#include "syscall.h"
#include "terminal.h"

/* A pipe that poll(2) calls writable takes this much at once. */
#define BUFFER_SIZE 4096u

/* How long and how much is copied after the end of the child, which others may have left the pipes
 * to. */
#define DRAIN_SECONDS 1
#define DRAIN_STEPS 4096

/*
 * A terminal can be stopped (^S) between poll(2) and write(2), and this process must never wait
 * there. The flag belongs to the open file, which the caller's shell shares: so the terminal is
 * opened once more, if that is allowed.
 */
static int reopen(int fd)
{
	struct output path = {.length = 0};
	struct termios attributes;
	if (CALL(ioctl, fd, TCGETS, &attributes) < 0)
		return fd;
	put(&path, "/proc/self/fd/");
	put_number(&path, (uint64_t)fd);
	path.text[path.length] = '\0';
	int opened = keep(
		CALL(openat, AT_FDCWD, path.text, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
	return opened < 0 ? fd : opened;
}

static void open_channel(struct channel *channel, int from, int to)
{
	channel->from = from;
	channel->to = to;
}

void begin_relay(struct relay *relay, const struct state *state)
{
	static char buffers[CHANNEL_COUNT][BUFFER_SIZE];
	relay->socket = state->terminal_fd;
	relay->master = -1;
	relay->is_raw = false;
	for (unsigned int i = 0; i < CHANNEL_COUNT; i++)
		relay->channels[i] = (struct channel){.from = -1, .to = -1, .buffer = buffers[i]};
	relay->channels[CHANNEL_OUTPUT].name = "/dev/stdout";
	relay->channels[CHANNEL_FROM_TERMINAL].name = "/dev/stdout";
	for (int i = 0; i < 2; i++) {
		if (state->copied_fd[i] < 0)
			continue;
		/* The caller's file takes its number back, so that only the child keeps the pipe
		 * open. */
		CALL(dup3, state->copied_fd[i], i + 1, 0);
		close_fd(state->copied_fd[i]);
		if (state->pipe_fd[i] < 0)
			continue;
		open_channel(&relay->channels[i], state->pipe_fd[i], reopen(i + 1));
	}
}

void forget_output(struct state *state)
{
	for (unsigned int i = 0; i < 2; i++) {
		close_fd(state->copied_fd[i]);
		close_fd(state->pipe_fd[i]);
		state->copied_fd[i] = -1;
		state->pipe_fd[i] = -1;
	}
	state->error_fd = 2;
}

static bool is_empty(const struct channel *channel)
{
	return channel->start == channel->end;
}

unsigned int fill_polls(const struct relay *relay, struct pollfd *polls)
{
	unsigned int count = 0;
	for (unsigned int i = 0; i < CHANNEL_COUNT; i++) {
		const struct channel *channel = &relay->channels[i];
		if (!is_empty(channel))
			polls[count++] = (struct pollfd){.fd = channel->to, .events = POLLOUT};
		else if (channel->from >= 0)
			polls[count++] = (struct pollfd){.fd = channel->from, .events = POLLIN};
	}
	if (relay->socket >= 0)
		polls[count++] = (struct pollfd){.fd = relay->socket, .events = POLLIN};
	return count;
}

static bool is_ready(int fd, const struct pollfd *polls, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (polls[i].fd == fd && polls[i].revents != 0)
			return true;
	return false;
}

/* A reader that is gone wants nothing, and a terminal that hung up shows nothing. */
static void mention_loss(const struct channel *channel, int error)
{
	if (error != EPIPE && error != EIO && channel->name != NULL)
		mention("write", channel->name, error);
}

static void write_channel(struct channel *channel)
{
	long written = CALL(write, channel->to, channel->buffer + channel->start,
			    channel->end - channel->start);
	if (written > 0) {
		channel->start += (unsigned int)written;
	} else if (written != -EAGAIN && written != -EINTR) {
		mention_loss(channel, (int)-written);
		channel->is_broken = true;
		channel->start = channel->end;
	}
}

/* Returns false at the end of what can be read. */
static bool read_channel(struct channel *channel)
{
	long length = CALL(read, channel->from, channel->buffer, BUFFER_SIZE);
	if (length == -EAGAIN || length == -EINTR)
		return true;
	channel->start = 0;
	channel->end = length <= 0 || channel->is_broken ? 0 : (unsigned int)length;
	if (length <= 0)
		channel->from = -1;
	return length > 0;
}

static bool step_channel(struct channel *channel, const struct pollfd *polls, unsigned int count)
{
	bool goes_on = true;
	if (is_empty(channel) && channel->from >= 0 && is_ready(channel->from, polls, count)) {
		goes_on = read_channel(channel);
		if (!is_empty(channel))
			write_channel(channel);
	} else if (!is_empty(channel) && is_ready(channel->to, polls, count)) {
		write_channel(channel);
	}
	return goes_on;
}

void copy_window_size(const struct relay *relay)
{
	struct window_size size = {0};
	if (relay->master >= 0 && CALL(ioctl, 0, TIOCGWINSZ, &size) == 0)
		CALL(ioctl, relay->master, TIOCSWINSZ, &size);
}

/* What comes must be a pseudoterminal: no other file is going to be written to in the caller's
 * name. */
static int receive_master(int socket)
{
	struct descriptor_message control = {.fd = -1};
	char byte;
	struct vector vector = {.base = &byte, .length = 1};
	struct message message = {
		.vectors = &vector,
		.vector_count = 1,
		.control = &control,
		.control_length = sizeof(control),
	};
	unsigned int number = 0;
	long length = CALL(recvmsg, socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (length != 1 || control.type != SCM_RIGHTS || control.fd < 0)
		return -1;
	int master = keep(control.fd);
	if (CALL(ioctl, master, TIOCGPTN, &number) == 0)
		return master;
	close_fd(master);
	return -1;
}

static void open_terminal(struct relay *relay)
{
	int master = receive_master(relay->socket);
	close_fd(relay->socket);
	relay->socket = -1;
	if (master < 0)
		return;
	relay->master = master;
	CALL(fcntl, master, F_SETFL, O_RDWR | O_NONBLOCK);
	copy_window_size(relay);
	relay->is_raw = make_raw(&relay->saved);
	open_channel(&relay->channels[CHANNEL_TO_TERMINAL], 0, master);
	open_channel(&relay->channels[CHANNEL_FROM_TERMINAL], master, reopen(1));
}

/* The end of a terminal is a character: what reads the pseudoterminal sees an end of file then. */
static void send_end_of_file(struct relay *relay)
{
	struct channel *channel = &relay->channels[CHANNEL_TO_TERMINAL];
	struct termios attributes = {0};
	CALL(ioctl, relay->master, TCGETS, &attributes);
	channel->buffer[0] = (char)attributes.c_cc[VEOF];
	channel->start = 0;
	channel->end = 1;
}

void step_relay(struct relay *relay, const struct pollfd *polls, unsigned int count)
{
	struct channel *channels = relay->channels;
	if (relay->socket >= 0 && is_ready(relay->socket, polls, count))
		open_terminal(relay);
	for (unsigned int i = 0; i < CHANNEL_COUNT; i++) {
		if (step_channel(&channels[i], polls, count))
			continue;
		if (i == CHANNEL_TO_TERMINAL)
			send_end_of_file(relay);
		/* Nobody has the pseudoterminal open any more: then nobody reads what is typed. */
		if (i == CHANNEL_FROM_TERMINAL)
			channels[CHANNEL_TO_TERMINAL].from = -1;
	}
}

void end_relay(struct relay *relay)
{
	struct pollfd polls[RELAY_POLLS];
	relay->channels[CHANNEL_TO_TERMINAL].from = -1;
	relay->channels[CHANNEL_TO_TERMINAL].start = relay->channels[CHANNEL_TO_TERMINAL].end;
	for (int step = 0; step < DRAIN_STEPS; step++) {
		unsigned int count = fill_polls(relay, polls);
		bool is_waiting = false;
		for (unsigned int i = 0; i < count; i++)
			is_waiting = is_waiting || polls[i].events == POLLOUT;
		/* What is buffered may wait for a slow terminal; what nobody has written yet is not
		 * waited for. */
		struct __kernel_timespec patience = {.tv_sec = is_waiting ? DRAIN_SECONDS : 0};
		if (count == 0 || CALL(ppoll, polls, count, &patience, NULL) <= 0)
			break;
		step_relay(relay, polls, count);
	}
	if (relay->is_raw) {
		uint64_t mask = SIGNAL_BIT(SIGTTOU);
		CALL(rt_sigprocmask, SIG_BLOCK, &mask, NULL, sizeof(mask));
		CALL(ioctl, 0, TCSETSW, &relay->saved);
	}
}
