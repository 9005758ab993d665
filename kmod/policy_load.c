// SPDX-License-Identifier: GPL-2.0-only
/*
 * policy_load.c - a policy's blob, checked and made into a struct dg_policy
 *
 * The format is in uapi/linux/dbus_genl.h, "A policy".  Nothing of a blob is
 * believed: it is walked attribute by attribute, each within what is around it.
 */
#include <linux/bitops.h>
#include <linux/bug.h>
#include <linux/dbus_genl.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>
#include <net/netlink.h>

#include "policy.h"

/**
 * struct dg_loader - a blob on its way
 * @policy: what becomes of it
 * @ns: the user namespace that its ids are of
 * @complaint: what is wrong with it
 */
struct dg_loader {
	struct dg_policy *policy;
	struct user_namespace *ns;
	struct dg_policy_complaint *complaint;
};

static int dg_complain(struct dg_loader *loader, const char *why)
{
	loader->complaint->why = why;
	return -EINVAL;
}

/* The type of an attribute; nests may say that they are. */
static unsigned int dg_attr_type(const struct nlattr *attr)
{
	return attr->nla_type & ~NLA_F_NESTED;
}

/* Notes that there is an attribute; an error if there was one before. */
static int dg_once(struct dg_loader *loader, const struct nlattr *attr,
		   unsigned long *seen)
{
	unsigned int type = dg_attr_type(attr);

	if (type >= BITS_PER_LONG)
		return dg_complain(loader, "unknown attribute");
	if (*seen & BIT(type))
		return dg_complain(loader, "attribute is repeated");
	*seen |= BIT(type);
	return 0;
}

static int dg_get_u32(struct dg_loader *loader, const struct nlattr *attr,
		      u32 *value)
{
	if (nla_len(attr) != sizeof(*value))
		return dg_complain(loader, "attribute is not a u32");
	*value = nla_get_u32(attr);
	return 0;
}

static int dg_get_u8(struct dg_loader *loader, const struct nlattr *attr,
		     u8 min, u8 max, u8 *value)
{
	if (nla_len(attr) != sizeof(*value))
		return dg_complain(loader, "attribute is not a u8");
	*value = nla_get_u8(attr);
	if (*value < min || *value > max)
		return dg_complain(loader, "value is out of range");
	return 0;
}

static int dg_get_bool(struct dg_loader *loader, const struct nlattr *attr,
		       bool *value)
{
	u8 number = 0;
	int err = dg_get_u8(loader, attr, 0, 1, &number);

	*value = number;
	return err;
}

static int dg_get_string(struct dg_loader *loader, const struct nlattr *attr,
			 const char **value)
{
	int len = nla_len(attr);

	*value = nla_data(attr);
	if (len < 1 || strnlen(*value, len) != len - 1)
		return dg_complain(loader,
				   "string does not end with its only NUL");
	return 0;
}

/* What an attribute says, but for what depends on the others. */
static int dg_load_attr(struct dg_loader *loader, const struct nlattr *attr,
			struct dg_policy_rule *rule, u32 *id)
{
	switch (dg_attr_type(attr)) {
	case DBUS_GENL_RULE_A_KIND:
		return dg_get_u8(loader, attr, DBUS_GENL_RULE_OWN,
				 DBUS_GENL_RULE_CONNECT_GROUP, &rule->kind);
	case DBUS_GENL_RULE_A_ALLOW:
		return dg_get_bool(loader, attr, &rule->allow);
	case DBUS_GENL_RULE_A_ID:
		return dg_get_u32(loader, attr, id);
	case DBUS_GENL_RULE_A_NAME:
		return dg_get_string(loader, attr, &rule->name);
	case DBUS_GENL_RULE_A_PREFIX:
		if (nla_len(attr))
			return dg_complain(loader, "PREFIX is not empty");
		return 0;
	case DBUS_GENL_RULE_A_TYPE:
		return dg_get_u8(loader, attr, DG_MSG_CALL, DG_MSG_SIGNAL,
				 &rule->type);
	case DBUS_GENL_RULE_A_INTERFACE:
		return dg_get_string(loader, attr, &rule->interface);
	case DBUS_GENL_RULE_A_MEMBER:
		return dg_get_string(loader, attr, &rule->member);
	case DBUS_GENL_RULE_A_PATH:
		return dg_get_string(loader, attr, &rule->path);
	case DBUS_GENL_RULE_A_ERROR:
		return dg_get_string(loader, attr, &rule->error);
	case DBUS_GENL_RULE_A_BROADCAST:
		return dg_get_u8(loader, attr, 0, 1, &rule->broadcast);
	case DBUS_GENL_RULE_A_REQUESTED_REPLY:
		return dg_get_bool(loader, attr, &rule->requested_reply);
	case DBUS_GENL_RULE_A_EAVESDROP:
		return dg_get_bool(loader, attr, &rule->eavesdrop);
	case DBUS_GENL_RULE_A_MIN_FDS:
		return dg_get_u32(loader, attr, &rule->min_fds);
	case DBUS_GENL_RULE_A_MAX_FDS:
		return dg_get_u32(loader, attr, &rule->max_fds);
	default:
		return dg_complain(loader, "unknown attribute of a rule");
	}
}

