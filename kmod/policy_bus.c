// SPDX-License-Identifier: GPL-2.0-only
/*
 * policy_bus.c - the policy of a bus, asked about its peers; and POLICY_SET
 *
 * A peer's class (policy_class.c) is found when it joins, and again when the
 * policy is replaced: then all classes are made first, so that what fails leaves
 * the old policy as it was.  One that a peer needs which joins is made before the
 * bus's lock is taken: whoever joins and leaves again and again, and is the only
 * one of its class each time, makes nobody wait for that.
 */
#include <linux/cred.h>
#include <linux/dbus_genl.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <net/genetlink.h>

#include "bus.h"
#include "fds.h"
#include "names.h"
#include "netlink.h"
#include "peer.h"
#include "policy.h"
#include "policy_bus.h"
#include "request.h"

/* groups_search() is not for modules; the groups are sorted for it. */
static bool dg_cred_in_group(const void *data, kgid_t gid)
{
	const struct cred *cred = data;
	const struct group_info *groups = cred->group_info;
	int low = 0, high = groups->ngroups;

	while (low < high) {
		int middle = (low + high) / 2;

		if (gid_eq(groups->gid[middle], gid))
			return true;
		if (gid_lt(groups->gid[middle], gid))
			low = middle + 1;
		else
			high = middle;
	}
	return gid_eq(cred->egid, gid);
}

static struct dg_policy_who dg_policy_who_is(const struct dg_peer *peer)
{
	struct dg_policy_who who = {
		.uid = peer->cred->euid,
		.in_group = dg_cred_in_group,
		.data = peer->cred,
	};

	return who;
}

bool dg_policy_privileged(const struct dg_peer *peer)
{
	kuid_t root = make_kuid(sock_net(peer->ep.sk)->user_ns, 0);

	return uid_eq(peer->cred->euid, peer->bus->uid) ||
	       (uid_valid(root) && uid_eq(peer->cred->euid, root));
}

static bool dg_policy_admits(const struct dg_bus *bus,
			     const struct dg_policy_who *who)
{
	bool own = dg_bus_admits(bus, who->uid);

	return bus->policy ? dg_policy_may_connect(bus->policy, who, own) : own;
}

/**
 * dg_policy_prepare() - make what dg_policy_join() will need
 * @peer: who will join; the caller doesn't hold the bus's lock
 *
 * Whether it is admitted is for dg_policy_join() to say, when it is.
 *
 * Return: 0 or -ENOMEM.
 */
int dg_policy_prepare(struct dg_peer *peer)
{
	struct dg_policy_who who = dg_policy_who_is(peer);
	struct dg_policy_class *class = NULL, *other = NULL;
	struct dg_bus *bus = peer->bus;
	int err;

	down_read(&bus->lock);
	if (bus->policy && dg_policy_admits(bus, &who))
		class = dg_policy_class_new(bus->policy, &who);
	if (!IS_ERR_OR_NULL(class))
		other = dg_policy_class_find(class);
	up_read(&bus->lock);

	if (IS_ERR_OR_NULL(class))
		return PTR_ERR_OR_ZERO(class);
	if (other) {
		dg_policy_class_put(class);
		peer->next_policy = other;
		return 0;
	}
	err = dg_policy_class_build(class);
	if (err)
		dg_policy_class_put(class);
	else
		peer->next_policy = class;
	return err;
}

/* After dg_policy_prepare(); dg_policy_leave() whatever it returns. */
int dg_policy_join(struct dg_peer *peer)
{
	struct dg_policy_who who = dg_policy_who_is(peer);
	struct dg_policy_class *class = peer->next_policy;
	struct dg_bus *bus = peer->bus;

	lockdep_assert_held_write(&bus->lock);

	if (!dg_policy_admits(bus, &who))
		return -EACCES;
	if (!bus->policy)
		return 0;

	peer->next_policy = NULL;
	if (class && class->policy == bus->policy) {
		class = dg_policy_class_list(class);
	} else {
		/* The controller has replaced it just now: it may not do so again. */
		dg_policy_class_put(class);
		class = dg_policy_class_get(bus->policy, &who);
	}
	if (IS_ERR(class))
		return PTR_ERR(class);
	peer->policy = class;
	return 0;
}

void dg_policy_leave(struct dg_peer *peer)
{
	lockdep_assert_held_write(&peer->bus->lock);

	dg_policy_class_put(peer->policy);
	dg_policy_class_put(peer->next_policy);
	peer->policy = NULL;
	peer->next_policy = NULL;
}

static struct dg_policy_party dg_party_of(const struct dg_peer *peer)
{
	struct dg_policy_party party = {
		.unique = peer ? peer->unique : DG_DRIVER_NAME,
		.owner = peer ? &peer->owner : NULL,
	};

	return party;
}

static struct dg_policy_ask dg_ask_of(const struct dg_transit *transit,
				      const struct dg_peer *other)
{
	const struct dg_msg *msg = transit->msg;
	struct dg_policy_ask ask = {
		.msg = msg,
		.n_fds = msg->fds ? msg->fds->n : 0,
		.other = dg_party_of(other),
		.requested_reply = transit->requested_reply,
		.eavesdropping = transit->eavesdropping,
	};

	/* All that is known of who will be there. */
	if (!other && transit->to_start)
		ask.other.unique = msg->destination;
	return ask;
}

