/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the app writes moves from its pipe into a journal, a file in the directory, by splice(2):
 * in one step, so that a kill finds a byte in the pipe or in the journal. From there it goes to who
 * is attached and, line by line, into the log.
 */
#include "iomux.h"
#include "memory.h"
#include "syscall.h"

/* What a pipe holds. */
#define BATCH (64u * 1024)
/* A journal that has grown so far is emptied; the beginning of a line moves to its front. */
#define JOURNAL_MAX (256u * 1024)
#define FRONT (2u * MAX_LINE)

struct stream {
	int fd; /* -1 at the end */
	int journal;
	bool is_logged;
	uint64_t size;
	size_t pending; /* bytes of a terminal that the journal could not take yet */
	char *held;
};

static const char *const journal_names[] = {
	[STREAM_STDOUT] = "stdout", [STREAM_STDERR] = "stderr", [STREAM_TTY] = "tty"};

static struct stream streams[STREAM_COUNT];
static bool is_stuck;
static bool is_mentioned;

/* Lines are cut out of this. */
static char chunk[2 * MAX_LINE];
/* A terminal gives no more at once. */
static char typed[4096];

static void hold_up(enum stream_name name, long error)
{
	is_stuck = true;
	if (!is_mentioned)
		mention("write", journal_names[name], error, "waiting until it can be written");
	is_mentioned = true;
}

