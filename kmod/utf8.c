// SPDX-License-Identifier: GPL-2.0-only
/*
 * utf8.c - whether bytes are UTF-8 that D-Bus allows
 *
 * The well-formed sequences are those of table 3-7 of the Unicode standard.
 * NUL is not allowed; noncharacters are (Unicode's corrigendum 9, spec 0.21).
 */
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/types.h>

#include "names.h"

/*
 * How a sequence begins, and what its second byte may be.  The bounds on that
 * byte exclude overlong forms, surrogates and what is above U+10FFFF; further
 * bytes are 0x80 to 0xbf.
 */
static const struct {
	u8 first, last;
	u8 low, high;
	u8 len;
} sequences[] = {
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 },
	{ 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

/* Length of the valid sequence that begins at @s, or 0; @s[0] isn't ASCII. */
static unsigned int sequence_len(const u8 *s, size_t n)
{
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(sequences); i++) {
		if (s[0] < sequences[i].first || s[0] > sequences[i].last)
			continue;
		if (n < sequences[i].len)
			return 0;
		if (s[1] < sequences[i].low || s[1] > sequences[i].high)
			return 0;
		for (k = 2; k < sequences[i].len; k++)
			if ((s[k] & 0xc0) != 0x80)
				return 0;
		return sequences[i].len;
	}
	return 0;
}

/* Whether none of the 8 bytes of @w is 0 or above 0x7f. */
static bool plain(u64 w)
{
	return !((w | (w - 0x0101010101010101ULL)) & 0x8080808080808080ULL);
}

bool dg_utf8_valid(const char *str, size_t n)
{
	const u8 *s = (const u8 *)str;

	while (n) {
		unsigned int len;
		u64 w;

		if (n >= sizeof(w)) {
			memcpy(&w, s, sizeof(w));
			if (plain(w)) {
				s += sizeof(w);
				n -= sizeof(w);
				continue;
			}
		}
		if (s[0] == 0)
			return false;
		len = s[0] < 0x80 ? 1 : sequence_len(s, n);
		if (!len)
			return false;
		s += len;
		n -= len;
	}
	return true;
}
