/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of iomux, which keeps the output of one app and lets people attach to it: rkt-iomux(8).
 *
 * Nothing here waits but for ppoll(2) in iomux.c.
 */
#ifndef RKT_IOMUX_H
#define RKT_IOMUX_H

#include "iomux-format.h"
#include "kernel.h"
#include "output.h"

enum { STATUS_USAGE = 64, STATUS_SYSTEM = 71, STATUS_LOCKED = 75 };

/* The kernel's headers leave these to the C library. */
#ifndef S_IFMT
#define S_IFMT 0170000
#define S_IFREG 0100000
#define S_IFIFO 0010000
#endif
#ifndef S_ISTYPE
#define S_ISTYPE(mode, type) (((mode)&S_IFMT) == (type))
#endif
#define SOCK_NONBLOCK O_NONBLOCK
#define SO_PEERCRED 17
#define SPLICE_F_NONBLOCK 2
#define MSG_TRUNC 0x20
#ifndef SIGNAL_BIT
#define SIGNAL_BIT(signal) (UINT64_C(1) << ((signal)-1))
#endif

enum stream_name { STREAM_STDOUT, STREAM_STDERR, STREAM_TTY, STREAM_COUNT };

/* What people attach to: a bit for each. The output of a terminal is that of stream tty. */
enum { WANTS_STDOUT = 1, WANTS_STDERR = 2, WANTS_TTY_OUT = 4, WANTS_STDIN = 8, WANTS_TTY_IN = 16 };
#define WANTS_INPUT (WANTS_STDIN | WANTS_TTY_IN)

struct options {
	int fds[STREAM_COUNT]; /* -1 for none */
	bool is_logged[STREAM_COUNT];
	bool is_attachable[STREAM_COUNT];
	int stdin_fd;
	const char *log; /* NULL for none */
	enum format format;
	uint64_t max_size; /* 0 for no bound */
	uint64_t max_files;
	const char *directory;
};

/* iomux-options.c */
void parse_options(int count, char **arguments, struct options *options);

/* iomux-report.c: messages, and the end */
_Noreturn void refuse_usage(const char *what, const char *word);
_Noreturn void fail_with(const char *verb, const char *object, long error);
void mention(const char *verb, const char *object, long error, const char *consequence);

/* iomux-confine.c: right after the start, and when all is open */
void give_up_capabilities(void);
void confine(int directory, int log_directory);

/*
 * iomux-log.c: the log, and how far each journal is in it.
 *
 * A record is in the log when the state says so: what the log has beyond that was being written
 * when somebody killed us, and is cut off by the next start. So nothing is lost and nothing is
 * there twice.
 */
struct journal_state {
	uint64_t position; /* where in the journal the first byte is that the log does not have */
	uint64_t is_emptying;
};
extern struct journal_state journal_states[STREAM_COUNT];
int open_log_directory(const char *path); /* -1 without a log; `log_name` is the rest */
void open_log(const struct options *options);
int commit(void); /* writes the state of the journals as it is now, and of the log */
bool log_record(enum stream_name stream, const char *time, const struct piece *piece);
bool flush_log(void); /* and commits; false if there is no room */
void roll_back(void); /* to the last commit */
int reopen_log(void); /* negative errno */
int rotate_log(void);
void close_state(void); /* nothing is left to be logged */

/* iomux-streams.c: the output of the app */
void open_streams(const struct options *options);
bool has_open_streams(void);
bool is_held_up(void); /* something cannot be written; the app waits with us */
unsigned int poll_streams(struct pollfd *polls);
void step_streams(const struct pollfd *polls, unsigned int count);
void retry_streams(void);
void remove_journals(void);

/* iomux-input.c: the input of the app */
#define MAX_INPUT 4096u
void open_input(int stdin_fd, int tty_fd);
bool has_input(void);
bool is_input_full(void);
void give_input(const char *bytes, size_t length); /* only when it is not full */
void close_input(void);				   /* when all of it is written */
void set_window_size(uint16_t rows, uint16_t columns);
unsigned int poll_input(struct pollfd *polls);
void step_input(const struct pollfd *polls, unsigned int count);

/* iomux-clients.c: who is attached */
#define MAX_CLIENTS 64u
void open_clients(uint32_t offered);
bool is_wanted(uint32_t want);
void send_output(uint32_t want, const char *bytes, size_t length);
void send_end(uint32_t want);
unsigned int poll_clients(struct pollfd *polls);
void step_clients(const struct pollfd *polls, unsigned int count);

static inline uint32_t want_of(enum stream_name stream)
{
	return 1u << (unsigned int)stream;
}

static inline unsigned int events_of(int fd, const struct pollfd *polls, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (polls[i].fd == fd)
			return (unsigned int)(unsigned short)polls[i].revents;
	return 0;
}

#endif
