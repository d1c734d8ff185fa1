/* SPDX-License-Identifier: Apache-2.0 */
#include "iomux.h"
#include "memory.h"
#include "syscall.h"
#include "words.h"

#define DEFAULT_SIZE (10u * 1024 * 1024)
#define DEFAULT_FILES 5u
#define MAX_FILES 1000u
#define MAX_FD 1023u

/* Small enough a log would be all rotation. */
#define MIN_SIZE 4096u

/* What stands behind NAME= in the argument, NULL if it is another one. */
static const char *value_of(const char *argument, const char *name)
{
	size_t length = strlen(name);
	return has_prefix(argument, name) && argument[length] == '=' ? argument + length + 1 : NULL;
}

static uint64_t number_of(const char *text, const char *argument, uint64_t most)
{
	uint64_t number;
	if (!parse_decimal(text, strlen(text), most, &number))
		refuse_usage("wanted a number", argument);
	return number;
}

static bool is_type(int fd, unsigned int type)
{
	struct statx status = {0};
	return CALL(statx, fd, "", AT_EMPTY_PATH, STATX_TYPE, &status) == 0 &&
	       S_ISTYPE(status.stx_mode, type);
}

static int descriptor_of(const char *text, size_t length, const char *argument)
{
	uint64_t fd;
	if (!parse_decimal(text, length, MAX_FD, &fd))
		refuse_usage("wanted the number of a descriptor", argument);
	if (CALL(fcntl, fd, F_SETFD, FD_CLOEXEC) < 0)
		refuse_usage("no such descriptor", argument);
	return (int)fd;
}

/* Only what others cannot take away can be looked at before it is taken: so the journal wants a
 * pipe. */
static void check_kind(enum stream_name stream, int fd, const char *argument)
{
	unsigned int number = 0;
	if (stream == STREAM_TTY && CALL(ioctl, fd, TIOCGPTN, &number) < 0)
		refuse_usage("wanted the master of a pseudoterminal", argument);
	if (stream != STREAM_TTY && !is_type(fd, S_IFIFO))
		refuse_usage("wanted a pipe", argument);
}

/* FD[:log|:stream|:both] */
static void parse_stream(struct options *options, enum stream_name stream, const char *text,
			 const char *argument)
{
	size_t length = 0;
	while (text[length] != '\0' && text[length] != ':')
		length++;
	const char *mode = text[length] == ':' ? text + length + 1 : "both";
	bool is_both = is_same(mode, "both");
	options->fds[stream] = descriptor_of(text, length, argument);
	check_kind(stream, options->fds[stream], argument);
	options->is_logged[stream] = is_both || is_same(mode, "log");
	options->is_attachable[stream] = is_both || is_same(mode, "stream");
	if (!options->is_logged[stream] && !options->is_attachable[stream])
		refuse_usage("wanted log, stream or both behind the colon", argument);
}

static void parse_format(struct options *options, const char *text, const char *argument)
{
	static const char *const names[] = {
		[FORMAT_CRI] = "cri", [FORMAT_JSON] = "json", [FORMAT_TEXT] = "text"};
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!is_same(text, names[i]))
			continue;
		options->format = (enum format)i;
		return;
	}
	refuse_usage("wanted cri, json or text", argument);
}

static void parse_stdin(struct options *options, const char *text, const char *argument)
{
	options->stdin_fd = descriptor_of(text, strlen(text), argument);
	if (!is_type(options->stdin_fd, S_IFIFO))
		refuse_usage("wanted a pipe", argument);
}

static bool parse_output(struct options *options, const char *argument)
{
	static const char *const streams[] = {
		[STREAM_STDOUT] = "--stdout", [STREAM_STDERR] = "--stderr", [STREAM_TTY] = "--tty"};
	for (unsigned int i = 0; i < STREAM_COUNT; i++) {
		const char *value = value_of(argument, streams[i]);
		if (value == NULL)
			continue;
		parse_stream(options, (enum stream_name)i, value, argument);
		return true;
	}
	return false;
}

static void parse_option(struct options *options, const char *argument)
{
	const char *value = NULL;
	if (parse_output(options, argument))
		return;
	if ((value = value_of(argument, "--stdin")) != NULL)
		parse_stdin(options, value, argument);
	else if ((value = value_of(argument, "--format")) != NULL)
		parse_format(options, value, argument);
	else if ((value = value_of(argument, "--log")) != NULL && *value != '\0')
		options->log = value;
	else if ((value = value_of(argument, "--max-size")) != NULL)
		options->max_size = number_of(value, argument, INT64_MAX);
	else if ((value = value_of(argument, "--max-files")) != NULL)
		options->max_files = number_of(value, argument, MAX_FILES);
	else
		refuse_usage("no such option: see rkt-iomux(8)", argument);
}

static void check_options(struct options *options)
{
	bool has_stream = false;
	for (unsigned int i = 0; i < STREAM_COUNT; i++) {
		has_stream = has_stream || options->fds[i] >= 0;
		options->is_logged[i] = options->is_logged[i] && options->log != NULL;
		if (options->fds[i] >= 0 && !options->is_logged[i] && !options->is_attachable[i])
			refuse_usage("wanted --log with it", "log");
	}
	if (!has_stream)
		refuse_usage("wanted --stdout, --stderr or --tty with it", options->directory);
	if (options->fds[STREAM_TTY] >= 0 &&
	    (options->fds[STREAM_STDOUT] >= 0 || options->fds[STREAM_STDERR] >= 0 ||
	     options->stdin_fd >= 0))
		refuse_usage("wanted no other stream with it", "--tty");
	if (options->max_files == 0)
		refuse_usage("wanted at least one file", "--max-files=0");
	if (options->max_size > 0 && options->max_size < MIN_SIZE)
		refuse_usage("wanted at least 4096 bytes, or 0 for no bound", "--max-size");
}

void parse_options(int count, char **arguments, struct options *options)
{
	*options = (struct options){
		.fds = {-1, -1, -1},
		.stdin_fd = -1,
		.max_size = DEFAULT_SIZE,
		.max_files = DEFAULT_FILES,
	};
	int i = 1;
	while (i < count && arguments[i][0] == '-')
		parse_option(options, arguments[i++]);
	if (i + 1 != count || arguments[i][0] == '\0')
		refuse_usage("wanted options and one directory", i < count ? arguments[i] : "");
	options->directory = arguments[i];
	check_options(options);
}
