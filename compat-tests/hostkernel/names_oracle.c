// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * names_oracle.c - names.c, utf8.c and signature.c against libdbus
 *
 * Every string of up to five characters of a small alphabet, in which there is
 * one character of each kind that the grammar tells apart, and random ones.
 */
#include <linux/types.h>

#include "libdbus.h"
#include "names.h"
#include "signature.h"
#include "tap.h"

static const struct {
	const char *name;
	bool (*valid)(const char *s, size_t n);
	const char *alphabet;
} grammars[ORACLE_GRAMMARS] = {
	[ORACLE_PATH] = { "path", dg_path_valid, "/aZ_0-. \xc3" },
	[ORACLE_INTERFACE] = { "interface", dg_interface_valid, ".aZ_0-:/\xc3" },
	[ORACLE_MEMBER] = { "member", dg_member_valid, ".aZ_0-:/\xc3" },
	[ORACLE_ERROR_NAME] = { "error name", dg_error_name_valid,
				".aZ_0-:/\xc3" },
	[ORACLE_BUS_NAME] = { "bus name", dg_bus_name_valid, ".aZ_0-:/\xc3" },
	[ORACLE_UTF8] = { "utf8", dg_utf8_valid,
			  "a\x80\x8f\x90\x9f\xa0\xbf\xc1\xc2\xe0\xe1\xed\xef\xf0\xf1\xf4\xf5\xff" },
	[ORACLE_SIGNATURE] = { "signature", dg_signature_valid, "a(){}siv-" },
	[ORACLE_SIGNATURE_SINGLE] = { "single complete type",
				      dg_signature_valid_single, "a(){}siv-" },
};

static int differences, valid;

static void check(int grammar, const char *s, size_t n)
{
	bool ours = grammars[grammar].valid(s, n);
	bool theirs = oracle_valid(grammar, s);

	valid += theirs;
	if (!tap_same(&differences, ours == theirs))
		tap_text(ours ? "only we accept " : "we refuse ", s, n);
}

static void all_strings(int grammar, size_t max)
{
	const char *alphabet = grammars[grammar].alphabet;
	unsigned int at[8] = { 0 };
	char s[9];
	size_t n, i;

	for (n = 0; n <= max; n++) {
		s[n] = 0;
		for (;;) {
			for (i = 0; i < n; i++)
				s[i] = alphabet[at[i]];
			check(grammar, s, n);
			for (i = 0; i < n && !alphabet[++at[i]]; i++)
				at[i] = 0;
			if (i == n)
				break;
		}
	}
}

/* Longer ones, around the limits of length and depth. */
static void random_strings(int grammar)
{
	static const char *const parts[] = {
		"a", "aa", "a.b", "/a", "(", ")", "a{s", "}", "i", ":1", "v",
		"a(i)", "aaaaaaaa", "((((((((", "))))))))", ".a", "\xc3\xa9",
		"/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};
	unsigned long long state = grammar;
	unsigned int i, k, n;
	char s[1024];

	for (i = 0; i < 20000; i++) {
		const char *often = parts[tap_random(&state, 20)];

		s[0] = 0;
		for (k = tap_random(&state, 8); k--;)
			strcat(s, tap_random(&state, 2) ?
			       often : parts[tap_random(&state, 20)]);
		n = strlen(s);
		check(grammar, s, n);
	}
}

/* Openings and closings that fit each other, of every depth. */
static void nested_signatures(int grammar)
{
	static const char *const open[] = { "a", "(", "a(", "a{s", "a{s(" };
	static const char *const close[] = { "", ")", ")", "}", ")}" };
	unsigned int outer, inner, i, k, n;
	char s[1024];

	for (outer = 0; outer < 5; outer++)
		for (inner = 0; inner < 5; inner++)
			for (i = 0; i < 40; i++)
				for (k = 0; k < 40; k += 3) {
					s[0] = 0;
					for (n = 0; n < i; n++)
						strcat(s, open[outer]);
					for (n = 0; n < k; n++)
						strcat(s, open[inner]);
					strcat(s, "i");
					for (n = 0; n < k; n++)
						strcat(s, close[inner]);
					for (n = 0; n < i; n++)
						strcat(s, close[outer]);
					check(grammar, s, strlen(s));
				}
}

int main(void)
{
	int g;

	printf("1..%d\n", ORACLE_GRAMMARS);
	for (g = 0; g < ORACLE_GRAMMARS; g++) {
		differences = 0;
		valid = 0;
		all_strings(g, g == ORACLE_UTF8 ? 4 : 5);
		random_strings(g);
		if (g >= ORACLE_SIGNATURE)
			nested_signatures(g);
		/* To refuse everything is no way to agree. */
		tap_same(&differences, valid > 100);
		tap_end(grammars[g].name, differences);
	}
	return tap_failed;
}
