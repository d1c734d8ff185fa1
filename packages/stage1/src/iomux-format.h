/* SPDX-License-Identifier: Apache-2.0 */
/* From the bytes of a stream to the records of a log. Pure: no system calls. */
#ifndef RKT_IOMUX_FORMAT_H
#define RKT_IOMUX_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum format { FORMAT_CRI, FORMAT_JSON, FORMAT_TEXT };

/* What a line may have before it is cut into several records, without its end. */
#define MAX_LINE 16384u

/* A byte becomes six bytes of JSON at most; the rest is what stands around a line. */
#define MAX_RECORD (6 * MAX_LINE + 128)

/* 2006-01-02T15:04:05.999999999Z and a NUL. */
#define TIME_BYTES 31

struct piece {
	const char *text;
	size_t length;
	bool is_full; /* the line ends here */
};

/*
 * Cuts the first line, or as much of a longer one as a record takes; of what ends without a line
 * feed nothing until it is the end of the stream. Returns how many bytes have been used, 0 for
 * none.
 */
size_t cut_piece(const char *text, size_t length, bool is_end, struct piece *piece);

/* The record of a piece; returns its length, at most MAX_RECORD. */
size_t print_record(char *to, enum format format, const char *time, const char *stream,
		    const struct piece *piece);

/* RFC 3339 in UTC, for times from 1970 to 9999. */
void print_time(char to[TIME_BYTES], uint64_t seconds, uint32_t nanoseconds);

#endif