/* Which attributes a rule of a kind may have, besides KIND and ALLOW. */
static unsigned long dg_attrs_of_kind(u8 kind)
{
	unsigned long message = BIT(DBUS_GENL_RULE_A_NAME) |
				BIT(DBUS_GENL_RULE_A_TYPE) |
				BIT(DBUS_GENL_RULE_A_INTERFACE) |
				BIT(DBUS_GENL_RULE_A_MEMBER) |
				BIT(DBUS_GENL_RULE_A_PATH) |
				BIT(DBUS_GENL_RULE_A_ERROR) |
				BIT(DBUS_GENL_RULE_A_REQUESTED_REPLY) |
				BIT(DBUS_GENL_RULE_A_EAVESDROP) |
				BIT(DBUS_GENL_RULE_A_MIN_FDS) |
				BIT(DBUS_GENL_RULE_A_MAX_FDS);

	switch (kind) {
	case DBUS_GENL_RULE_OWN:
		return BIT(DBUS_GENL_RULE_A_NAME) |
		       BIT(DBUS_GENL_RULE_A_PREFIX);
	case DBUS_GENL_RULE_SEND:
		return message | BIT(DBUS_GENL_RULE_A_PREFIX) |
		       BIT(DBUS_GENL_RULE_A_BROADCAST);
	case DBUS_GENL_RULE_RECEIVE:
		return message;
	default:
		return BIT(DBUS_GENL_RULE_A_ID);
	}
}

static u8 dg_rule_by(const struct dg_policy_rule *rule, bool prefix)
{
	u8 by = 0;

	if (rule->name)
		by |= prefix ? DG_BY_PREFIX : DG_BY_NAME;
	if (rule->interface)
		by |= DG_BY_INTERFACE;
	if (rule->member)
		by |= DG_BY_MEMBER;
	if (rule->path)
		by |= DG_BY_PATH;
	if (rule->error)
		by |= DG_BY_ERROR;
	return by;
}

static int dg_load_rule(struct dg_loader *loader, const struct nlattr *nest,
			const struct dg_policy_section *section,
			struct dg_policy_rule *rule)
{
	const unsigned long required = BIT(DBUS_GENL_RULE_A_KIND) |
				       BIT(DBUS_GENL_RULE_A_ALLOW);
	unsigned long seen = 0;
	const struct nlattr *attr;
	bool prefix;
	u32 id = 0;
	int rem, err;

	rule->broadcast = 2;
	rule->max_fds = U32_MAX;
	nla_for_each_nested(attr, nest, rem) {
		err = dg_once(loader, attr, &seen) ?:
		      dg_load_attr(loader, attr, rule, &id);
		if (err)
			return err;
	}
	if (rem)
		return dg_complain(loader, "rule ends within an attribute");
	if ((seen & required) != required)
		return dg_complain(loader, "rule without KIND or ALLOW");
	if (seen & ~(dg_attrs_of_kind(rule->kind) | required))
		return dg_complain(loader,
				   "attribute that a rule of this kind does not have");

	prefix = seen & BIT(DBUS_GENL_RULE_A_PREFIX);
	if (prefix && !rule->name)
		return dg_complain(loader, "PREFIX without NAME");
	if (rule->error && (rule->interface || rule->member))
		return dg_complain(loader,
				   "ERROR together with INTERFACE or MEMBER");
	if (!(seen & BIT(DBUS_GENL_RULE_A_REQUESTED_REPLY)))
		rule->requested_reply = rule->allow;
	rule->by = dg_rule_by(rule, prefix);
	if (rule->kind < DG_POLICY_INDEXED)
		return 0;

