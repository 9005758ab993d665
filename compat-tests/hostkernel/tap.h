/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tap.h - the output of the oracle tests, which have a main() each */
#ifndef HOSTKERNEL_TAP_H
#define HOSTKERNEL_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_count, tap_failed;

/* One check among the many of a test: told only if it fails. */
static inline bool tap_same(int *differences, bool same)
{
	if (!same)
		++*differences;
	/* The first few tell what is wrong; thousands don't tell more. */
	return same || *differences > 10;
}

/* The end of a test. */
static inline void tap_end(const char *name, int differences)
{
	printf("%sok %d %s\n", differences ? "not " : "", ++tap_count, name);
	tap_failed |= !!differences;
}

/* A number below @n; the sequence is the same in every run. */
static inline unsigned int tap_random(unsigned long long *state, unsigned int n)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned int)(*state >> 33) % n;
}

/* A comment with a text in it that may hold anything. */
static inline void tap_text(const char *before, const char *s, size_t n)
{
	printf("# %s\"", before);
	while (n--) {
		unsigned char c = *s++;

		if (c >= ' ' && c < 0x7f && c != '"' && c != '\\')
			putchar(c);
		else
			printf("\\x%02x", c);
	}
	printf("\"\n");
}

#endif