static void open_journal(enum stream_name name)
{
	struct stream *stream = &streams[name];
	struct journal_state *state = &journal_states[name];
	struct statx status = {0};
	long fd = CALL(openat, AT_FDCWD, journal_names[name],
		       O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		fail_with("open", journal_names[name], fd);
	stream->journal = (int)fd;
	long result = CALL(statx, fd, "", AT_EMPTY_PATH, STATX_SIZE, &status);
	/* Without a state nothing in it was asked for, and when it was to be emptied it still is.
	 */
	if (result == 0 &&
	    (state->position == 0 || state->is_emptying || status.stx_size < FRONT)) {
		result = CALL(ftruncate, fd, FRONT);
		status.stx_size = FRONT;
	}
	if (result < 0)
		fail_with("open", journal_names[name], result);
	stream->size = status.stx_size;
	state->is_emptying = 0;
	if (state->position == 0 || state->position > stream->size)
		state->position = stream->size;
}

void open_streams(const struct options *options)
{
	bool is_any_logged = false;
	for (unsigned int i = 0; i < STREAM_COUNT; i++) {
		streams[i] = (struct stream){.fd = options->fds[i], .journal = -1, .held = typed};
		streams[i].is_logged = options->is_logged[i] && options->fds[i] >= 0;
		if (streams[i].is_logged)
			open_journal((enum stream_name)i);
		is_any_logged = is_any_logged || streams[i].is_logged;
		/* It is written to as well, and must not be waited for there. */
		if (i == STREAM_TTY && streams[i].fd >= 0)
			CALL(fcntl, streams[i].fd, F_SETFL, O_RDWR | O_NONBLOCK);
	}
	long result = commit();
	if (result < 0)
		fail_with("write", "state", result);
	/* What another one has left, who was killed. */
	if (is_any_logged)
		retry_streams();
}

bool has_open_streams(void)
{
	for (unsigned int i = 0; i < STREAM_COUNT; i++)
		if (streams[i].fd >= 0)
			return true;
	return false;
}

bool is_held_up(void)
{
	return is_stuck;
}

static void read_time(char time[TIME_BYTES])
{
	struct __kernel_timespec now = {0};
	CALL(clock_gettime, CLOCK_REALTIME, &now);
	print_time(time, (uint64_t)now.tv_sec, (uint32_t)now.tv_nsec);
}

/* Logs the lines of the chunk; returns how many bytes they have, or -1 if there is no room. */
static long log_lines(enum stream_name name, size_t length, const char *time)
{
	struct stream *stream = &streams[name];
	struct journal_state *state = &journal_states[name];
	struct piece piece;
	size_t done = 0;
	bool has_rest = stream->fd >= 0 || state->position + length < stream->size;
	for (;;) {
		size_t step = cut_piece(chunk + done, length - done, !has_rest, &piece);
		if (step == 0)
			return (long)done;
		/* That is how a terminal ends lines; of others it may be meant. */
		if (name == STREAM_TTY && piece.is_full && piece.length > 0 &&
		    piece.text[piece.length - 1] == '\r')
			piece.length--;
		if (!log_record(name, time, &piece))
			return -1;
		done += step;
		state->position += step;
	}
}

/* The end of a journal that must be there again when it is truncated. */
static long begin_emptying(enum stream_name name)
{
	struct stream *stream = &streams[name];
	struct journal_state *state = &journal_states[name];
	size_t rest = (size_t)(stream->size - state->position);
	long result = CALL(pread64, stream->journal, chunk, rest, state->position);
	if (result == (long)rest)
		result = CALL(pwrite64, stream->journal, chunk, rest, FRONT - rest);
	if (result != (long)rest)
		return result < 0 ? result : -EIO;
	state->position = FRONT - rest;
	state->is_emptying = 1;
	result = commit();
	if (result < 0)
		roll_back();
	return result;
}

static long empty_journal(enum stream_name name)
{
	struct stream *stream = &streams[name];
	struct journal_state *state = &journal_states[name];
	long result = 0;
	if (!state->is_emptying && stream->size < JOURNAL_MAX)
		return 0;
	if (!state->is_emptying)
		result = begin_emptying(name);
	if (result == 0)
		result = CALL(ftruncate, stream->journal, FRONT);
	if (result < 0)
		return result;
	stream->size = FRONT;
	state->is_emptying = 0;
	result = commit();
	/* Nothing may come into the journal while the state says that it is to be emptied. */
	if (result < 0)
		state->is_emptying = 1;
	return result;
}

static void log_stream(enum stream_name name)
{
	struct stream *stream = &streams[name];
	char time[TIME_BYTES];
	read_time(time);
	for (;;) {
		long length = CALL(pread64, stream->journal, chunk, sizeof(chunk),
				   journal_states[name].position);
		if (length < 0) {
			hold_up(name, length);
			return;
		}
		long done = log_lines(name, (size_t)length, time);
		if (done == 0)
			break;
		if (done < 0) {
			is_stuck = true;
			return;
		}
	}
	if (!flush_log()) {
		is_stuck = true;
		return;
	}
	long result = empty_journal(name);
	if (result < 0)
		hold_up(name, result);
}

static void send_journal(enum stream_name name, uint64_t from, uint64_t to)
{
	if (!is_wanted(want_of(name)))
		return;
	while (from < to) {
		size_t wanted = to - from < sizeof(chunk) ? (size_t)(to - from) : sizeof(chunk);
		long length = CALL(pread64, streams[name].journal, chunk, wanted, from);
		if (length <= 0)
			return;
		send_output(want_of(name), chunk, (size_t)length);
		from += (uint64_t)length;
	}
}

static void end_stream(enum stream_name name)
{
	streams[name].fd = -1;
	send_end(want_of(name));
	if (name == STREAM_TTY)
		close_input();
	if (streams[name].is_logged)
		log_stream(name);
}

static void take_from_pipe(enum stream_name name)
{
	struct stream *stream = &streams[name];
	int64_t offset = (int64_t)stream->size;
	long length =
		CALL(splice, stream->fd, NULL, stream->journal, &offset, BATCH, SPLICE_F_NONBLOCK);
	if (length == -EAGAIN || length == -EINTR)
		return;
	if (length < 0) {
		hold_up(name, length);
		return;
	}
	if (length == 0) {
		end_stream(name);
		return;
	}
	is_mentioned = false;
	stream->size += (uint64_t)length;
	send_journal(name, stream->size - (uint64_t)length, stream->size);
	log_stream(name);
}

/* Nothing more is read from a terminal until the journal has what was. */
static void write_held(enum stream_name name)
{
	struct stream *stream = &streams[name];
	while (stream->pending > 0) {
		long written = CALL(pwrite64, stream->journal, stream->held, stream->pending,
				    stream->size);
		if (written <= 0) {
			hold_up(name, written < 0 ? written : -ENOSPC);
			return;
		}
		stream->held += written;
		stream->pending -= (size_t)written;
		stream->size += (uint64_t)written;
		is_mentioned = false;
	}
	stream->held = typed;
	log_stream(name);
}

static void take_directly(enum stream_name name)
{
	struct stream *stream = &streams[name];
	bool is_kept = name == STREAM_TTY && stream->is_logged;
	long length = CALL(read, stream->fd, is_kept ? typed : chunk,
			   is_kept ? sizeof(typed) : sizeof(chunk));
	if (length == -EAGAIN || length == -EINTR)
		return;
	if (length <= 0) {
		end_stream(name);
		return;
	}
	send_output(want_of(name), is_kept ? typed : chunk, (size_t)length);
	if (!is_kept)
		return;
	stream->pending = (size_t)length;
	write_held(name);
}

unsigned int poll_streams(struct pollfd *polls)
{
	unsigned int count = 0;
	for (unsigned int i = 0; i < STREAM_COUNT; i++)
		if (streams[i].fd >= 0 && !(streams[i].is_logged && is_stuck))
			polls[count++] = (struct pollfd){.fd = streams[i].fd, .events = POLLIN};
	return count;
}

void step_streams(const struct pollfd *polls, unsigned int count)
{
	for (unsigned int i = 0; i < STREAM_COUNT; i++) {
		struct stream *stream = &streams[i];
		if (stream->fd < 0 || events_of(stream->fd, polls, count) == 0)
			continue;
		/* Another stream may have met a full disk since. */
		if (stream->is_logged && is_stuck)
			continue;
		if (stream->is_logged && i != STREAM_TTY)
			take_from_pipe((enum stream_name)i);
		else
			take_directly((enum stream_name)i);
	}
}

void retry_streams(void)
{
	is_stuck = false;
	for (unsigned int i = 0; i < STREAM_COUNT && !is_stuck; i++) {
		if (!streams[i].is_logged)
			continue;
		if (streams[i].pending > 0)
			write_held((enum stream_name)i);
		else
			log_stream((enum stream_name)i);
	}
}

/* They have nothing that the log does not have. */
void remove_journals(void)
{
	for (unsigned int i = 0; i < STREAM_COUNT; i++)
		if (streams[i].is_logged)
			CALL(unlinkat, AT_FDCWD, journal_names[i], 0);
}
