// SPDX-License-Identifier: GPL-2.0-only
/*
 * match_rule.c - whether a message meets a rule, and whether rules are equal
 */
#include <linux/string.h>

#include "match_rule.h"
#include "names.h"

/* Equal, or both NULL. */
static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool same_arg(const struct dg_match_arg *a, const struct dg_match_arg *b)
{
	return a->n == b->n && a->kind == b->kind && a->len == b->len &&
	       !memcmp(a->value, b->value, a->len);
}

bool dg_match_equal(const struct dg_match_rule *a,
		    const struct dg_match_rule *b)
{
	unsigned int i;

	if (a->type != b->type || a->eavesdrop != b->eavesdrop ||
	    a->path_is_namespace != b->path_is_namespace ||
	    a->n_args != b->n_args)
		return false;
	for (i = 0; i < a->n_args; i++)
		if (!same_arg(&a->args[i], &b->args[i]))
			return false;
	return same(a->sender, b->sender) &&
	       same(a->interface, b->interface) &&
	       same(a->member, b->member) &&
	       same(a->path, b->path) &&
	       same(a->destination, b->destination);
}

bool dg_match_eavesdrops(const struct dg_match_rule *rule)
{
	return rule->eavesdrop;
}

void dg_match_ctx_init(struct dg_match_ctx *ctx, const struct dg_msg *msg,
		       const struct dg_registry *names,
		       const struct dg_owner *sender,
		       const struct dg_owner *dest)
{
	ctx->msg = msg;
	ctx->names = names;
	ctx->sender = sender;
	ctx->dest = dest;
	dg_body_args_init(&ctx->args, msg);
}

static bool path_applies(const struct dg_match_rule *rule, const char *path)
{
	size_t len;

	if (!rule->path_is_namespace)
		return same(rule->path, path);
	if (!path)
		return false;
	len = strlen(rule->path);
	/* "/" is above all; else what follows must begin a new element. */
	return len == 1 || (!strncmp(path, rule->path, len) &&
			    (path[len] == '/' || path[len] == 0));
}

/*
 * Whether @name is one of @peer.  @id is what dg_unique_name_parse() made of
 * it, 0 if nothing; a peer that has not said Hello has the id 0, and no name.
 */
static bool names_peer(const struct dg_match_ctx *ctx,
		       const struct dg_owner *peer, const char *name, u64 id)
{
	if (name[0] == ':')
		return id && id == peer->id;
	return dg_registry_owns(ctx->names, peer, name);
}

static bool sender_applies(const struct dg_match_rule *rule,
			   const struct dg_match_ctx *ctx)
{
	if (!ctx->sender)
		return !strcmp(rule->sender, DG_DRIVER_NAME);
	return names_peer(ctx, ctx->sender, rule->sender, rule->sender_id);
}

static bool destination_applies(const struct dg_match_rule *rule,
				const struct dg_match_ctx *ctx)
{
	/* To the driver, or to a name that nobody owns (yet). */
	if (!ctx->dest)
		return same(rule->destination, ctx->msg->destination);
	return names_peer(ctx, ctx->dest, rule->destination, rule->dest_id);
}

static bool starts_with(const char *s, u32 len, const char *prefix,
			u32 prefix_len)
{
	return len >= prefix_len && !memcmp(s, prefix, prefix_len);
}

static bool arg_applies(const struct dg_match_arg *want,
			struct dg_body_args *args)
{
	const char *s;
	char type;
	u32 len;

	type = dg_body_args_get(args, want->n, &s, &len);
	if (type != 's' && !(type == 'o' && want->kind == DG_MATCH_ARG_PATH))
		return false;
	if (len == want->len && !memcmp(s, want->value, len))
		return true;

	switch (want->kind) {
	case DG_MATCH_ARG_PATH:
		/* Whichever of the two ends in '/' holds what is below it. */
		if (want->len && want->value[want->len - 1] == '/' &&
		    starts_with(s, len, want->value, want->len))
			return true;
		return len && s[len - 1] == '/' &&
		       starts_with(want->value, want->len, s, len);
	case DG_MATCH_ARG_NAMESPACE:
		return starts_with(s, len, want->value, want->len) &&
		       s[want->len] == '.';
	default:
		return false;
	}
}

bool dg_match_applies(const struct dg_match_rule *rule,
		      struct dg_match_ctx *ctx)
{
	const struct dg_msg *msg = ctx->msg;
	unsigned int i;

	if (rule->type && rule->type != msg->type)
		return false;
	if (rule->interface && !same(rule->interface, msg->interface))
		return false;
	if (rule->member && !same(rule->member, msg->member))
		return false;
	if (rule->path && !path_applies(rule, msg->path))
		return false;
	for (i = 0; i < rule->n_args; i++)
		if (!arg_applies(&rule->args[i], &ctx->args))
			return false;
	if (rule->sender && !sender_applies(rule, ctx))
		return false;
	return !rule->destination || destination_applies(rule, ctx);
}
