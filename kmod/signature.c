// SPDX-License-Identifier: GPL-2.0-only
/*
 * signature.c - type signatures: check them, step through them
 */
#include <linux/string.h>

#include "signature.h"

/*
 * What the specification's table of types says of each: size of all its values
 * (0: they differ), alignment (0: no such type), and whether it is basic.
 */
static const struct {
	u8 size, align;
	bool basic;
} types[256] = {
	['y'] = { 1, 1, true },
	['b'] = { 4, 4, true },
	['n'] = { 2, 2, true },
	['q'] = { 2, 2, true },
	['i'] = { 4, 4, true },
	['u'] = { 4, 4, true },
	['x'] = { 8, 8, true },
	['t'] = { 8, 8, true },
	['d'] = { 8, 8, true },
	['h'] = { 4, 4, true },
	['s'] = { 0, 4, true },
	['o'] = { 0, 4, true },
	['g'] = { 0, 1, true },
	['a'] = { 0, 4, false },
	['v'] = { 0, 1, false },
	['('] = { 0, 8, false },
	['{'] = { 0, 8, false },
};

bool dg_type_is_basic(char type)
{
	return types[(u8)type].basic;
}

unsigned int dg_type_fixed_size(char type)
{
	return types[(u8)type].size;
}

unsigned int dg_type_alignment(char type)
{
	return types[(u8)type].align;
}

/**
 * signature_types() - check a signature
 * @s: the signature
 * @n: its length
 *
 * Structs and dict entries that are open are kept in @open.  What is bounded
 * by DG_SIGNATURE_DEPTH_MAX is what libdbus was seen to bound: arrays of
 * arrays, structs around a type, and dict entries around a type, each for
 * itself.
 *
 * Return: how many single complete types it has, or -1 if it is not valid.
 */
static int signature_types(const char *s, size_t n)
{
	struct {
		char kind;
		u8 fields;
	} open[2 * DG_SIGNATURE_DEPTH_MAX];
	unsigned int depth = 0, structs = 0, dicts = 0, arrays = 0;
	int complete = 0;
	size_t i;

	if (n > DG_SIGNATURE_MAX)
		return -1;
	for (i = 0; i < n; i++) {
		char c = s[i];
		bool in_dict = depth && open[depth - 1].kind == '{';

		/* The key of a dict entry. */
		if (in_dict && !open[depth - 1].fields && !dg_type_is_basic(c))
			return -1;

		switch (c) {
		case 'a':
			if (++arrays > DG_SIGNATURE_DEPTH_MAX)
				return -1;
			continue;
		case '(':
		case '{':
			if (c == '(' && ++structs > DG_SIGNATURE_DEPTH_MAX)
				return -1;
			if (c == '{' &&
			    (!arrays || ++dicts > DG_SIGNATURE_DEPTH_MAX))
				return -1;
			open[depth].kind = c;
			open[depth].fields = 0;
			depth++;
			arrays = 0;
			continue;
		case ')':
			if (!depth || arrays || open[depth - 1].kind != '(' ||
			    open[depth - 1].fields == 0)
				return -1;
			structs--;
			depth--;
			break;
		case '}':
			if (!in_dict || arrays || open[depth - 1].fields != 2)
				return -1;
			dicts--;
			depth--;
			break;
		default:
			if (c != 'v' && !dg_type_is_basic(c))
				return -1;
			break;
		}
		/* A type is complete, and so are the arrays of it. */
		arrays = 0;
		if (depth)
			open[depth - 1].fields++;
		else
			complete++;
	}
	return depth || arrays ? -1 : complete;
}

bool dg_signature_valid(const char *s, size_t n)
{
	return signature_types(s, n) >= 0;
}

bool dg_signature_valid_single(const char *s, size_t n)
{
	return signature_types(s, n) == 1;
}

const char *dg_signature_skip(const char *sig)
{
	unsigned int depth = 0;

	for (;; sig++) {
		switch (*sig) {
		case 'a':
			continue;
		case '(':
		case '{':
			depth++;
			continue;
		case ')':
		case '}':
			depth--;
			break;
		default:
			break;
		}
		if (!depth)
			return sig + 1;
	}
}