/**
 * dg_policy_verdict() - may it be sent and received?
 * @bus: the bus, locked
 * @transit: the message, and from whom to whom
 *
 * Return: the verdict.
 */
enum dg_verdict dg_policy_verdict(const struct dg_bus *bus,
				  const struct dg_transit *transit)
{
	const struct dg_msg *msg = transit->msg;
	struct dg_policy_ask ask;

	lockdep_assert_held(&bus->lock);

	if (!bus->policy) {
		/* As on dbus-daemon's system bus. */
		if (transit->from && !transit->eavesdropping &&
		    !transit->requested_reply && dg_is_reply(msg))
			return DG_VERDICT_NOT_SENT;
		return DG_VERDICT_ALLOWED;
	}
	if (transit->from && transit->from->policy) {
		ask = dg_ask_of(transit, transit->to);
		if (!dg_policy_may(transit->from->policy, DG_POLICY_SEND, &ask))
			return DG_VERDICT_NOT_SENT;
	}
	if (transit->to && transit->to->policy) {
		ask = dg_ask_of(transit, transit->from);
		if (!dg_policy_may(transit->to->policy, DG_POLICY_RECEIVE,
				   &ask))
			return DG_VERDICT_NOT_RECEIVED;
	}
	return DG_VERDICT_ALLOWED;
}

/* How many rules matched, in a refusal's text; or -ENOMEM. */
int dg_policy_matched(const struct dg_bus *bus,
		      const struct dg_transit *transit,
		      enum dg_verdict verdict)
{
	bool sending = verdict == DG_VERDICT_NOT_SENT;
	const struct dg_peer *judged = sending ? transit->from : transit->to;
	struct dg_policy_ask ask;

	lockdep_assert_held(&bus->lock);

	if (verdict == DG_VERDICT_ALLOWED || !bus->policy)
		return 0;
	ask = dg_ask_of(transit, sending ? transit->to : transit->from);
	return dg_policy_count(judged->policy,
			       sending ? DG_POLICY_SEND : DG_POLICY_RECEIVE,
			       &ask);
}

bool dg_policy_lets_own(const struct dg_peer *peer, const char *name)
{
	lockdep_assert_held(&peer->bus->lock);

	return !peer->policy || dg_policy_may_own(peer->policy, name);
}

/*
 * Takes @policy over if it returns 0.  With many peers and rules this takes long;
 * who is killed meanwhile needn't wait for its end.
 */
static int dg_policy_replace(struct dg_bus *bus, struct dg_policy *policy)
{
	struct dg_policy_class *class;
	struct dg_policy *old = NULL;
	struct dg_peer *peer;
	int err = 0;

	down_write(&bus->lock);
	if (bus->dead) {
		err = -ENOENT;
		goto out;
	}
	list_for_each_entry(peer, &bus->members, node) {
		struct dg_policy_who who = dg_policy_who_is(peer);

		cond_resched();
		if (fatal_signal_pending(current)) {
			err = -EINTR;
			break;
		}
		class = dg_policy_class_get(policy, &who);
		if (IS_ERR(class)) {
			err = PTR_ERR(class);
			break;
		}
		peer->next_policy = class;
	}

	/* All peers have one in the new policy; or none gets one. */
	list_for_each_entry(peer, &bus->members, node) {
		if (err) {
			dg_policy_class_put(peer->next_policy);
		} else {
			dg_policy_class_put(peer->policy);
			peer->policy = peer->next_policy;
		}
		peer->next_policy = NULL;
		cond_resched();
	}
	if (!err) {
		old = bus->policy;
		bus->policy = policy;
	}
out:
	up_write(&bus->lock);

	dg_policy_put(old);
	return err;
}

const struct nla_policy dg_policy_set_attrs[DBUS_GENL_BUS_A_MAX + 1] = {
	[DBUS_GENL_BUS_A_POLICY] = { .type = NLA_BINARY },
	[DBUS_GENL_BUS_A_POLICY_FD] = { .type = NLA_S32 },
};

int dg_cmd_policy_set(struct sk_buff *skb, struct genl_info *info)
{
	const struct dg_blob_attrs attrs = {
		.inlined = info->attrs[DBUS_GENL_BUS_A_POLICY],
		.fd = info->attrs[DBUS_GENL_BUS_A_POLICY_FD],
		.max = DBUS_GENL_POLICY_MAX,
	};
	struct dg_policy_complaint complaint;
	struct dg_policy *policy;
	struct dg_bus *bus;
	size_t len = 0;
	void *blob;
	int err;

	bus = dg_get_controlled(skb, info);
	if (IS_ERR(bus))
		return PTR_ERR(bus);

	blob = dg_get_blob(&attrs, &len, info->extack);
	err = PTR_ERR_OR_ZERO(blob);
	if (err)
		goto out;

	policy = dg_policy_load(blob, len, current_user_ns(), &complaint);
	err = PTR_ERR_OR_ZERO(policy);
	if (err) {
		u32 where[] = { complaint.section, complaint.rule };

		kvfree(blob);
		if (complaint.why)
			dg_complain(info->extack, attrs.inlined ?: attrs.fd,
				    complaint.why, where, sizeof(where));
		goto out;
	}

	err = dg_policy_replace(bus, policy);
	if (err)
		dg_policy_put(policy);
	if (err == -ENOENT)
		NL_SET_ERR_MSG(info->extack, "the bus is gone");
out:
	dg_bus_put(bus);
	return err;
}
