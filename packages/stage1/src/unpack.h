/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unpack: makes the files that a tree stream on standard input describes, below its working
 * directory.
 *
 * The stream is defined in packages/layers/src/tree-stream.ts.
 * It comes from a process without privileges that has read what strangers wrote: nothing in it is
 * trusted.
 */
#ifndef RKT_UNPACK_H
#define RKT_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/time_types.h>

#define PATH_BYTES 4096 /* with the NUL */
#define COMPONENT_BYTES 255
#define DEPTH 256

/* The kernel's header gives these only to programs without a C library. */
#ifndef S_IFMT
#define S_IFMT 0170000
#define S_IFDIR 0040000
#define S_IFREG 0100000
#define S_IFIFO 0010000
#endif

#define OMIT_TIME ((1L << 30) - 2) /* UTIME_OMIT */

enum { STATUS_USAGE = 64, STATUS_REFUSED = 65, STATUS_SYSTEM = 71 };

/* A word of a line; its bytes are decoded and end in NUL, which is none of them. */
struct word {
	const char *text;
	size_t length;
};

#define STREAM_WORDS 8

struct line {
	struct word words[STREAM_WORDS];
	unsigned int count;
};

/* Owner, permissions and time of an entry. */
struct attributes {
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	int64_t seconds;
	uint32_t nanoseconds;
};

/* unpack-input.c: the stream */
bool read_line(struct line *line); /* false at the end of the stream */
void read_data(int fd, uint64_t offset, uint64_t length);
uint64_t number_of(const struct word *word, uint64_t most);
uint32_t mode_of(const struct word *word);
size_t bytes_of_hex(struct word *word, unsigned char **bytes); /* in place */

void expect(const struct line *line, unsigned int words); /* refuses any other number */

/* unpack-made.c: which paths this stream has made */
#define HASH_OF_ROOT UINT64_C(0xcbf29ce484222325)
uint64_t hash_more(uint64_t hash, const char *bytes, size_t length);
uint64_t hash_child(uint64_t parent, const char *name, size_t length);
void made_add(uint64_t hash);
bool made_has(uint64_t hash);

/* unpack-content.c: the file or directory that data and extended attributes belong to */
void content_begin(int fd, const char *path, const struct attributes *attributes);
void content_size(uint64_t size); /* it is a file of this size */
void content_data(const struct line *line);
void content_xattr(struct line *line);
void content_end(void); /* sets its attributes and closes it */
void times_for(const struct attributes *attributes, struct __kernel_timespec times[2]);

/* unpack-place.c: directories of the tree */
struct place {
	int directory; /* that the path lies in; closed by nobody but place.c */
	char name[COMPONENT_BYTES + 1];
	uint64_t hash;
};
void place_init(void);
void place_open(struct place *place, const char *path); /* makes missing parents */
bool place_find(struct place *place,
		const char *path);  /* false if a parent is missing or no directory */
void place_leave(void);		    /* gives the parent its time back */
int directory_at(const char *path); /* opens the directory, made where missing */
int directory_below(int directory, const char *name); /* negative errno where it is none */

/* unpack-remove.c: removing */
void remove_at(int directory, const char *name);
void remove_others(int directory, uint64_t hash); /* what this stream has not made */

/* unpack-print.c: files of the finished tree, named as arguments, on standard output */
void print_xattrs(void);
void print_file(const char *path);

/* unpack-report.c: the end */
_Noreturn void refuse(const char *what);
_Noreturn void fail(const char *verb, long error);
void check(long result, const char *verb); /* fails for an error */
void check_owner(long result, const struct attributes *attributes);
void report_path(const char *path); /* which path the messages are about */

#endif
