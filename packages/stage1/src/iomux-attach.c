/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/un.h>
#include "iomux-attach.h"
#include "iomux.h"
#include "memory.h"
#include "syscall.h"
#include "terminal.h"

/* What iomux sends at most. */
#define MAX_PACKET (16u * 1024 + 1)

enum { STATUS_NO = 1, STATUS_NOT_FOUND = 66, STATUS_UNAVAILABLE = 69 };

struct connection {
	int socket;
	int signals;
	bool has_terminal; /* of the app */
	bool is_raw;	   /* our own terminal */
	bool closes;	   /* the end of our input is that of the app's */
	bool has_input;	   /* something can be typed */
	uint32_t outputs;  /* that have not ended */
	size_t pending;	   /* bytes of a packet that iomux does not take yet, 0 for none */
	struct detach_keys keys;
	struct termios saved;
};

static struct connection connection = {.socket = -1};
static char packet[1 + MAX_INPUT];
static char received[MAX_PACKET];

static void restore_terminal(void)
{
	if (connection.is_raw)
		CALL(ioctl, 0, TCSETSW, &connection.saved);
	connection.is_raw = false;
}

_Noreturn static void end(int status)
{
	restore_terminal();
	exit_now(status);
}

_Noreturn static void end_with(int status, const char *verb, const char *object, const char *why)
{
	struct output output = {.length = 0};
	restore_terminal();
	put(&output, "iomux: cannot ");
	put(&output, verb);
	put(&output, " \"");
	put_words(&output, object, 1, 320);
	put(&output, "\": ");
	put(&output, why);
	put(&output, "\n");
	flush(&output, 2);
	exit_now(status);
}

/* A packet that does not fit waits in the buffer. */
static void send_pending(void)
{
	if (connection.pending == 0)
		return;
	long sent = CALL(sendto, connection.socket, packet, connection.pending,
			 MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);
	if (sent != -EAGAIN && sent != -EINTR)
		connection.pending = 0;
}

static void send_text(char type, const char *text, size_t length)
{
	packet[0] = type;
	memcpy(packet + 1, text, length);
	connection.pending = 1 + length;
	send_pending();
}

/* What was typed before the end is to arrive, however long the app lets it wait. */
_Noreturn static void end_after_sending(void)
{
	if (connection.pending > 0)
		CALL(sendto, connection.socket, packet, connection.pending, MSG_NOSIGNAL, NULL, 0);
	end(0);
}

/* Signals and typing come one at a time: a size that does not fit in is told at the next change. */
static void send_size(void)
{
	struct window_size size = {0};
	struct output text = {.length = 0};
	if (!connection.has_terminal || connection.pending > 0 ||
	    (CALL(ioctl, 0, TIOCGWINSZ, &size) < 0 && CALL(ioctl, 1, TIOCGWINSZ, &size) < 0) ||
	    size.rows == 0 || size.columns == 0)
		return;
	put_number(&text, size.rows);
	put(&text, " ");
	put_number(&text, size.columns);
	send_text('W', text.text, text.length);
}

static void connect_to(const char *directory)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "attach"};
	/* The path of a socket may have 108 bytes; that of a pod has more. */
	long result = CALL(chdir, directory);
	if (result < 0)
		end_with(STATUS_NOT_FOUND, "attach to", directory, "no such directory");
	long fd = CALL(socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	result = fd < 0 ? fd : CALL(connect, fd, &address, sizeof(address));
	if (result == -ENOENT || result == -ECONNREFUSED)
		end_with(STATUS_UNAVAILABLE, "attach to", directory,
			 "nobody keeps the output of the app");
	if (result < 0)
		fail_with("attach to", directory, result);
	connection.socket = (int)fd;
}

/* Returns the length of the packet, 0 at the end. */
static size_t receive(void)
{
	for (;;) {
		long length = CALL(recvfrom, connection.socket, received, sizeof(received), 0, NULL,
				   NULL);
		/* iomux has ended and left something of ours unread: what it sent comes all the
		 * same. */
		if (length == -EINTR || length == -ECONNRESET)
			continue;
		return length < 0 ? 0 : (size_t)length;
	}
}

