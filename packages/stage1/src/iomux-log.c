/* SPDX-License-Identifier: Apache-2.0 */
#include "iomux.h"
#include "memory.h"
#include "syscall.h"

/* More than this is not kept back. */
#define FLUSH_AT (32u * 1024)

#define STATE "state"

/* The file `state` in the directory: written by one call, so that a kill leaves the old or the new
 * one. */
struct record {
	char magic[8];
	uint64_t device;
	uint64_t inode;
	uint64_t size; /* of the log, up to the last record that the journals count as logged */
	struct journal_state journals[STREAM_COUNT];
};

static const char magic[8] = "iomux 1";

struct journal_state journal_states[STREAM_COUNT];

static struct record committed;
static int state_fd = -1;

static const char *log_path;
static char log_name[256];
static int log_directory = -1;
static int log_fd = -1;
static enum format log_format;
static uint64_t max_size;
static uint64_t max_files;
static uint64_t rotate_at; /* above max_size after a rotation that failed */
static bool is_mentioned;  /* that there is no room */

static char buffer[FLUSH_AT + MAX_RECORD];
static size_t used;

int open_log_directory(const char *path)
{
	char directory[PATH_MAX];
	size_t length = path == NULL ? 0 : strlen(path);
	size_t slash = length;
	if (path == NULL)
		return -1;
	while (slash > 0 && path[slash - 1] != '/')
		slash--;
	if (length - slash == 0 || length - slash > 240 || slash >= sizeof(directory))
		refuse_usage("wanted the path of a file", path);
	memcpy(log_name, path + slash, length - slash + 1);
	memcpy(directory, path, slash);
	directory[slash] = '\0';
	log_path = path;
	long fd = CALL(openat, AT_FDCWD, slash == 0 ? "." : directory,
		       O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		fail_with("open", directory, fd);
	log_directory = (int)fd;
	return log_directory;
}

/* Others may be able to put something else at that place: only a file is ever written to. */
static int open_file(struct record *found)
{
	struct statx status = {0};
	long fd =
		CALL(openat, log_directory, log_name,
		     O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		     0640);
	if (fd < 0)
		return (int)fd;
	int result = CHECKED(statx, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status);
	if (result == 0 && !S_ISTYPE(status.stx_mode, S_IFREG))
		result = -EINVAL;
	if (result < 0) {
		CALL(close, fd);
		return result;
	}
	found->device = (uint64_t)status.stx_dev_major << 32 | status.stx_dev_minor;
	found->inode = status.stx_ino;
	found->size = status.stx_size;
	return (int)fd;
}

int commit(void)
{
	struct record next = committed;
	memcpy(next.journals, journal_states, sizeof(next.journals));
	long written = CALL(pwrite64, state_fd, &next, sizeof(next), 0);
	if (written != (long)sizeof(next))
		return written < 0 ? (int)written : -ENOSPC;
	committed = next;
	return 0;
}

static void open_state(void)
{
	struct record found;
	long fd = CALL(openat, AT_FDCWD, STATE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		fail_with("open", STATE, fd);
	state_fd = (int)fd;
	long result = CALL(flock, fd, LOCK_EX | LOCK_NB);
	if (result < 0)
		fail_with("lock", STATE, result);
	result = CALL(pread64, fd, &found, sizeof(found), 0);
	if (result == (long)sizeof(found) && memcmp(found.magic, magic, sizeof(magic)) == 0)
		committed = found;
	memcpy(committed.magic, magic, sizeof(magic));
	memcpy(journal_states, committed.journals, sizeof(journal_states));
}

static void use_file(int fd, const struct record *found)
{
	if (log_fd >= 0)
		CALL(close, log_fd);
	log_fd = fd;
	committed.device = found->device;
	committed.inode = found->inode;
	committed.size = found->size;
	rotate_at = max_size;
}

void open_log(const struct options *options)
{
	struct record found = {0};
	log_format = options->format;
	max_size = options->max_size;
	max_files = options->max_files;
	open_state();
	if (log_directory < 0)
		return;
	int fd = open_file(&found);
	if (fd < 0)
		fail_with("open", log_path, fd);
	/* What was being written when we were killed comes again from the journals. */
	bool is_same_file = found.device == committed.device && found.inode == committed.inode;
	if (is_same_file && found.size > committed.size && CALL(ftruncate, fd, committed.size) == 0)
		found.size = committed.size;
	use_file(fd, &found);
	int result = commit();
	if (result < 0)
		fail_with("write", STATE, result);
}

void roll_back(void)
{
	used = 0;
	memcpy(journal_states, committed.journals, sizeof(journal_states));
	if (log_fd >= 0)
		CALL(ftruncate, log_fd, committed.size);
}

/* All or nothing. */
static int write_buffer(size_t length)
{
	for (size_t done = 0; done < length;) {
		long written = CALL(write, log_fd, buffer + done, length - done);
		if (written == 0)
			return -ENOSPC;
		if (written < 0 && written != -EINTR)
			return (int)written;
		done += written < 0 ? 0 : (size_t)written;
	}
	return 0;
}

static bool flush_bytes(size_t length)
{
	if (length == 0)
		return true;
	int result = write_buffer(length);
	uint64_t before = committed.size;
	committed.size += length;
	if (result == 0)
		result = commit();
	if (result == 0) {
		is_mentioned = false;
		return true;
	}
	committed.size = before;
	roll_back();
	if (!is_mentioned)
		mention("write", log_path, result, "waiting until it can be written");
	is_mentioned = true;
	return false;
}

bool flush_log(void)
{
	size_t length = used;
	used = 0;
	return flush_bytes(length);
}

bool log_record(enum stream_name stream, const char *time, const struct piece *piece)
{
	const char *name = stream == STREAM_STDERR ? "stderr" : "stdout";
	/* Before the record: the state counts it as logged only when this has returned. */
	if (used >= FLUSH_AT && !flush_log())
		return false;
	size_t length = print_record(buffer + used, log_format, time, name, piece);
	if (max_size == 0 || committed.size + used == 0 ||
	    committed.size + used + length <= rotate_at) {
		used += length;
		return true;
	}
	size_t before = used;
	if (!flush_log())
		return false;
	int result = rotate_log();
	if (result < 0) {
		mention("rotate", log_path, result, "it grows");
		rotate_at = committed.size + max_size;
	}
	memmove(buffer, buffer + before, length);
	used = length;
	return true;
}

int reopen_log(void)
{
	struct record found;
	if (log_directory < 0)
		return -ENOENT;
	int fd = open_file(&found);
	if (fd < 0)
		return fd;
	use_file(fd, &found);
	/* A commit that fails is made up for by the next one: nothing has been written yet. */
	commit();
	return 0;
}

/* NAME, NAME.1, NAME.2 … */
static const char *name_of(struct output *output, uint64_t number)
{
	output->length = 0;
	put(output, log_name);
	if (number > 0) {
		put(output, ".");
		put_number(output, number);
	}
	output->text[output->length] = '\0';
	return output->text;
}

static bool has_file(uint64_t number)
{
	struct output name;
	struct statx status;
	return CALL(statx, log_directory, name_of(&name, number), AT_SYMLINK_NOFOLLOW, STATX_TYPE,
		    &status) == 0;
}

static int rename_file(uint64_t from, uint64_t to)
{
	struct output old_name;
	struct output new_name;
	return CHECKED(renameat2, log_directory, name_of(&old_name, from), log_directory,
		       name_of(&new_name, to), 0);
}

/* Makes room for a new NAME.1. A number that is missing ends the row, so that a rotation that was
 * killed costs no file. */
static int shift_files(void)
{
	uint64_t last = 1;
	while (last < max_files - 1 && has_file(last))
		last++;
	for (uint64_t number = last; number > 1; number--) {
		int result = rename_file(number - 1, number);
		if (result < 0)
			return result;
	}
	return rename_file(0, 1);
}

int rotate_log(void)
{
	struct record found;
	if (log_directory < 0)
		return -ENOENT;
	int result = max_files == 1 ? CHECKED(unlinkat, log_directory, log_name, 0) : shift_files();
	if (result < 0 && result != -ENOENT)
		return result;
	int fd = open_file(&found);
	if (fd < 0) {
		if (max_files > 1)
			rename_file(1, 0);
		return fd;
	}
	use_file(fd, &found);
	commit();
	return 0;
}

void close_state(void)
{
	CALL(unlinkat, AT_FDCWD, STATE, 0);
}
