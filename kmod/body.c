// SPDX-License-Identifier: GPL-2.0-only
/*
 * body.c - the walk through a message's body
 *
 * One walk does two jobs: it checks a body that nobody checked yet, and finds
 * the end of a value in one that was checked.  It keeps the containers that
 * are open in an array, so that no body can make it deeper than it may be.
 *
 * The worst that a sender can make it do is to step through the signature of
 * an array's elements for each empty array, some 250 steps for 8 bytes; all
 * else is linear in the body's length.
 */
#include <linux/kernel.h>
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "body.h"
#include "names.h"

/**
 * struct walk - how far a body has been walked
 * @body: the body
 * @len: its length; at most DG_BODY_MAX, so that no sum of offsets overflows
 * @pos: where the walk is; never above @len
 * @nfds: what each 'h' must be below
 * @trusted: the body was checked: find the way, check nothing
 * @depth: open containers
 * @level: for each,
 *	@level.kind: 'a', '(' (dict entries too) or 'v';
 *	@level.sig: of an array the type of its elements, of a variant what
 *	comes after it in the signature around it;
 *	@level.end: of an array, where it ends
 */
struct walk {
	const u8 *body;
	u32 len;
	u32 pos;
	u32 nfds;
	bool trusted;
	unsigned int depth;
	struct {
		const char *sig;
		u32 end;
		char kind;
	} level[DG_BODY_DEPTH_MAX];
};

static int walk_align(struct walk *w, unsigned int alignment)
{
	u32 pos = ALIGN(w->pos, alignment);

	if (pos > w->len)
		return -EINVAL;
	for (; w->pos < pos; w->pos++)
		if (w->body[w->pos])
			return -EINVAL;
	return 0;
}

static int walk_u32(struct walk *w, u32 *value)
{
	int err = walk_align(w, sizeof(*value));

	if (err)
		return err;
	if (w->len - w->pos < sizeof(*value))
		return -EINVAL;
	memcpy(value, w->body + w->pos, sizeof(*value));
	w->pos += sizeof(*value);
	return 0;
}

/* The bytes of a string whose length was read, and the NUL after them. */
static int walk_text(struct walk *w, u32 len, const char **text)
{
	if (w->len - w->pos <= len || w->body[w->pos + len])
		return -EINVAL;
	*text = (const char *)w->body + w->pos;
	w->pos += len + 1;
	return 0;
}

static int walk_string(struct walk *w, char type)
{
	const char *text;
	u32 len;
	int err;

	err = walk_u32(w, &len);
	if (!err)
		err = walk_text(w, len, &text);
	if (err || w->trusted)
		return err;
	if (type == 'o')
		return dg_path_valid(text, len) ? 0 : -EINVAL;
	return dg_utf8_valid(text, len) ? 0 : -EINVAL;
}

static int walk_signature(struct walk *w, char type, const char **sig)
{
	u32 len;
	int err;

	if (w->pos == w->len)
		return -EINVAL;
	len = w->body[w->pos++];
	err = walk_text(w, len, sig);
	if (err || w->trusted)
		return err;
	if (type == 'v')
		return dg_signature_valid_single(*sig, len) ? 0 : -EINVAL;
	return dg_signature_valid(*sig, len) ? 0 : -EINVAL;
}

static int walk_fixed(struct walk *w, char type)
{
	unsigned int size = dg_type_fixed_size(type);
	u32 value;
	int err;

	if (type == 'b' || type == 'h') {
		err = walk_u32(w, &value);
		if (err || w->trusted)
			return err;
		return value < (type == 'b' ? 2 : w->nfds) ? 0 : -EINVAL;
	}
	err = walk_align(w, size);
	if (err)
		return err;
	if (w->len - w->pos < size)
		return -EINVAL;
	w->pos += size;
	return 0;
}

static int walk_basic(struct walk *w, char type)
{
	const char *text;

	switch (type) {
	case 's':
	case 'o':
		return walk_string(w, type);
	case 'g':
		return walk_signature(w, type, &text);
	default:
		return walk_fixed(w, type);
	}
}

static int walk_open(struct walk *w, char kind, const char *sig, u32 end)
{
	if (w->depth == DG_BODY_DEPTH_MAX)
		return -EINVAL;
	w->level[w->depth].kind = kind;
	w->level[w->depth].sig = sig;
	w->level[w->depth].end = end;
	w->depth++;
	return 0;
}

