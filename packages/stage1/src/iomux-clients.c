/* SPDX-License-Identifier: Apache-2.0 */
/* The socket `attach` and who is connected to it: rkt-iomux(8) has the packets. */
#include <linux/un.h>
#include "iomux.h"
#include "memory.h"
#include "syscall.h"
#include "words.h"

#define MAX_PACKET (16u * 1024)

struct client {
	int fd;		/* -1: a free place */
	uint32_t wants; /* 0 until it has said what */
	uint64_t lost;	/* bytes that it was too slow for, and does not know of yet */
};

struct credentials {
	uint32_t pid, uid, gid;
};

static const struct {
	const char *name;
	uint32_t wants;
} names[] = {
	{"stdin", WANTS_STDIN},	  {"stdout", WANTS_STDOUT},   {"stderr", WANTS_STDERR},
	{"tty-in", WANTS_TTY_IN}, {"tty-out", WANTS_TTY_OUT},
};
#define NAME_COUNT (sizeof(names) / sizeof(names[0]))

static struct client clients[MAX_CLIENTS];
static int listener = -1;
static uint32_t offered;

void open_clients(uint32_t wants)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "attach"};
	offered = wants;
	for (unsigned int i = 0; i < MAX_CLIENTS; i++)
		clients[i].fd = -1;
	CALL(unlinkat, AT_FDCWD, address.sun_path, 0);
	long fd = CALL(socket, AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	long result = fd;
	CALL(umask, 0177);
	if (fd >= 0)
		result = CALL(bind, fd, &address, sizeof(address));
	CALL(umask, 0027);
	if (result >= 0)
		result = CALL(listen, fd, 16);
	if (result < 0)
		fail_with("listen on", address.sun_path, result);
	listener = (int)fd;
}

static uint32_t offered_now(void)
{
	return has_input() ? offered : offered & ~(uint32_t)WANTS_INPUT;
}

/* Returns false if there was no room; a client that is gone is found by poll(2). */
static bool send_packet(int fd, char type, const char *bytes, size_t length)
{
	struct vector vectors[2] = {{.base = &type, .length = 1}, {.length = length}};
	struct message message = {.vectors = vectors, .vector_count = 2};
	/* Sending changes nothing of it. */
	memcpy(&vectors[1].base, &bytes, sizeof(bytes));
	return CALL(sendmsg, fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) != -EAGAIN;
}

static void send_text(int fd, char type, const struct output *text)
{
	send_packet(fd, type, text->text, text->length);
}

static void put_names(struct output *output, uint32_t wants)
{
	for (size_t i = 0; i < NAME_COUNT; i++) {
		if ((wants & names[i].wants) == 0)
			continue;
		if (output->length > 0)
			put(output, ",");
		put(output, names[i].name);
	}
}

bool is_wanted(uint32_t want)
{
	for (unsigned int i = 0; i < MAX_CLIENTS; i++)
		if (clients[i].fd >= 0 && (clients[i].wants & want) != 0)
			return true;
	return false;
}

/* What a client has missed is told before it gets more. */
static bool tell_lost(struct client *client)
{
	struct output text = {.length = 0};
	if (client->lost == 0)
		return true;
	put_number(&text, client->lost);
	if (!send_packet(client->fd, '#', text.text, text.length))
		return false;
	client->lost = 0;
	return true;
}

static void send_to(struct client *client, char type, const char *bytes, size_t length)
{
	while (length > 0) {
		size_t step = length < MAX_PACKET ? length : MAX_PACKET;
		if (!tell_lost(client) || !send_packet(client->fd, type, bytes, step)) {
			client->lost += length;
			return;
		}
		bytes += step;
		length -= step;
	}
}

void send_output(uint32_t want, const char *bytes, size_t length)
{
	for (unsigned int i = 0; i < MAX_CLIENTS; i++)
		if (clients[i].fd >= 0 && (clients[i].wants & want) != 0)
			send_to(&clients[i], want == WANTS_STDERR ? 'E' : 'O', bytes, length);
}

void send_end(uint32_t want)
{
	offered &= ~want;
	for (unsigned int i = 0; i < MAX_CLIENTS; i++) {
		if (clients[i].fd < 0 || (clients[i].wants & want) == 0)
			continue;
		tell_lost(&clients[i]);
		send_packet(clients[i].fd, want == WANTS_STDERR ? 'e' : 'o', "", 0);
	}
}

static void drop(struct client *client)
{
	CALL(close, client->fd);
	client->fd = -1;
	client->wants = 0;
}

static void refuse(struct client *client, const char *why)
{
	send_packet(client->fd, '!', why, strlen(why));
	drop(client);
}

