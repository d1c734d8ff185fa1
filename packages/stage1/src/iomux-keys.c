/* SPDX-License-Identifier: Apache-2.0 */
#include "iomux-attach.h"
#include "memory.h"

/* ctrl-a is 1, ctrl-@ is 0, and so are the others the letters without two bits. */
static bool parse_key(const char *text, size_t length, char *key)
{
	if (length == 1 && text[0] >= ' ' && text[0] <= '~') {
		*key = text[0];
		return true;
	}
	if (length != 6 || !has_prefix(text, "ctrl-"))
		return false;
	char letter = text[5];
	bool is_letter = (letter >= 'a' && letter <= 'z') || (letter >= '@' && letter <= '_');
	*key = (char)(letter & 0x1f);
	return is_letter;
}

bool parse_keys(const char *text, struct detach_keys *keys)
{
	*keys = (struct detach_keys){.count = 0};
	for (;;) {
		size_t length = 0;
		while (text[length] != '\0' && text[length] != ',')
			length++;
		if (keys->count == MAX_KEYS || !parse_key(text, length, &keys->keys[keys->count]))
			return false;
		keys->count++;
		if (text[length] == '\0')
			return true;
		text += length + 1;
	}
}

/* The keys may begin again within themselves: so the oldest is let go, and the rest looked at anew.
 */
static void let_go(struct detach_keys *keys, char *to, size_t *copied)
{
	size_t skipped = 1;
	while (skipped < keys->pressed &&
	       memcmp(keys->keys + skipped, keys->keys, keys->pressed - skipped) != 0)
		skipped++;
	memcpy(to + *copied, keys->keys, skipped);
	*copied += skipped;
	keys->pressed -= skipped;
}

bool filter_keys(struct detach_keys *keys, const char *typed, size_t length, char *to,
		 size_t *copied)
{
	*copied = 0;
	for (size_t i = 0; i < length; i++) {
		while (keys->pressed > 0 && keys->keys[keys->pressed] != typed[i])
			let_go(keys, to, copied);
		if (keys->count == 0 || keys->keys[keys->pressed] != typed[i]) {
			to[(*copied)++] = typed[i];
			continue;
		}
		keys->pressed++;
		if (keys->pressed == keys->count)
			return true;
	}
	return false;
}