/* The answer to the first packet, or the end with the reason why there is none. */
static size_t answer(char type, const char *verb, const char *object)
{
	size_t length = receive();
	if (length == 0)
		end_with(STATUS_UNAVAILABLE, verb, object, "the app has ended");
	if (received[0] == '!') {
		received[length < MAX_OUTPUT / 2 ? length : MAX_OUTPUT / 2] = '\0';
		end_with(STATUS_NO, verb, object, received + 1);
	}
	if (received[0] != type)
		end_with(STATUS_UNAVAILABLE, verb, object, "no such answer");
	return length;
}

static void write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		long written = CALL(write, fd, bytes, length);
		if (written == -EAGAIN) {
			struct pollfd polled = {.fd = fd, .events = POLLOUT};
			CALL(ppoll, &polled, 1, NULL, NULL);
		} else if (written <= 0 && written != -EINTR) {
			/* Nobody looks at it any more. */
			end(0);
		} else if (written > 0) {
			bytes += written;
			length -= (size_t)written;
		}
	}
}

static void tell_missing(size_t length)
{
	struct output text = {.length = 0};
	received[length] = '\0';
	put(&text, "iomux: ");
	put_words(&text, received + 1, 1, 40);
	put(&text, connection.is_raw ? " bytes of output are missing here\r\n"
				     : " bytes of output are missing here\n");
	flush(&text, 2);
}

static void step_socket(void)
{
	size_t length = receive();
	if (length == 0)
		end(0);
	switch (received[0]) {
	case 'O':
		write_all(1, received + 1, length - 1);
		break;
	case 'E':
		write_all(2, received + 1, length - 1);
		break;
	case 'o':
		connection.outputs &= ~(uint32_t)(WANTS_STDOUT | WANTS_TTY_OUT);
		break;
	case 'e':
		connection.outputs &= ~(uint32_t)WANTS_STDERR;
		break;
	case '#':
		tell_missing(length < 32 ? length : 32);
		break;
	default:
		break;
	}
	if (connection.outputs == 0 && (received[0] == 'o' || received[0] == 'e'))
		end(0);
}

static void step_input_side(void)
{
	static char typed[MAX_INPUT - MAX_KEYS];
	static char passed[MAX_INPUT];
	size_t copied = 0;
	long length = CALL(read, 0, typed, sizeof(typed));
	if (length == -EAGAIN || length == -EINTR)
		return;
	if (length <= 0) {
		connection.has_input = false;
		if (connection.closes)
			send_text('C', "", 0);
		/* Who attached to nothing but the input is done. */
		if (connection.outputs == 0)
			end_after_sending();
		return;
	}
	if (!connection.is_raw) {
		send_text('I', typed, (size_t)length);
		return;
	}
	bool detaches = filter_keys(&connection.keys, typed, (size_t)length, passed, &copied);
	if (copied > 0)
		send_text('I', passed, copied);
	if (detaches)
		end(0);
}

static void step_signals(void)
{
	struct signalfd_siginfo info;
	if (CALL(read, connection.signals, &info, sizeof(info)) != (long)sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH)
		send_size();
	else
		end(128 + (int)info.ssi_signo);
}

static void relay(void)
{
	bool is_full = connection.pending > 0;
	struct pollfd polls[3] = {
		{.fd = connection.socket, .events = is_full ? POLLIN | POLLOUT : POLLIN},
		{.fd = connection.signals, .events = POLLIN},
		{.fd = connection.has_input && !is_full ? 0 : -1, .events = POLLIN},
	};
	if (CALL(ppoll, polls, 3, NULL, NULL) < 0)
		return;
	if (polls[1].revents != 0)
		step_signals();
	if ((polls[0].revents & POLLOUT) != 0)
		send_pending();
	if ((polls[0].revents & ~POLLOUT) != 0)
		step_socket();
	if (polls[2].revents != 0 && connection.pending == 0)
		step_input_side();
}