/**
 * walk_array() - walk into an array, or past it
 * @w: the walk
 * @element: the type of its elements
 *
 * Return: 1 if its first element comes next, 0 if all of it has been walked,
 * or -EINVAL.
 */
static int walk_array(struct walk *w, const char *element)
{
	unsigned int size = dg_type_fixed_size(*element);
	u32 len, end;
	int err;

	err = walk_u32(w, &len);
	if (err)
		return err;
	if (len > DG_BODY_ARRAY_MAX)
		return -EINVAL;
	/* Even an array of no elements is padded for the first. */
	err = walk_align(w, dg_type_alignment(*element));
	if (err)
		return err;
	if (len > w->len - w->pos)
		return -EINVAL;
	end = w->pos + len;
	if (size) {
		if (len % size)
			return -EINVAL;
		/* Of the other types all values are valid. */
		while (!w->trusted && (*element == 'b' || *element == 'h') &&
		       w->pos < end) {
			err = walk_fixed(w, *element);
			if (err)
				return err;
		}
	} else if (len && !w->trusted) {
		return walk_open(w, 'a', element, end) ?: 1;
	}
	w->pos = end;
	return 0;
}

/**
 * walk() - walk values
 * @w: where from; nothing is open
 * @sig: their types
 * @one: end after one value; else after all of @sig
 */
static int walk(struct walk *w, const char *sig, bool one)
{
	unsigned int steps = 0;
	const char *inner;
	int err;

	for (;;) {
		/* Bodies can be long; those checked are leapt through. */
		if (!w->trusted && !(++steps % 4096))
			cond_resched();

		switch (*sig) {
		case '\0':
			if (!w->depth)
				return 0;
			sig = w->level[--w->depth].sig;
			break;
		case ')':
		case '}':
			w->depth--;
			sig++;
			break;
		case '(':
		case '{':
			err = walk_align(w, 8) ?: walk_open(w, '(', NULL, 0);
			if (err)
				return err;
			sig++;
			continue;
		case 'v':
			err = walk_signature(w, 'v', &inner) ?:
			      walk_open(w, 'v', sig + 1, 0);
			if (err)
				return err;
			sig = inner;
			continue;
		case 'a':
			sig++;
			err = walk_array(w, sig);
			if (err < 0)
				return err;
			if (err)
				continue;
			sig = dg_signature_skip(sig);
			break;
		default:
			err = walk_basic(w, *sig);
			if (err)
				return err;
			sig++;
			break;
		}

		/* A value is complete; it may be the last of arrays. */
		while (w->depth && w->level[w->depth - 1].kind == 'a') {
			u32 end = w->level[w->depth - 1].end;

			if (w->pos > end)
				return -EINVAL;
			if (w->pos < end) {
				sig = w->level[w->depth - 1].sig;
				break;
			}
			w->depth--;
		}
		if (one && !w->depth)
			return 0;
	}
}

int dg_body_validate(const char *sig, const void *body, u32 len, u32 nfds)
{
	struct walk w;
	int err;

	if (len > DG_BODY_MAX || !dg_signature_valid(sig, strlen(sig)))
		return -EINVAL;
	w.body = body;
	w.len = len;
	w.pos = 0;
	w.nfds = nfds;
	w.trusted = false;
	w.depth = 0;
	err = walk(&w, sig, false);
	if (err)
		return err;
	return w.pos == len ? 0 : -EINVAL;
}

size_t dg_body_valid_args(const char *sig, const void *body, u32 len, u32 nfds,
			  u32 *end)
{
	const char *next = sig;
	struct walk w;

	w.body = body;
	w.len = min_t(u32, len, DG_BODY_MAX);
	w.pos = 0;
	w.nfds = nfds;
	w.trusted = false;
	w.depth = 0;
	*end = 0;
	/* A walk that fails leaves what it opened: it is the last. */
	while (*next && !walk(&w, next, true)) {
		*end = w.pos;
		next = dg_signature_skip(next);
	}
	return next - sig;
}

u32 dg_body_skip(const char *sig, const void *body, u32 len, u32 pos)
{
	struct walk w;

	w.body = body;
	w.len = len;
	w.pos = pos;
	w.trusted = true;
	w.depth = 0;
	if (WARN_ON_ONCE(walk(&w, sig, true)))
		return len;
	return w.pos;
}
