/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * body.h - message bodies: check them, read their arguments, write them
 *
 * Bodies are in native byte order, and alignment counts from their first byte
 * (spec, "Marshaling (Wire Format)").  Nothing here recurses: depth is bounded
 * by DG_BODY_DEPTH_MAX and kept in an array.
 */
#ifndef _DG_BODY_H
#define _DG_BODY_H

#include <linux/types.h>

#include "signature.h"

struct dg_msg;

/*
 * How many containers may be open at one point of a body, variants included.
 * As in libdbus, arrays that are empty or of elements of a fixed size are none.
 */
#define DG_BODY_DEPTH_MAX	64

/* Longest array, in bytes. */
#define DG_BODY_ARRAY_MAX	(64U << 20)

/* Longest body: the longest message of the specification. */
#define DG_BODY_MAX		(128U << 20)

/* Arguments that match rules can look at: arg0 to arg63. */
#define DG_BODY_ARGS		64

/**
 * dg_body_validate() - check a body against its signature
 * @sig: the signature; need not be valid: it is checked first
 * @body: the bytes; may be at any address
 * @len: how many
 * @nfds: fds that come with the message; each 'h' must be below it
 *
 * Everything that the specification demands: types, lengths, padding of zeros,
 * NULs, UTF-8, paths, signatures, booleans of 0 or 1, depth, nothing left over.
 * The bytes must not change meanwhile or afterwards.  May sleep.
 *
 * Return: 0, or -EINVAL.
 */
int dg_body_validate(const char *sig, const void *body, u32 len, u32 nfds);

/**
 * dg_body_valid_args() - how much of the beginning of a body is valid
 * @sig: the body's signature, valid
 * @body: its first bytes, of which there may be more
 * @len: how many are here
 * @nfds: as above
 * @end: set to the offset after the last argument that is here whole and valid
 *
 * What dg_body_validate() would accept is @sig up to what is returned, with the
 * bytes up to @end.  May sleep.
 *
 * Return: how many characters of @sig those arguments are.
 */
size_t dg_body_valid_args(const char *sig, const void *body, u32 len, u32 nfds,
			  u32 *end);

/**
 * struct dg_body_iter - a place between the top-level arguments of a body
 * @sig: the type of the argument that comes next; at a NUL after the last
 * @body: the body's first byte
 * @len: its length
 * @pos: offset of what comes next, its alignment not applied yet
 *
 * For bodies that dg_body_validate() accepted.  Usage::
 *
 *	dg_body_iter_init(&it, msg->signature, msg->body, msg->body_len);
 *	err = dg_body_iter_string(&it, &name, NULL) ?:
 *	      dg_body_iter_u32(&it, &flags);
 */
struct dg_body_iter {
	const char *sig;
	const u8 *body;
	u32 len;
	u32 pos;
};

void dg_body_iter_init(struct dg_body_iter *it, const char *sig,
		       const void *body, u32 len);

/* First character of the next argument's type, or 0 after the last. */
static inline char dg_body_iter_type(const struct dg_body_iter *it)
{
	return *it->sig;
}

/*
 * Read the next argument and go on to the one after it.  -EINVAL, and the
 * iterator stays, if it has another type or there is none.  _string reads
 * 's', 'o' and 'g'; the text lies in the body, with a NUL; @len may be NULL.
 */
int dg_body_iter_string(struct dg_body_iter *it, const char **s, u32 *len);
int dg_body_iter_u32(struct dg_body_iter *it, u32 *value);
int dg_body_iter_bool(struct dg_body_iter *it, bool *value);

/*
 * Go into the next argument, an array of strings, and on to the one after it.
 * -EINVAL if it is something else.  Then _next_string reads its elements one
 * after the other; false after the last.
 */
int dg_body_iter_strings(struct dg_body_iter *it, struct dg_body_iter *strings);
bool dg_body_iter_next_string(struct dg_body_iter *strings, const char **s,
			      u32 *len);

/* Pass over the next argument, whatever it is.  -EINVAL if there is none. */
int dg_body_iter_skip(struct dg_body_iter *it);

