// SPDX-License-Identifier: GPL-2.0-only
/*
 * body_write.c - build a body: what the driver says
 */
#include <linux/kernel.h>
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "body.h"

/* The first allocation; most of the driver's replies fit. */
#define WRITER_SIZE_MIN		256U

void dg_body_writer_init(struct dg_body_writer *w)
{
	memset(w, 0, sizeof(*w));
}

void dg_body_writer_free(struct dg_body_writer *w)
{
	kvfree(w->data);
	dg_body_writer_init(w);
}

/* Make room for @n bytes more; on failure @w->err says why. */
static bool reserve(struct dg_body_writer *w, u32 n)
{
	u32 size;
	u8 *data;

	if (w->err)
		return false;
	if (n <= w->size - w->len)
		return true;
	if (n > DG_BODY_MAX - w->len) {
		w->err = -EMSGSIZE;
		return false;
	}
	size = max3(WRITER_SIZE_MIN, 2 * w->size, w->len + n);
	data = kvmalloc(size, GFP_KERNEL);
	if (!data) {
		w->err = -ENOMEM;
		return false;
	}
	if (w->len)
		memcpy(data, w->data, w->len);
	kvfree(w->data);
	w->data = data;
	w->size = size;
	return true;
}

static void put(struct dg_body_writer *w, const void *bytes, u32 n)
{
	if (!n || !reserve(w, n))
		return;
	memcpy(w->data + w->len, bytes, n);
	w->len += n;
}

static void pad(struct dg_body_writer *w, unsigned int alignment)
{
	u32 n = ALIGN(w->len, alignment) - w->len;

	if (!n || !reserve(w, n))
		return;
	memset(w->data + w->len, 0, n);
	w->len += n;
}

void dg_body_put_byte(struct dg_body_writer *w, u8 value)
{
	put(w, &value, sizeof(value));
}

void dg_body_put_bool(struct dg_body_writer *w, bool value)
{
	dg_body_put_u32(w, value);
}

void dg_body_put_u16(struct dg_body_writer *w, u16 value)
{
	pad(w, sizeof(value));
	put(w, &value, sizeof(value));
}

void dg_body_put_u32(struct dg_body_writer *w, u32 value)
{
	pad(w, sizeof(value));
	put(w, &value, sizeof(value));
}

void dg_body_put_u64(struct dg_body_writer *w, u64 value)
{
	pad(w, sizeof(value));
	put(w, &value, sizeof(value));
}

void dg_body_put_string_len(struct dg_body_writer *w, const char *s, u32 len)
{
	dg_body_put_u32(w, len);
	put(w, s, len);
	dg_body_put_byte(w, 0);
}

void dg_body_put_string(struct dg_body_writer *w, const char *s)
{
	dg_body_put_string_len(w, s, strlen(s));
}

void dg_body_put_signature(struct dg_body_writer *w, const char *s)
{
	size_t len = strlen(s);

	if (WARN_ON_ONCE(len > DG_SIGNATURE_MAX)) {
		w->err = w->err ?: -EINVAL;
		return;
	}
	dg_body_put_byte(w, len);
	put(w, s, len + 1);
}

void dg_body_put_bytes(struct dg_body_writer *w, const void *bytes, u32 len)
{
	put(w, bytes, len);
}

/*
 * Containers that are not closed in the order in which they were opened, or
 * too many of them, are mistakes of the caller's, found by its first test.
 */
static struct dg_body_writer_level *open_level(struct dg_body_writer *w,
					       char kind)
{
	struct dg_body_writer_level *level;

	if (WARN_ON_ONCE(w->depth == ARRAY_SIZE(w->level))) {
		w->err = w->err ?: -EINVAL;
		return NULL;
	}
	level = &w->level[w->depth++];
	level->kind = kind;
	return level;
}

static struct dg_body_writer_level *close_level(struct dg_body_writer *w,
						char kind)
{
	if (WARN_ON_ONCE(!w->depth || w->level[w->depth - 1].kind != kind)) {
		w->err = w->err ?: -EINVAL;
		return NULL;
	}
	return &w->level[--w->depth];
}

void dg_body_open_array(struct dg_body_writer *w, char element)
{
	struct dg_body_writer_level *level = open_level(w, 'a');

	dg_body_put_u32(w, 0);
	if (level)
		level->len_at = w->len - sizeof(u32);
	pad(w, dg_type_alignment(element));
	if (level)
		level->start = w->len;
}

void dg_body_close_array(struct dg_body_writer *w)
{
	struct dg_body_writer_level *level = close_level(w, 'a');
	u32 len;

	if (!level || w->err)
		return;
	len = w->len - level->start;
	if (len > DG_BODY_ARRAY_MAX) {
		w->err = -EMSGSIZE;
		return;
	}
	memcpy(w->data + level->len_at, &len, sizeof(len));
}

void dg_body_open_struct(struct dg_body_writer *w)
{
	open_level(w, '(');
	pad(w, 8);
}

void dg_body_close_struct(struct dg_body_writer *w)
{
	close_level(w, '(');
}

void dg_body_open_variant(struct dg_body_writer *w, const char *sig)
{
	open_level(w, 'v');
	dg_body_put_signature(w, sig);
}

void dg_body_close_variant(struct dg_body_writer *w)
{
	close_level(w, 'v');
}