/* Only whose the pod is, and root. */
static bool is_allowed(int fd)
{
	struct credentials peer = {.uid = UINT32_MAX};
	uint32_t length = sizeof(peer);
	if (CALL(getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
		return false;
	return peer.uid == 0 || peer.uid == (uint32_t)CALL(geteuid, 0);
}

static void accept_client(void)
{
	struct client full = {.fd = -1};
	struct client *client = &full;
	long fd = CALL(accept4, listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	for (unsigned int i = 0; i < MAX_CLIENTS && client == &full; i++)
		if (clients[i].fd < 0)
			client = &clients[i];
	*client = (struct client){.fd = (int)fd};
	if (!is_allowed((int)fd))
		refuse(client, "not the owner of the pod");
	else if (client == &full)
		refuse(client, "too many are attached");
}

/* The bits of names joined by commas; 0 if one is unknown. */
static uint32_t parse_names(const char *text, size_t length)
{
	uint32_t wants = 0;
	for (size_t begin = 0, end = 0; begin <= length; begin = ++end) {
		uint32_t found = 0;
		while (end < length && text[end] != ',')
			end++;
		for (size_t i = 0; i < NAME_COUNT; i++)
			if (strlen(names[i].name) == end - begin &&
			    memcmp(names[i].name, text + begin, end - begin) == 0)
				found = names[i].wants;
		if (found == 0)
			return 0;
		wants |= found;
	}
	return wants;
}

static void attach(struct client *client, const char *text, size_t length)
{
	struct output answer = {.length = 0};
	uint32_t wants = length == 0 ? offered_now() : parse_names(text, length);
	if (wants == 0 || (wants & ~offered_now()) != 0) {
		refuse(client, "no such stream");
		return;
	}
	client->wants = wants;
	put_names(&answer, wants);
	send_text(client->fd, 'A', &answer);
}

static void list(const struct client *client)
{
	struct output answer = {.length = 0};
	put_names(&answer, offered_now());
	send_text(client->fd, 'L', &answer);
}

static void answer_result(const struct client *client, char type, int result)
{
	struct output answer = {.length = 0};
	if (result < 0)
		put_error(&answer, -result);
	send_text(client->fd, result < 0 ? '!' : type, &answer);
}

/* ROWS COLUMNS */
static void resize(const char *text, size_t length)
{
	uint64_t rows;
	uint64_t columns;
	size_t space = 0;
	while (space < length && text[space] != ' ')
		space++;
	if (space < length && parse_decimal(text, space, UINT16_MAX, &rows) &&
	    parse_decimal(text + space + 1, length - space - 1, UINT16_MAX, &columns))
		set_window_size((uint16_t)rows, (uint16_t)columns);
}

static void handle_packet(struct client *client, const char *packet, size_t length)
{
	bool has_terminal = (client->wants & (WANTS_TTY_IN | WANTS_TTY_OUT)) != 0;
	switch (packet[0]) {
	case 'A':
		attach(client, packet + 1, length - 1);
		break;
	case 'L':
		list(client);
		break;
	case 'R':
		answer_result(client, 'R', reopen_log());
		break;
	case 'T':
		answer_result(client, 'T', is_held_up() ? -EAGAIN : rotate_log());
		break;
	case 'I':
		if ((client->wants & WANTS_INPUT) != 0)
			give_input(packet + 1, length - 1);
		break;
	case 'C':
		if ((client->wants & WANTS_STDIN) != 0)
			close_input();
		break;
	case 'W':
		if (has_terminal)
			resize(packet + 1, length - 1);
		break;
	default:
		refuse(client, "no such packet");
	}
}

static void read_client(struct client *client)
{
	static char packet[MAX_INPUT + 1];
	long length = CALL(recvfrom, client->fd, packet, sizeof(packet), MSG_DONTWAIT | MSG_TRUNC,
			   NULL, NULL);
	if (length == -EAGAIN || length == -EINTR)
		return;
	if (length > (long)sizeof(packet)) {
		refuse(client, "the packet is too long");
		return;
	}
	if (length <= 0) {
		drop(client);
		return;
	}
	handle_packet(client, packet, (size_t)length);
}

unsigned int poll_clients(struct pollfd *polls)
{
	unsigned int count = 0;
	polls[count++] = (struct pollfd){.fd = listener, .events = POLLIN};
	for (unsigned int i = 0; i < MAX_CLIENTS; i++) {
		if (clients[i].fd < 0)
			continue;
		/* Who has something to say to an app that does not listen waits, too; also if all
		 * has been said and nobody is there any more. */
		bool waits = is_input_full() && (clients[i].wants & WANTS_INPUT) != 0;
		if (!waits)
			polls[count++] = (struct pollfd){.fd = clients[i].fd, .events = POLLIN};
	}
	return count;
}

void step_clients(const struct pollfd *polls, unsigned int count)
{
	for (unsigned int i = 0; i < MAX_CLIENTS; i++) {
		struct client *client = &clients[i];
		unsigned int events = client->fd < 0 ? 0 : events_of(client->fd, polls, count);
		bool waits = is_input_full() && (client->wants & WANTS_INPUT) != 0;
		if ((events & POLLIN) != 0 && !waits)
			read_client(client);
		else if ((events & (POLLHUP | POLLERR)) != 0 && (events & POLLIN) == 0)
			drop(client);
	}
	/* Last: a new client may get the number of one that is gone. */
	if (polls[0].revents != 0)
		accept_client();
}