/*
 * The offset after the value of the single complete type at @sig that begins
 * at offset @pos of a body that dg_body_validate() accepted.
 */
u32 dg_body_skip(const char *sig, const void *body, u32 len, u32 pos);

/**
 * struct dg_body_args - where the arguments of a message are, found as needed
 * @it: what has not been looked at
 * @n: how many have
 * @type: first characters of their types
 * @pos: offsets of their values, for 's' and 'o' alone
 *
 * So that many match rules can ask for argN and the body is walked once.
 */
struct dg_body_args {
	struct dg_body_iter it;
	unsigned int n;
	char type[DG_BODY_ARGS];
	u32 pos[DG_BODY_ARGS];
};

void dg_body_args_init(struct dg_body_args *args, const struct dg_msg *msg);

/**
 * dg_body_args_get() - argument @n of a message
 * @args: from dg_body_args_init()
 * @n: 0 to DG_BODY_ARGS - 1
 * @str: set to the text, with its NUL, of an 's' or 'o', else to NULL
 * @len: set to its length
 *
 * Return: the first character of its type, or 0 if there is no argument @n.
 */
char dg_body_args_get(struct dg_body_args *args, unsigned int n,
		      const char **str, u32 *len);

/**
 * struct dg_body_writer - builds a body in memory that grows
 * @data: what has been written; kvfree() it, or let dg_body_writer_free()
 * @len: its length
 * @size: room at @data
 * @err: the first error, -ENOMEM or -EMSGSIZE; once set, writing does nothing
 * @depth: open containers
 * @level: for each, what closing it needs
 *
 * The caller knows the signature and writes what it says; types are not
 * checked, but what is written is aligned and padded as they demand.  Check
 * @err once, at the end, when all containers are closed.  Usage::
 *
 *	struct dg_body_writer w;
 *
 *	dg_body_writer_init(&w);
 *	dg_body_open_array(&w, '{');
 *	dg_body_open_struct(&w);
 *	dg_body_put_string(&w, "UnixUserID");
 *	dg_body_open_variant(&w, "u");
 *	dg_body_put_u32(&w, uid);
 *	dg_body_close_variant(&w);
 *	dg_body_close_struct(&w);
 *	dg_body_close_array(&w);
 *	if (!w.err)
 *		... w.data, w.len with signature "a{sv}" ...
 *	dg_body_writer_free(&w);
 *
 * Allocations are GFP_KERNEL: what is written is gone before its bus is unlocked.
 */
struct dg_body_writer {
	u8 *data;
	u32 len;
	u32 size;
	int err;
	unsigned int depth;
	struct dg_body_writer_level {
		u32 len_at;
		u32 start;
		char kind;
	} level[8];
};

void dg_body_writer_init(struct dg_body_writer *w);
void dg_body_writer_free(struct dg_body_writer *w);

void dg_body_put_byte(struct dg_body_writer *w, u8 value);
void dg_body_put_bool(struct dg_body_writer *w, bool value);
void dg_body_put_u16(struct dg_body_writer *w, u16 value);
void dg_body_put_u32(struct dg_body_writer *w, u32 value);
void dg_body_put_u64(struct dg_body_writer *w, u64 value);

/* An 's' or an 'o': what @s has up to its NUL, or @len bytes of it. */
void dg_body_put_string(struct dg_body_writer *w, const char *s);
void dg_body_put_string_len(struct dg_body_writer *w, const char *s, u32 len);
void dg_body_put_signature(struct dg_body_writer *w, const char *s);

/* The elements of an open "ay". */
void dg_body_put_bytes(struct dg_body_writer *w, const void *bytes, u32 len);

/* @element: first character of the elements' type; '{' for dict entries. */
void dg_body_open_array(struct dg_body_writer *w, char element);
void dg_body_close_array(struct dg_body_writer *w);

/* Structs and dict entries are the same on the wire. */
void dg_body_open_struct(struct dg_body_writer *w);
void dg_body_close_struct(struct dg_body_writer *w);

/* @sig: the signature of the one value within. */
void dg_body_open_variant(struct dg_body_writer *w, const char *sig);
void dg_body_close_variant(struct dg_body_writer *w);

#endif /* _DG_BODY_H */
