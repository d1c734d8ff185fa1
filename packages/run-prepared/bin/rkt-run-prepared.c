/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a prepared pod: finds its directory and executes its plan, in this process. */
#include "memory.h"
#include "output.h"
#include "run.h"
#include "start.h"
#include "syscall.h"

#define NAME "rkt-run-prepared"
#define UUID_LENGTH 36u
/* With `/pods/prepared/UUID/plan` it fits into one output. */
#define DIR_LENGTH_MAX (MAX_OUTPUT - 96)
#define HELP "../lib/rkt/help/" NAME

struct words {
	const char *dir;
	const char *uuid; /* its beginning */
	bool traces;
};

/* One prepared pod, or how many others begin so. */
struct found {
	char name[UUID_LENGTH + 1];
	unsigned int count;
};

_Noreturn static void refuse(enum status status, const char *before, const char *word,
			     const char *after)
{
	struct output line = {.length = 0};
	put(&line, NAME ": ");
	put(&line, before);
	if (word != NULL) {
		put(&line, "\"");
		put_words(&line, word, 1, 300);
		put(&line, "\"");
	}
	put(&line, after);
	put(&line, "\n");
	flush(&line, 2);
	exit_now((int)status);
}

/* The texts are files of the installation, beside this program's directory. */
_Noreturn static void print_text(const char *suffix)
{
	struct output path = {.length = 0};
	char text[4096];
	long length = CALL(readlinkat, AT_FDCWD, "/proc/self/exe", path.text, 512);
	while (length > 0 && path.text[length - 1] != '/')
		length--;
	path.length = length < 0 ? 0 : (size_t)length;
	put(&path, HELP);
	put(&path, suffix);
	path.text[path.length] = '\0';
	long fd = CALL(openat, AT_FDCWD, path.text, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		refuse(STATUS_MISSING, "cannot read ", path.text, ": no such file");
	while ((length = CALL(read, fd, text, sizeof(text))) > 0)
		CALL(write, 1, text, length);
	exit_now(0);
}

static void take_option(struct words *words, char **word)
{
	if (has_prefix(*word, "--dir="))
		words->dir = *word + strlen("--dir=");
	else if (is_same(*word, "--trace"))
		words->traces = true;
	else if (is_same(*word, "-h") || is_same(*word, "--help"))
		print_text("");
	else if (is_same(*word, "--version"))
		print_text(".version");
	else if (!is_same(*word, "--debug"))
		refuse(STATUS_USAGE, "unknown option ", *word, ": try --help");
}

static struct words parse_words(char **word)
{
	struct words words = {.dir = NULL};
	for (; *word != NULL; word++) {
		if (is_same(*word, "--dir")) {
			if (*++word == NULL)
				refuse(STATUS_USAGE, "option --dir needs a value: DIR", NULL, "");
			words.dir = *word;
		} else if ((*word)[0] == '-') {
			take_option(&words, word);
		} else if (words.uuid != NULL) {
			refuse(STATUS_USAGE, "one pod at a time: ", *word, " is one too many");
		} else {
			words.uuid = *word;
		}
	}
	return words;
}

/* Checks the beginning of a UUID, and makes its letters small. */
static void normalise(const char *uuid, char to[UUID_LENGTH + 1])
{
	size_t length = 0;
	if (uuid == NULL)
		refuse(STATUS_USAGE, "a pod is required: wanted its UUID", NULL, "");
	if (*uuid == '\0')
		refuse(STATUS_USAGE, "cannot find pod: the UUID is empty", NULL, "");
	for (const char *at = uuid; *at != '\0'; at++) {
		char letter = *at >= 'A' && *at <= 'F' ? (char)(*at + 'a' - 'A') : *at;
		bool is_part = (letter >= '0' && letter <= '9') ||
			       (letter >= 'a' && letter <= 'f') || letter == '-';
		if (!is_part || length == UUID_LENGTH)
			refuse(STATUS_USAGE, "cannot find pod ", uuid,
			       ": not the beginning of a UUID");
		to[length++] = letter;
	}
	to[length] = '\0';
}

static void note_entry(struct found *found, const char *name, const char *uuid)
{
	if (strlen(name) != UUID_LENGTH || !has_prefix(name, uuid))
		return;
	memcpy(found->name, name, UUID_LENGTH + 1);
	found->count++;
}

/* The pods of a phase whose UUIDs begin so; none if there is no such phase. */
static struct found find(int pods, const char *phase, const char *uuid)
{
	_Alignas(8) char entries[8192];
	struct found found = {.count = 0};
	long length;
	int fd = CHECKED(openat, pods, phase, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return found;
	while ((length = CALL(getdents64, fd, entries, sizeof(entries))) > 0) {
		for (long at = 0; at < length;) {
			const struct directory_entry *entry = (const void *)(entries + at);
			note_entry(&found, entry->name, uuid);
			at += entry->length;
		}
	}
	CALL(close, fd);
	return found;
}

_Noreturn static void refuse_missing(int pods, const struct words *words, const char *uuid)
{
	static const char *const phases[] = {"embryo", "prepare", "run", "exited-garbage",
					     "garbage"};
	for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
		struct output why = {.length = 0};
		if (find(pods, phases[i], uuid).count == 0)
			continue;
		put(&why, ": it is not prepared but in phase ");
		put(&why, phases[i]);
		why.text[why.length] = '\0';
		refuse(STATUS_MISSING, "cannot run pod ", words->uuid, why.text);
	}
	refuse(STATUS_MISSING, "cannot find pod ", words->uuid, ": no such prepared pod");
}

static const char *variable(char **environment, const char *name)
{
	for (; *environment != NULL; environment++)
		if (has_prefix(*environment, name) && (*environment)[strlen(name)] == '=')
			return *environment + strlen(name) + 1;
	return "";
}

/* Where rkt keeps its data: root in /var/lib, everybody else at home. */
static void put_directory(struct output *path, const struct words *words, char **environment)
{
	const char *data = variable(environment, "XDG_DATA_HOME");
	const char *home = variable(environment, "HOME");
	const char *dir = words->dir;
	if (dir == NULL && CALL(geteuid, 0) == 0)
		dir = "/var/lib/rkt";
	if (dir == NULL && *data == '\0' && *home == '\0')
		refuse(STATUS_CONFIGURATION, "cannot find the data directory", NULL,
		       ": HOME is not set: use --dir");
	if (strlen(dir != NULL ? dir : *data != '\0' ? data : home) > DIR_LENGTH_MAX)
		refuse(STATUS_USAGE, "cannot run pod ", words->uuid,
		       ": the path of the data directory is too long");
	put(path, dir != NULL ? dir : *data != '\0' ? data : home);
	if (dir == NULL)
		put(path, *data != '\0' ? "/rkt" : "/.local/share/rkt");
}

static int open_pods(const struct words *words, char **environment, struct output *path)
{
	put_directory(path, words, environment);
	put(path, "/pods/");
	path->text[path->length] = '\0';
	int pods = CHECKED(openat, AT_FDCWD, path->text, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (pods == -EACCES || (pods >= 0 && CALL(faccessat, pods, "prepared", X_OK) == -EACCES))
		refuse(STATUS_REFUSED, "cannot run pod ", words->uuid, ": not root: wanted sudo");
	if (pods < 0)
		refuse(STATUS_MISSING, "cannot find pod ", words->uuid, ": no such prepared pod");
	return pods;
}

int main(int count, char **arguments)
{
	static struct output path;
	char uuid[UUID_LENGTH + 1];
	forget_caller();
	struct words words = parse_words(arguments + (count > 0));
	normalise(words.uuid, uuid);
	int pods = open_pods(&words, arguments + count + 1, &path);
	struct found found = find(pods, "prepared", uuid);
	if (found.count == 0)
		refuse_missing(pods, &words, uuid);
	if (found.count > 1)
		refuse(STATUS_USAGE, "cannot find pod ", words.uuid,
		       ": several prepared pods begin so");
	put(&path, "prepared/");
	put(&path, found.name);
	put(&path, "/plan");
	path.text[path.length] = '\0';
	run_plan(path.text, words.traces);
}