static int open_signals(void)
{
	uint64_t mask = SIGNAL_BIT(SIGWINCH) | SIGNAL_BIT(SIGTERM) | SIGNAL_BIT(SIGINT) |
			SIGNAL_BIT(SIGHUP) | SIGNAL_BIT(SIGQUIT);
	uint64_t blocked = mask | SIGNAL_BIT(SIGPIPE) | SIGNAL_BIT(SIGTTOU);
	CALL(rt_sigprocmask, SIG_BLOCK, &blocked, NULL, sizeof(blocked));
	return CHECKED(signalfd4, -1, &mask, sizeof(mask), SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool has_name(const char *names, size_t length, const char *name)
{
	size_t wanted = strlen(name);
	for (size_t i = 0; i + wanted <= length; i++)
		if ((i == 0 || names[i - 1] == ',') && memcmp(names + i, name, wanted) == 0 &&
		    (i + wanted == length || names[i + wanted] == ','))
			return true;
	return false;
}

_Noreturn static void attach_to(const char *names, const char *directory)
{
	if (strlen(names) > MAX_INPUT)
		refuse_usage("wanted names of streams", names);
	connection.signals = open_signals();
	send_text('A', names, strlen(names));
	size_t length = answer('A', "attach to", *names == '\0' ? directory : names);
	const char *answered = received + 1;
	bool has_stdin = has_name(answered, length - 1, "stdin");
	bool types = has_name(answered, length - 1, "tty-in");
	connection.has_terminal = types || has_name(answered, length - 1, "tty-out");
	connection.has_input = has_stdin || types;
	connection.closes = has_stdin && *names != '\0';
	if (has_name(answered, length - 1, "stdout"))
		connection.outputs |= WANTS_STDOUT;
	if (has_name(answered, length - 1, "tty-out"))
		connection.outputs |= WANTS_TTY_OUT;
	if (has_name(answered, length - 1, "stderr"))
		connection.outputs |= WANTS_STDERR;
	if (types)
		connection.is_raw = make_raw(&connection.saved);
	send_size();
	for (;;)
		relay();
}

/* The answer is printed, if there is one to print. */
static int ask(char type, const char *verb, const char *directory)
{
	send_text(type, "", 0);
	size_t length = answer(type, verb, directory);
	/* One a line, as every result. */
	for (size_t i = 1; i < length; i++)
		if (received[i] == ',')
			received[i] = '\n';
	if (length > 1) {
		write_all(1, received + 1, length - 1);
		write_all(1, "\n", 1);
	}
	return 0;
}

static const struct {
	const char *option;
	char type;
	const char *verb;
} requests[] = {
	{"--list", 'L', "list the streams of"},
	{"--reopen", 'R', "reopen the log of"},
	{"--rotate", 'T', "rotate the log of"},
};
#define REQUEST_COUNT (sizeof(requests) / sizeof(requests[0]))

bool is_for_client(int count, char **arguments)
{
	if (count < 2)
		return false;
	for (size_t i = 0; i < REQUEST_COUNT; i++)
		if (is_same(arguments[1], requests[i].option))
			return true;
	return is_same(arguments[1], "--attach") || has_prefix(arguments[1], "--attach=");
}

int run_client(int count, char **arguments)
{
	const char *first = arguments[1];
	const char *directory = arguments[count - 1];
	bool has_keys = count == 4 && has_prefix(arguments[2], "--detach-keys=");
	if (count != 3 && !has_keys)
		refuse_usage("wanted one directory behind it: see rkt-iomux(8)", first);
	if (has_keys && !parse_keys(arguments[2] + strlen("--detach-keys="), &connection.keys))
		refuse_usage("wanted at most 8 of a letter or ctrl-LETTER, joined by commas",
			     arguments[2]);
	connect_to(directory);
	for (size_t i = 0; i < REQUEST_COUNT; i++)
		if (is_same(first, requests[i].option))
			return ask(requests[i].type, requests[i].verb, directory);
	attach_to(first[strlen("--attach")] == '=' ? first + strlen("--attach=") : "", directory);
}
