/* SPDX-License-Identifier: Apache-2.0 */
#include "unpack.h"

/*
 * A whiteout hides what layers below have, and never what its own layer brings, wherever it stands
 * in it. So every path that the stream makes or passes through is remembered, as a hash: the table
 * has a fixed size. Two paths of the same hash, by chance or by intent, can at most make an image
 * keep a file that it wanted to hide from itself. Pages of the table that no path falls into are
 * never touched.
 */
#define SLOTS (UINT64_C(1) << 22)
#define MOST (SLOTS / 4 * 3)

static uint64_t slots[SLOTS];
static uint64_t count;

/* FNV-1a: each path is its parent's hash and some more bytes. */
uint64_t hash_more(uint64_t hash, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

uint64_t hash_child(uint64_t parent, const char *name, size_t length)
{
	return hash_more(hash_more(parent, "/", 1), name, length);
}

/* Where the hash is, or the free slot where it belongs. */
static uint64_t *find(uint64_t hash)
{
	/* The low bits of FNV are its weakest. */
	uint64_t at = (hash ^ hash >> 29) % SLOTS;

	while (slots[at] && slots[at] != hash)
		at = (at + 1) % SLOTS;
	return &slots[at];
}

void made_add(uint64_t hash)
{
	uint64_t *slot = find(hash | 1);

	if (*slot)
		return;
	if (count == MOST)
		refuse("too many paths");
	count++;
	*slot = hash | 1;
}

bool made_has(uint64_t hash)
{
	return *find(hash | 1) != 0;
}
