// SPDX-License-Identifier: GPL-2.0-only
/*
 * body_iter.c - read the arguments of a body that was checked
 */
#include <linux/kernel.h>
#include <linux/errno.h>
#include <linux/string.h>

#include "body.h"
#include "message.h"

void dg_body_iter_init(struct dg_body_iter *it, const char *sig,
		       const void *body, u32 len)
{
	it->sig = sig;
	it->body = body;
	it->len = len;
	it->pos = 0;
}

/* The u32 that a value at @pos begins with; the value is aligned to 4. */
static u32 read_u32(const struct dg_body_iter *it, u32 pos)
{
	u32 value;

	memcpy(&value, it->body + pos, sizeof(value));
	return value;
}

int dg_body_iter_string(struct dg_body_iter *it, const char **s, u32 *len)
{
	u32 pos, n;

	switch (*it->sig) {
	case 's':
	case 'o':
		pos = ALIGN(it->pos, 4);
		n = read_u32(it, pos);
		pos += sizeof(n);
		break;
	case 'g':
		n = it->body[it->pos];
		pos = it->pos + 1;
		break;
	default:
		return -EINVAL;
	}
	*s = (const char *)it->body + pos;
	if (len)
		*len = n;
	it->pos = pos + n + 1;
	it->sig++;
	return 0;
}

int dg_body_iter_u32(struct dg_body_iter *it, u32 *value)
{
	u32 pos = ALIGN(it->pos, 4);

	if (*it->sig != 'u')
		return -EINVAL;
	*value = read_u32(it, pos);
	it->pos = pos + sizeof(*value);
	it->sig++;
	return 0;
}

int dg_body_iter_bool(struct dg_body_iter *it, bool *value)
{
	u32 pos = ALIGN(it->pos, 4);

	if (*it->sig != 'b')
		return -EINVAL;
	*value = read_u32(it, pos);
	it->pos = pos + sizeof(u32);
	it->sig++;
	return 0;
}

int dg_body_iter_skip(struct dg_body_iter *it)
{
	if (!*it->sig)
		return -EINVAL;
	it->pos = dg_body_skip(it->sig, it->body, it->len, it->pos);
	it->sig = dg_signature_skip(it->sig);
	return 0;
}

void dg_body_args_init(struct dg_body_args *args, const struct dg_msg *msg)
{
	dg_body_iter_init(&args->it, msg->args ?: msg->signature, msg->body,
			  msg->body_len);
	args->n = 0;
}

char dg_body_args_get(struct dg_body_args *args, unsigned int n,
		      const char **str, u32 *len)
{
	*str = NULL;
	*len = 0;
	while (args->n <= n) {
		char type = dg_body_iter_type(&args->it);

		if (!type)
			return 0;
		args->type[args->n] = type;
		args->pos[args->n] = ALIGN(args->it.pos, 4);
		args->n++;
		dg_body_iter_skip(&args->it);
	}
	if (args->type[n] == 's' || args->type[n] == 'o') {
		*len = read_u32(&args->it, args->pos[n]);
		*str = (const char *)args->it.body + args->pos[n] + sizeof(u32);
	}
	return args->type[n];
}