	if (section->rank != DG_RANK_DEFAULT &&
	    section->rank != DG_RANK_MANDATORY)
		return dg_complain(loader,
				   "who may connect is not for users or groups to say");
	rule->any = !(seen & BIT(DBUS_GENL_RULE_A_ID));
	rule->uid = make_kuid(loader->ns, id);
	rule->gid = make_kgid(loader->ns, id);
	rule->unmapped = rule->kind == DG_POLICY_CONNECT_USER ?
				 !uid_valid(rule->uid) :
				 !gid_valid(rule->gid);
	return 0;
}

/* Whose rules a section has. */
static int dg_load_whose(struct dg_loader *loader, const struct nlattr *attr,
			 struct dg_policy_section *section)
{
	bool flag = false;
	kuid_t uid;
	kgid_t gid;
	u32 id = 0;
	int err;

	switch (dg_attr_type(attr)) {
	case DBUS_GENL_SECTION_A_CONTEXT:
		err = dg_get_bool(loader, attr, &flag);
		section->rank = flag ? DG_RANK_MANDATORY : DG_RANK_DEFAULT;
		return err;
	case DBUS_GENL_SECTION_A_AT_CONSOLE:
		err = dg_get_bool(loader, attr, &flag);
		section->rank = flag ? DG_RANK_AT_CONSOLE :
				       DG_RANK_NOT_AT_CONSOLE;
		return err;
	case DBUS_GENL_SECTION_A_USER:
		err = dg_get_u32(loader, attr, &id);
		uid = make_kuid(loader->ns, id);
		section->rank = DG_RANK_USER;
		section->unmapped = !uid_valid(uid);
		section->id = __kuid_val(uid);
		return err;
	case DBUS_GENL_SECTION_A_GROUP:
		err = dg_get_u32(loader, attr, &id);
		gid = make_kgid(loader->ns, id);
		section->rank = DG_RANK_GROUP;
		section->unmapped = !gid_valid(gid);
		section->id = __kgid_val(gid);
		return err;
	default:
		return dg_complain(loader, "unknown attribute of a section");
	}
}

/* A section without its rules, which are counted. */
static int dg_load_section(struct dg_loader *loader, const struct nlattr *nest,
			   struct dg_policy_section *section)
{
	const struct nlattr *attr;
	unsigned int whose = 0;
	int rem, err;

	section->attr = nest;
	nla_for_each_nested(attr, nest, rem) {
		if (dg_attr_type(attr) == DBUS_GENL_SECTION_A_RULE) {
			section->n++;
			continue;
		}
		whose++;
		err = dg_load_whose(loader, attr, section);
		if (err)
			return err;
	}
	if (rem)
		return dg_complain(loader, "section ends within an attribute");
	if (whose != 1)
		return dg_complain(loader,
				   "section without exactly one of CONTEXT, USER, GROUP, AT_CONSOLE");
	return 0;
}

static int dg_load_console(struct dg_loader *loader, const struct nlattr *attr)
{
	struct dg_policy *policy = loader->policy;
	u32 n = nla_len(attr) / sizeof(u32);
	const u32 *ids = nla_data(attr);
	u32 i;

	if (policy->console)
		return dg_complain(loader, "CONSOLE is repeated");
	if (!n || nla_len(attr) % sizeof(u32) ||
	    n > DBUS_GENL_POLICY_CONSOLE_MAX)
		return dg_complain(loader,
				   "CONSOLE is not an array of users");

	policy->console = kvcalloc(n, sizeof(*policy->console),
				   GFP_KERNEL_ACCOUNT);
	if (!policy->console)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		kuid_t uid = make_kuid(loader->ns, ids[i]);

		if (uid_valid(uid))
			policy->console[policy->n_console++] = uid;
	}
	sort(policy->console, policy->n_console, sizeof(*policy->console),
	     dg_policy_compare_users, NULL);
	return 0;
}

/* How many sections there are, and whether there is anything else. */
static int dg_count_sections(struct dg_loader *loader, const void *blob,
			     size_t len)
{
	const struct nlattr *attr;
	int rem;

	nla_for_each_attr(attr, blob, len, rem) {
		unsigned int type = dg_attr_type(attr);

		if (type == DBUS_GENL_POLICY_A_SECTION)
			loader->policy->n_sections++;
		else if (type != DBUS_GENL_POLICY_A_CONSOLE)
			return dg_complain(loader,
					   "unknown attribute of a policy");
	}
	if (rem)
		return dg_complain(loader, "policy ends within an attribute");
	if (loader->policy->n_sections > DBUS_GENL_POLICY_SECTIONS_MAX)
		return dg_complain(loader, "too many sections");
	return 0;
}

