// SPDX-License-Identifier: GPL-2.0-only
/*
 * stats_test.c - KUnit tests of stats.c: a net namespace's sums
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/jiffies.h>
#include <linux/workqueue.h>

#include "bus.h"
#include "stats.h"

#define N_BUSES	2

/**
 * struct fixture - a net namespace with some buses
 * @net: the namespace
 * @bus: its buses, bare
 * @stats: what @work found
 * @work: asks for statistics
 * @done: and has them
 */
struct fixture {
	struct dg_net net;
	struct dg_bus bus[N_BUSES];
	struct dg_stats stats;
	struct work_struct work;
	struct completion done;
};

static void ask(struct work_struct *work)
{
	struct fixture *f = container_of(work, struct fixture, work);

	dg_stats_of_net(&f->stats, &f->net);
	complete(&f->done);
}

static int stats_init(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	unsigned int i;

	if (!f)
		return -ENOMEM;
	mutex_init(&f->net.lock);
	INIT_LIST_HEAD(&f->net.buses);
	for (i = 0; i < N_BUSES; i++) {
		init_rwsem(&f->bus[i].lock);
		spin_lock_init(&f->bus[i].replies_lock);
		spin_lock_init(&f->bus[i].users_lock);
		list_add_tail(&f->bus[i].node, &f->net.buses);
	}
	INIT_WORK(&f->work, ask);
	init_completion(&f->done);
	test->priv = f;
	return 0;
}

/* Of the buses that there are, and of those that were. */
static void test_sums(struct kunit *test)
{
	struct fixture *f = test->priv;
	const u64 *v = f->stats.value;

	f->bus[0].n_peers = 3;
	f->bus[1].n_peers = 4;
	f->bus[1].n_replies = 5;
	atomic64_set(&f->bus[0].counters.routed, 10);
	atomic64_set(&f->bus[1].counters.routed, 20);
	atomic64_set(&f->net.refused, 7);
	dg_stats_of_net(&f->stats, &f->net);
	KUNIT_EXPECT_EQ(test, v[DBUS_GENL_STATS_A_BUSES], (u64)2);
	KUNIT_EXPECT_EQ(test, v[DBUS_GENL_STATS_A_PEERS], (u64)7);
	KUNIT_EXPECT_EQ(test, v[DBUS_GENL_STATS_A_REPLIES], (u64)5);
	KUNIT_EXPECT_EQ(test, v[DBUS_GENL_STATS_A_ROUTED], (u64)30);
	KUNIT_EXPECT_EQ(test, v[DBUS_GENL_STATS_A_REFUSED], (u64)7);

	list_del(&f->bus[1].node);
	dg_counters_fold(&f->net.gone, &f->bus[1].counters);
	dg_stats_of_net(&f->stats, &f->net);
	KUNIT_EXPECT_EQ(test, v[DBUS_GENL_STATS_A_BUSES], (u64)1);
	KUNIT_EXPECT_EQ(test, v[DBUS_GENL_STATS_A_PEERS], (u64)3);
	KUNIT_EXPECT_EQ(test, v[DBUS_GENL_STATS_A_ROUTED], (u64)30);
}

/* Who holds a bus's lock for long holds up nobody who asks. */
static void test_busy_bus(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned long left;

	down_write(&f->bus[0].lock);
	queue_work(system_unbound_wq, &f->work);
	left = wait_for_completion_timeout(&f->done, 20 * HZ);
	up_write(&f->bus[0].lock);
	flush_work(&f->work);
	KUNIT_EXPECT_NE(test, left, 0UL);
}

static struct kunit_case stats_cases[] = {
	KUNIT_CASE(test_sums),
	KUNIT_CASE(test_busy_bus),
	{ }
};

static struct kunit_suite stats_suite = {
	.name = "dbus_genl_stats",
	.init = stats_init,
	.test_cases = stats_cases,
};
kunit_test_suite(stats_suite);
