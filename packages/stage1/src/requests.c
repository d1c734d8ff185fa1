/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is asked of the supervisor of a running pod: a file `apps/NAME/request`, and a byte in the
 * fifo that wakes it.
 *
 * Taking a request is a rename, so one that comes meanwhile is not lost. Both files belong to the
 * pod's owner; nothing of what an app can write is read.
 */
#include "descriptors.h"
#include "memory.h"
#include "pod.h"
#include "report.h"
#include "syscall.h"
#include "words.h"

#define MAX_NAME 200u
#define MAX_REQUEST 32u

struct place {
	int directory; /* apps/NAME */
	char prefix[MAX_APP_PLAN];
	size_t length; /* of the prefix */
};

static bool is_app_name(const char *name)
{
	size_t length = strlen(name);
	for (const char *at = name; *at != '\0'; at++)
		if ((*at < 'a' || *at > 'z') && (*at < '0' || *at > '9') && *at != '-')
			return false;
	return length > 0 && length <= MAX_NAME;
}

static void append(struct place *place, const char *text)
{
	memcpy(place->prefix + place->length, text, strlen(text) + 1);
	place->length += strlen(text);
}

static struct app *find_app(struct pod *pod, const struct place *place)
{
	for (unsigned int i = 0; i < pod->app_count; i++)
		if (has_prefix(pod->apps[i].plan, place->prefix))
			return &pod->apps[i];
	return NULL;
}

static struct app *new_app(struct pod *pod, struct place *place)
{
	size_t length = place->length;
	append(place, "start");
	struct app *app = add_app(pod, place->prefix);
	place->prefix[place->length = length] = '\0';
	if (app == NULL)
		return NULL;
	app->is_added = true;
	return app;
}

static void start(struct state *state, struct place *place, struct app *app)
{
	if (app == NULL)
		app = new_app(state->pod, place);
	if (app == NULL) {
		mention("start", place->prefix, E2BIG);
		return;
	}
	/* The app may have been removed and added again since. */
	if (app->is_added && app->pid == 0)
		open_status(state, app);
	start_added(state, app);
}

/* Returns the length of what was asked for, 0 if nothing was. */
static size_t take_file(const struct place *place, char text[MAX_REQUEST])
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	if (CALL(renameat2, place->directory, "request", place->directory, ".request", 0) < 0)
		return 0;
	long fd = CALL(openat, place->directory, ".request", flags);
	long length = fd < 0 ? fd : CALL(read, fd, text, MAX_REQUEST);
	close_fd((int)fd);
	CALL(unlinkat, place->directory, ".request", 0);
	return length <= 0 ? 0 : (size_t)length - (text[length - 1] == '\n');
}

static void obey(struct state *state, struct place *place, const char *text, size_t length)
{
	static const char started[] = "start";
	static const char stop[] = "stop ";
	uint64_t patience_ms;
	struct app *app = find_app(state->pod, place);
	if (length == sizeof(started) - 1 && memcmp(text, started, length) == 0) {
		start(state, place, app);
		return;
	}
	if (length <= sizeof(stop) - 1 || memcmp(text, stop, sizeof(stop) - 1) != 0)
		return;
	text += sizeof(stop) - 1;
	length -= sizeof(stop) - 1;
	if (app != NULL && parse_decimal(text, length, UINT32_MAX, &patience_ms))
		tell_app(app, patience_ms * 1000000u);
}

static void take_request(struct state *state, int apps, const char *name)
{
	char text[MAX_REQUEST];
	struct place place = {.length = 0};
	if (!is_app_name(name))
		return;
	append(&place, "apps/");
	append(&place, name);
	append(&place, "/");
	place.directory =
		CHECKED(openat, apps, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (place.directory < 0)
		return;
	size_t length = take_file(&place, text);
	if (length > 0)
		obey(state, &place, text, length);
	close_fd(place.directory);
}

/* Whoever removes an app removes its directory when it has ended. */
static void forget_removed(struct state *state)
{
	struct statx status;
	for (unsigned int i = 0; i < state->pod->app_count; i++) {
		struct app *app = &state->pod->apps[i];
		if (!app->is_added || app->pid > 0 || app->plan[0] == '\0' || app->start_at != 0 ||
		    is_kept(app))
			continue;
		if (CALL(statx, state->program->directory, app->plan, AT_SYMLINK_NOFOLLOW,
			 STATX_INO, &status) != -ENOENT)
			continue;
		close_fd(app->status_fd);
		app->plan[0] = '\0';
	}
}

void take_requests(struct state *state)
{
	_Alignas(8) char entries[4096];
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	long length;
	while (CALL(read, state->pod->requests_fd, entries, sizeof(entries)) > 0)
		;
	forget_removed(state);
	int apps = CHECKED(openat, state->program->directory, "apps", flags);
	if (apps < 0)
		return;
	while ((length = CALL(getdents64, apps, entries, sizeof(entries))) > 0)
		for (char *at = entries; at < entries + length;) {
			const struct directory_entry *entry = (const void *)at;
			take_request(state, apps, entry->name);
			at += entry->length;
		}
	close_fd(apps);
}
