// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * body_oracle.c - dg_body_validate() against libdbus, which is given the same
 *	bodies in messages: valid ones of random types, then with bytes changed,
 *	and containers in containers up to the limits of depth
 *
 * 'h' is left out: libdbus does not look at its value here, we do.
 */
#include <stdlib.h>

#include <linux/types.h>

#include "body.h"
#include "libdbus.h"
#include "tap.h"

static unsigned long long state = 42;
static int differences, accepted, refused;

static unsigned int below(unsigned int n)
{
	return tap_random(&state, n);
}

static void check(const char *sig, const u8 *body, u32 len)
{
	/* Memory of just this size, so that ASan sees each byte too many. */
	u8 *copy = malloc(len ? len : 1);
	bool ours, theirs;

	memcpy(copy, body, len);
	ours = !dg_body_validate(sig, copy, len, 0);
	theirs = oracle_body_valid(sig, copy, len);
	if (theirs)
		accepted++;
	else
		refused++;
	if (!tap_same(&differences, ours == theirs)) {
		printf("# %s a body of \"%s\":\n",
		       ours ? "only we accept" : "we refuse", sig);
		tap_text("", (char *)body, len);
	}
	if (ours) {
		struct dg_body_iter it;

		/* What was accepted can be read, and ends where it should. */
		dg_body_iter_init(&it, sig, copy, len);
		while (!dg_body_iter_skip(&it))
			;
		if (!tap_same(&differences, it.pos == len))
			printf("# skipping through \"%s\" ends at %u of %u\n",
			       sig, it.pos, len);
	}
	free(copy);
}

/* A random single complete type; the position after it. */
static char *random_type(char *s, unsigned int depth)
{
	static const char basic[] = "ybnqiuxtdsog";
	unsigned int n;

	switch (depth ? below(8) : 0) {
	case 1:
		*s++ = 'v';
		return s;
	case 2:
	case 3:
		*s++ = 'a';
		return random_type(s, depth - 1);
	case 4:
		*s++ = 'a';
		*s++ = '{';
		*s++ = basic[below(sizeof(basic) - 1)];
		s = random_type(s, depth - 1);
		*s++ = '}';
		return s;
	case 5:
		*s++ = '(';
		for (n = 1 + below(3); n--;)
			s = random_type(s, depth - 1);
		*s++ = ')';
		return s;
	default:
		*s++ = basic[below(sizeof(basic) - 1)];
		return s;
	}
}

static u8 body[1 << 20];
static u32 len;

static void pad(u32 alignment)
{
	while (len % alignment)
		body[len++] = 0;
}

static void put_u32(u32 value)
{
	pad(4);
	memcpy(body + len, &value, sizeof(value));
	len += sizeof(value);
}

static void put_text(const char *s, u32 n)
{
	memcpy(body + len, s, n);
	len += n;
	body[len++] = 0;
}

static void put_signature(const char *s)
{
	body[len++] = strlen(s);
	put_text(s, strlen(s));
}

/* A random value of the type at @sig; the position after the type. */
static const char *random_value(const char *sig, unsigned int depth)
{
	static const char *const strings[] = { "", "a", "abc", "\xc3\xa9xyzw",
					       "0123456789" };
	static const char *const paths[] = { "/", "/a", "/a/b_c/d0" };
	static const char *const sigs[] = { "", "s", "a{sv}", "(ii)aai" };
	const char *s, *next;
	u32 at, start, n;
	char type[256];

	switch (*sig) {
	case 'b':
		put_u32(below(2));
		return sig + 1;
	case 's':
		s = strings[below(5)];
		put_u32(strlen(s));
		put_text(s, strlen(s));
		return sig + 1;
	case 'o':
		s = paths[below(3)];
		put_u32(strlen(s));
		put_text(s, strlen(s));
		return sig + 1;
	case 'g':
		put_signature(sigs[below(4)]);
		return sig + 1;
	case 'v':
		*random_type(type, depth) = 0;
		put_signature(type);
		random_value(type, depth ? depth - 1 : 0);
		return sig + 1;
	case 'a':
		put_u32(0);
		at = len - 4;
		pad(dg_type_alignment(sig[1]));
		start = len;
		for (n = below(4); n--;)
			random_value(sig + 1, depth ? depth - 1 : 0);
		n = len - start;
		memcpy(body + at, &n, sizeof(n));
		return dg_signature_skip(sig);
	case '(':
	case '{':
		pad(8);
		for (next = sig + 1; *next != ')' && *next != '}';)
			next = random_value(next, depth ? depth - 1 : 0);
		return next + 1;
	default:
		n = dg_type_fixed_size(*sig);
		pad(n);
		while (n--)
			body[len++] = below(256);
		return sig + 1;
	}
}