static int dg_section_compare(const void *a, const void *b)
{
	const struct dg_policy_section *one = a, *two = b;

	if (one->rank != two->rank)
		return one->rank < two->rank ? -1 : 1;
	if (one->rank == DG_RANK_GROUP && one->id != two->id)
		return one->id < two->id ? -1 : 1;
	return one->order < two->order ? -1 : 1;
}

static int dg_load_sections(struct dg_loader *loader, const void *blob,
			    size_t len)
{
	struct dg_policy *policy = loader->policy;
	const struct nlattr *attr;
	u32 n = 0, i;
	int rem, err;

	policy->sections = kvcalloc(policy->n_sections + 1,
				    sizeof(*policy->sections),
				    GFP_KERNEL_ACCOUNT);
	if (!policy->sections)
		return -ENOMEM;

	nla_for_each_attr(attr, blob, len, rem) {
		if (dg_attr_type(attr) == DBUS_GENL_POLICY_A_CONSOLE) {
			loader->complaint->section = 0;
			err = dg_load_console(loader, attr);
		} else {
			policy->sections[n].order = n;
			loader->complaint->section = n + 1;
			err = dg_load_section(loader, attr,
					      &policy->sections[n]);
			n++;
		}
		if (err)
			return err;
	}
	loader->complaint->section = 0;

	sort(policy->sections, n, sizeof(*policy->sections),
	     dg_section_compare, NULL);
	for (i = 0; i < n; i++) {
		policy->sections[i].first = policy->n_rules;
		policy->n_rules += policy->sections[i].n;
	}
	if (policy->n_rules > DBUS_GENL_POLICY_RULES_MAX)
		return dg_complain(loader, "too many rules");
	return 0;
}

static int dg_load_rules(struct dg_loader *loader)
{
	struct dg_policy *policy = loader->policy;
	u32 i;

	policy->rules = kvcalloc(policy->n_rules + 1, sizeof(*policy->rules),
				 GFP_KERNEL_ACCOUNT);
	if (!policy->rules)
		return -ENOMEM;

	for (i = 0; i < policy->n_sections; i++) {
		struct dg_policy_section *section = &policy->sections[i];
		struct dg_policy_rule *rule = &policy->rules[section->first];
		const struct nlattr *attr;
		int rem, err;

		loader->complaint->section = section->order + 1;
		nla_for_each_nested(attr, section->attr, rem) {
			if (dg_attr_type(attr) != DBUS_GENL_SECTION_A_RULE)
				continue;
			loader->complaint->rule++;
			err = dg_load_rule(loader, attr, section, rule++);
			if (err)
				return err;
		}
		loader->complaint->rule = 0;
	}
	return 0;
}

/**
 * dg_policy_load() - make a policy of a blob
 * @blob: the blob, kvmalloc()ed: the policy's if it is one, the caller's if not
 * @len: its length
 * @ns: the user namespace of who wrote it
 * @complaint: set to what is wrong with it, for -EINVAL
 *
 * Return: the policy, to be put; or ERR_PTR: -EINVAL, -ENOMEM.
 */
struct dg_policy *dg_policy_load(const void *blob, size_t len,
				 struct user_namespace *ns,
				 struct dg_policy_complaint *complaint)
{
	struct dg_loader loader = { .ns = ns, .complaint = complaint };
	struct dg_policy *policy;
	int err;

	memset(complaint, 0, sizeof(*complaint));
	policy = kzalloc(sizeof(*policy), GFP_KERNEL_ACCOUNT);
	if (!policy)
		return ERR_PTR(-ENOMEM);
	loader.policy = policy;
	kref_init(&policy->ref);
	INIT_LIST_HEAD(&policy->classes);
	get_random_bytes(&policy->key, sizeof(policy->key));

	err = dg_count_sections(&loader, blob, len) ?:
	      dg_load_sections(&loader, blob, len) ?:
	      dg_load_rules(&loader);
	if (err) {
		dg_policy_put(policy);
		return ERR_PTR(err);
	}
	policy->text = blob;
	return policy;
}

static void dg_policy_release(struct kref *ref)
{
	struct dg_policy *policy = container_of(ref, struct dg_policy, ref);

	WARN_ON_ONCE(!list_empty(&policy->classes));
	kvfree(policy->console);
	kvfree(policy->rules);
	kvfree(policy->sections);
	kvfree(policy->text);
	kfree(policy);
}

/* NULL is nothing. */
void dg_policy_put(struct dg_policy *policy)
{
	if (policy)
		kref_put(&policy->ref, dg_policy_release);
}
