// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * policy_fuzz.c - the kernel's loader of policies with any bytes
 *
 * What it takes for a policy can be made classes of and asked; the index finds
 * what looking at every rule finds; and nothing is left when it goes.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "policy.h"

static void require(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "policy_fuzz: %s\n", what);
	abort();
}

static const struct dg_msg msgs[] = {
	{ .type = DG_MSG_CALL, .serial = 1, .path = "/p", .interface = "i.f",
	  .member = "M", .destination = ":1.1", .signature = "" },
	{ .type = DG_MSG_CALL, .serial = 1, .path = "/", .member = "M",
	  .destination = "a.b", .signature = "" },
	{ .type = DG_MSG_SIGNAL, .serial = 1, .path = "/p", .interface = "i.f",
	  .member = "N", .signature = "" },
	{ .type = DG_MSG_RETURN, .serial = 1, .reply_serial = 1,
	  .destination = ":1.1", .signature = "" },
	{ .type = DG_MSG_ERROR, .serial = 1, .reply_serial = 1,
	  .error_name = "e.E", .destination = ":1.1", .signature = "" },
};

static bool in_group(const void *data, kgid_t gid)
{
	return __kgid_val(gid) % 2 == *(const u32 *)data;
}

/* The other party's, whose unique name is the first. */
static const char *const names[] = { ":1.1", "a.b.c", "a.b-c.d", "a.b", "x.y" };

/* What dg_policy_count() says, the long way. */
static int count(const struct dg_policy_class *class, unsigned int kind,
		 const struct dg_policy_ask *question)
{
	const struct dg_policy_index *index = &class->index[kind];
	unsigned int i, k;
	int n = 0;

	for (i = 0; i < index->n_rules; i++) {
		const struct dg_policy_rule *rule =
			&class->policy->rules[index->rules[i]];
		bool takes = false;

		for (k = 0; k < ARRAY_SIZE(names); k++)
			takes |= dg_policy_rule_takes(rule, names[k]);
		n += takes && dg_policy_rule_matches(rule, question);
	}
	return n;
}

/* By each verdict's own rule: the index must not find less or more. */
static void ask(const struct dg_policy_class *class,
		const struct dg_owner *owner, unsigned int i)
{
	struct dg_policy_ask question = {
		.msg = &msgs[i % ARRAY_SIZE(msgs)],
		.n_fds = i % 3,
		.other = { .unique = names[0], .owner = owner },
		.requested_reply = i & 1,
		.eavesdropping = i & 2,
	};
	unsigned int kind;

	for (kind = DG_POLICY_SEND; kind <= DG_POLICY_RECEIVE; kind++) {
		bool may = dg_policy_may(class, kind, &question);
		int n = dg_policy_count(class, kind, &question);

		require(n == count(class, kind, &question), "counted wrongly");
		require(n || !may, "allowed by no rule");
		require((u32)n <= class->index[kind].n_rules, "too many rules");
	}
}

static void use(struct dg_policy *policy, const struct dg_owner *owner)
{
	const u32 odd = 1, even = 0;
	const struct dg_policy_who whos[] = {
		{ KUIDT_INIT(0), in_group, &odd },
		{ KUIDT_INIT(1), in_group, &even },
	};
	struct dg_policy_class *classes[ARRAY_SIZE(whos)];
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(whos); i++) {
		(void)dg_policy_may_connect(policy, &whos[i], false);
		classes[i] = dg_policy_class_get(policy, &whos[i]);
		require(!IS_ERR(classes[i]), "no memory");
		for (k = 0; k < 4 * ARRAY_SIZE(msgs); k++)
			ask(classes[i], owner, k);
		(void)dg_policy_may_own(classes[i], "a.b.c");
	}
	for (i = 0; i < ARRAY_SIZE(whos); i++)
		dg_policy_class_put(classes[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dg_policy_complaint complaint;
	struct dg_name_change change;
	struct dg_registry registry;
	struct dg_policy *policy;
	struct dg_owner owner;
	long before = host_allocs();
	unsigned int i;
	void *blob = kvmalloc(size ?: 1, GFP_KERNEL);

	memcpy(blob, data, size);
	policy = dg_policy_load(blob, size, &init_user_ns, &complaint);
	if (IS_ERR(policy)) {
		require(PTR_ERR(policy) == -EINVAL && complaint.why,
			"refused without a reason");
		kvfree(blob);
		require(host_allocs() == before, "something is left");
		return 0;
	}

	require(!dg_registry_init(&registry), "no memory");
	dg_owner_init(&owner, 2, NULL);
	for (i = 1; i < ARRAY_SIZE(names); i++)
		require(dg_registry_request(&registry, &owner, names[i], 0,
					    &change) == DG_REQUEST_PRIMARY_OWNER,
			"no name");
	use(policy, &owner);
	dg_registry_drop(&registry, &owner, NULL, NULL);
	dg_registry_destroy(&registry);
	dg_policy_put(policy);
	require(host_allocs() == before, "something is left");
	return 0;
}