static void mutate(u8 *copy, u32 *n, char *sig)
{
	static const u32 lengths[] = { 0, 1, 3, 4, 8, 1U << 26, (1U << 26) + 1,
				       1U << 31, ~0U, ~0U - 3 };
	static const char types[] = "ybnqiuxtdsogva(){}";
	u32 at;

	switch (below(8)) {
	case 0:
		if (*n)
			*n -= 1 + below(*n);
		break;
	case 1:
		copy[(*n)++] = below(3);
		break;
	case 2:
		if (*n >= 4) {
			at = below(*n / 4) * 4;
			memcpy(copy + at, &lengths[below(10)], 4);
		}
		break;
	case 3:
		if (*sig)
			sig[below(strlen(sig))] = types[below(18)];
		break;
	case 4:
		/* Variants' signatures change best so. */
		if (*n)
			copy[below(*n)] = types[below(18)];
		break;
	case 5:
		if (*n)
			copy[below(*n)] ^= 1 << below(8);
		break;
	default:
		at = *n ? below(*n) : 0;
		if (*n)
			copy[at] += below(2) ? 1 : -1;
		break;
	}
	/* Not 'h', see above. */
	for (at = 0; at < *n; at++)
		if (copy[at] == 'h')
			copy[at] = 'i';
}

static void test_random(void)
{
	static u8 copy[sizeof(body) + 16];
	char sig[512], changed[512], *end;
	unsigned int i, k, m;
	const char *s;
	u32 n;

	for (i = 0; i < 8000; i++) {
		do {
			end = sig;
			for (k = below(4); k--;)
				end = random_type(end, 4);
			*end = 0;
		} while (!dg_signature_valid(sig, end - sig));
		len = 0;
		for (s = sig; *s;)
			s = random_value(s, 3);
		n = accepted;
		check(sig, body, len);
		if (!tap_same(&differences, accepted == n + 1)) {
			printf("# libdbus refuses a body of \"%s\":\n", sig);
			tap_text("", (char *)body, len);
		}

		for (k = 0; k < 10; k++) {
			memcpy(copy, body, len);
			n = len;
			strcpy(changed, sig);
			for (m = 1 + below(2); m--;)
				mutate(copy, &n, changed);
			if (oracle_valid(ORACLE_SIGNATURE, changed))
				check(changed, copy, n);
			else
				tap_same(&differences,
					 dg_body_validate(changed, copy, n, 0));
		}
	}
	printf("# libdbus accepted %d bodies and refused %d\n", accepted,
	       refused);
	/* Both must be many, or nothing was compared. */
	tap_same(&differences, accepted > 20000 && refused > 20000);
}

/*
 * @n containers, in them that many variants, in them a byte, an array of
 * nothing, or one of a boolean; or instead of variants nothing at all.
 */
enum innermost { BYTE, EMPTY_ARRAY, BOOLEANS, NOTHING, INNERMOST };

static void nest(const char *open, const char *close, unsigned int n,
		 unsigned int variants, enum innermost innermost)
{
	char sig[512] = "";
	unsigned int i, k;
	u32 at[128], starts[128], depth = 0, size;

	if (n * (strlen(open) + strlen(close)) + 2 > DG_SIGNATURE_MAX)
		return;
	for (i = 0; i < n; i++)
		strcat(sig, open);
	strcat(sig, "v");
	for (i = 0; i < n; i++)
		strcat(sig, close);
	if (!oracle_valid(ORACLE_SIGNATURE_SINGLE, sig))
		return;

	len = 0;
	for (i = 0; i < n; i++) {
		for (k = 0; open[k]; k++) {
			if (open[k] == 'a') {
				put_u32(0);
				at[depth] = len - 4;
				pad(dg_type_alignment(sig[i * strlen(open) +
							  k + 1]));
				starts[depth++] = len;
			} else if (open[k] == 'y') {
				body[len++] = 1;
			} else {
				pad(8);
			}
		}
	}
	if (innermost != NOTHING || open[0] != 'a') {
		for (i = 0; i < variants; i++)
			put_signature("v");
		put_signature(innermost == BOOLEANS ? "ab" :
			      innermost == EMPTY_ARRAY ? "as" : "y");
		if (innermost == BOOLEANS) {
			put_u32(4);
			put_u32(1);
		} else if (innermost == EMPTY_ARRAY) {
			put_u32(0);
		} else {
			body[len++] = 1;
		}
	}
	while (depth--) {
		size = len - starts[depth];
		memcpy(body + at[depth], &size, sizeof(size));
	}
	check(sig, body, len);
}

static void test_depth(void)
{
	static const char *const open[] = { "a", "(", "a(", "a{y" };
	static const char *const close[] = { "", ")", ")", "}" };
	unsigned int kind, n, variants, i;

	for (kind = 0; kind < 4; kind++)
		for (n = 0; n <= 32; n++)
			for (variants = 0; variants < 70; variants++)
				for (i = 0; i < INNERMOST; i++)
					nest(open[kind], close[kind], n,
					     variants, i);
	printf("# libdbus accepted %d bodies and refused %d\n", accepted,
	       refused);
	tap_same(&differences, accepted > 1000 && refused > 1000);
}

int main(void)
{
	printf("1..2\n");
	test_random();
	tap_end("random bodies", differences);
	differences = accepted = refused = 0;
	test_depth();
	tap_end("depth", differences);
	return tap_failed;
}
