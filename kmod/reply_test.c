// SPDX-License-Identifier: GPL-2.0-only
/*
 * reply_test.c - KUnit tests of reply.c: who owes whom a reply
 *
 * Peers and their bus are bare: what reply.c looks at is set, there are no
 * sockets.  What it calls of expiry.c and quota.c is here, and counts.
 */
#include <kunit/test.h>
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/slab.h>

#include "bus.h"
#include "expiry.h"
#include "peer.h"
#include "quota.h"
#include "reply.h"

#define N_PEERS		4
#define LIMIT		8
#define HELD_MAX	64

/**
 * struct fixture - a bus with some peers
 * @bus: the bus
 * @peer: its peers, all of one user
 * @user: that user
 * @account: likewise
 * @armed: how often expiry was asked for
 */
struct fixture {
	struct dg_bus bus;
	struct dg_peer peer[N_PEERS];
	struct dg_user user;
	struct dg_account account;
	unsigned int armed;
};

void dg_bus_expect_reply(struct dg_bus *bus)
{
	container_of(bus, struct fixture, bus)->armed++;
}

bool dg_user_holds_too_much(const struct dg_user *user)
{
	return atomic_read(&user->account->held) >= HELD_MAX;
}

static int reply_init(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	unsigned int i;

	if (!f)
		return -ENOMEM;
	init_rwsem(&f->bus.lock);
	spin_lock_init(&f->bus.replies_lock);
	INIT_LIST_HEAD(&f->bus.replies);
	f->bus.limits.value[DBUS_GENL_LIMIT_A_MAX_REPLIES_PER_CONNECTION] =
		LIMIT;
	f->user.account = &f->account;
	for (i = 0; i < N_PEERS; i++) {
		f->peer[i].id = i + 1;
		f->peer[i].user = &f->user;
		dg_calls_init(&f->peer[i].calls);
	}
	test->priv = f;
	return 0;
}

/* Each of these does one thing under the lock that its caller would hold. */
static int expect(struct fixture *f, unsigned int caller, unsigned int callee,
		  u32 serial)
{
	struct dg_reply *reply = dg_reply_alloc();
	int err = -ENOMEM;

	if (!reply)
		return err;
	down_read(&f->bus.lock);
	err = dg_reply_expect(&f->bus, reply, &f->peer[caller],
			      &f->peer[callee], serial);
	up_read(&f->bus.lock);
	if (err)
		dg_reply_free(reply);
	return err;
}

static bool settle(struct fixture *f, unsigned int caller, unsigned int callee,
		   u32 serial)
{
	bool settled;

	down_read(&f->bus.lock);
	settled = dg_reply_settle(&f->bus, &f->peer[caller], &f->peer[callee],
				  serial);
	up_read(&f->bus.lock);
	return settled;
}

static bool waits(struct fixture *f, unsigned int caller, unsigned int callee,
		  u32 serial)
{
	bool waiting;

	down_read(&f->bus.lock);
	waiting = dg_reply_waits(&f->bus, &f->peer[caller], &f->peer[callee],
				 serial);
	up_read(&f->bus.lock);
	return waiting;
}

/* The number of the peer that is told, -1 if none is. */
static int pop_taken(struct fixture *f, unsigned int callee, u32 *serial)
{
	struct dg_peer *caller;

	down_write(&f->bus.lock);
	caller = dg_reply_pop_taken(&f->bus, &f->peer[callee], serial);
	up_write(&f->bus.lock);
	return caller ? caller - f->peer : -1;
}

static int pop_older(struct fixture *f, unsigned long since, u32 *serial,
		     unsigned long *oldest, bool *more)
{
	struct dg_peer *caller;

	down_read(&f->bus.lock);
	caller = dg_reply_pop_older(&f->bus, since, serial, oldest, more);
	up_read(&f->bus.lock);
	return caller ? caller - f->peer : -1;
}

static void drop_made(struct fixture *f, unsigned int caller)
{
	down_write(&f->bus.lock);
	dg_reply_drop_made(&f->bus, &f->peer[caller]);
	up_write(&f->bus.lock);
}

static unsigned int count(const struct list_head *list)
{
	const struct list_head *at;
	unsigned int n = 0;

	list_for_each(at, list)
		n++;
	return n;
}

/* That @n replies are owed, and that all lists say so. */
static void expect_owed(struct kunit *test, unsigned int n)
{
	struct fixture *f = test->priv;
	unsigned int made = 0, taken = 0, i;

	for (i = 0; i < N_PEERS; i++) {
		const struct dg_calls *calls = &f->peer[i].calls;

		KUNIT_EXPECT_EQ(test, calls->n_made, count(&calls->made));
		KUNIT_EXPECT_EQ(test, calls->n_taken, count(&calls->taken));
		KUNIT_EXPECT_EQ(test, !calls->n_taken,
				RB_EMPTY_ROOT(&calls->taken_tree));
		made += calls->n_made;
		taken += calls->n_taken;
	}
	KUNIT_EXPECT_EQ(test, made, n);
	KUNIT_EXPECT_EQ(test, taken, n);
	KUNIT_EXPECT_EQ(test, f->bus.n_replies, n);
	KUNIT_EXPECT_EQ(test, count(&f->bus.replies), n);
	KUNIT_EXPECT_EQ(test, (unsigned int)atomic_read(&f->account.held), n);
}

/* Takes what a test has left, so that nothing leaks if it failed. */
static void reply_exit(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int i;

	for (i = 0; f && i < N_PEERS; i++)
		drop_made(f, i);
}

static void reply_settled_once(struct kunit *test)
{
	struct fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, expect(f, 0, 1, 7), 0);
	KUNIT_EXPECT_EQ(test, f->armed, 1U);
	expect_owed(test, 1);
	KUNIT_EXPECT_TRUE(test, waits(f, 0, 1, 7));

	/* Another serial, another callee, another caller, the wrong way. */
	KUNIT_EXPECT_FALSE(test, settle(f, 0, 1, 8));
	KUNIT_EXPECT_FALSE(test, settle(f, 0, 2, 7));
	KUNIT_EXPECT_FALSE(test, settle(f, 2, 1, 7));
	KUNIT_EXPECT_FALSE(test, settle(f, 1, 0, 7));
	KUNIT_EXPECT_FALSE(test, waits(f, 1, 0, 7));
	expect_owed(test, 1);

	KUNIT_EXPECT_TRUE(test, settle(f, 0, 1, 7));
	KUNIT_EXPECT_FALSE(test, waits(f, 0, 1, 7));
	KUNIT_EXPECT_FALSE(test, settle(f, 0, 1, 7));
	expect_owed(test, 0);
}

/* A serial is the caller's: free again with its reply, and with each callee. */
static void reply_serial_again(struct kunit *test)
{
	struct fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, expect(f, 0, 1, 7), 0);
	KUNIT_EXPECT_EQ(test, expect(f, 0, 1, 7), -EEXIST);
	KUNIT_EXPECT_EQ(test, f->armed, 1U);
	KUNIT_EXPECT_EQ(test, expect(f, 0, 2, 7), 0);
	KUNIT_EXPECT_EQ(test, expect(f, 2, 1, 7), 0);
	/* To itself, and back. */
	KUNIT_EXPECT_EQ(test, expect(f, 0, 0, 7), 0);
	KUNIT_EXPECT_EQ(test, expect(f, 1, 0, 7), 0);
	expect_owed(test, 5);

	KUNIT_EXPECT_TRUE(test, settle(f, 0, 1, 7));
	KUNIT_EXPECT_TRUE(test, waits(f, 0, 2, 7));
	KUNIT_EXPECT_TRUE(test, waits(f, 2, 1, 7));
	KUNIT_EXPECT_TRUE(test, waits(f, 0, 0, 7));
	KUNIT_EXPECT_TRUE(test, waits(f, 1, 0, 7));
	KUNIT_EXPECT_EQ(test, expect(f, 0, 1, 7), 0);
	KUNIT_EXPECT_TRUE(test, settle(f, 0, 1, 7));
	KUNIT_EXPECT_TRUE(test, settle(f, 0, 0, 7));
	expect_owed(test, 3);
}

/* Of who waits, however many callees there are; a lower one only forbids more. */
static void reply_limit(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 *limit = &f->bus.limits
			.value[DBUS_GENL_LIMIT_A_MAX_REPLIES_PER_CONNECTION];
	u32 i;

	for (i = 1; i <= LIMIT; i++)
		KUNIT_EXPECT_EQ(test, expect(f, 0, 1 + i % 3, i), 0);
	KUNIT_EXPECT_EQ(test, expect(f, 0, 1, i), -EDQUOT);
	/* As dbus-daemon has it, a serial that is in use is seen first. */
	KUNIT_EXPECT_EQ(test, expect(f, 0, 2, 1), -EEXIST);
	KUNIT_EXPECT_EQ(test, f->armed, (unsigned int)LIMIT);
	/* What others owe or wait for doesn't count. */
	KUNIT_EXPECT_EQ(test, expect(f, 1, 0, 1), 0);
	KUNIT_EXPECT_EQ(test, expect(f, 2, 1, 1), 0);
	expect_owed(test, LIMIT + 2);

	KUNIT_EXPECT_TRUE(test, settle(f, 0, 2, 1));
	KUNIT_EXPECT_EQ(test, expect(f, 0, 1, i), 0);
	*limit = 2;
	KUNIT_EXPECT_TRUE(test, settle(f, 0, 1, i));
	KUNIT_EXPECT_EQ(test, expect(f, 0, 1, i), -EDQUOT);
	KUNIT_EXPECT_TRUE(test, waits(f, 0, 3, 2));
	*limit = 0;
	KUNIT_EXPECT_EQ(test, expect(f, 3, 1, i), -EDQUOT);
	expect_owed(test, LIMIT + 1);
}

/* What all peers of a user wait for, and what else it holds. */
static void reply_limit_of_user(struct kunit *test)
{
	struct fixture *f = test->priv;

	atomic_set(&f->account.held, HELD_MAX - 2);
	KUNIT_EXPECT_EQ(test, expect(f, 0, 1, 1), 0);
	KUNIT_EXPECT_EQ(test, expect(f, 1, 2, 1), 0);
	KUNIT_EXPECT_EQ(test, expect(f, 2, 0, 1), -EDQUOT);
	KUNIT_EXPECT_TRUE(test, settle(f, 0, 1, 1));
	KUNIT_EXPECT_EQ(test, expect(f, 2, 0, 1), 0);
	KUNIT_EXPECT_EQ(test, expect(f, 0, 1, 1), -EDQUOT);
	atomic_sub(HELD_MAX - 2, &f->account.held);
	expect_owed(test, 2);
}

/* Whoever waits for one that goes is told, the newest call first. */
static void reply_callee_goes(struct kunit *test)
{
	static const struct {
		unsigned int caller;
		u32 serial;
	} calls[] = { { 0, 9 }, { 2, 3 }, { 0, 1 }, { 3, 3 }, { 0, 5 } };
	struct fixture *f = test->priv;
	u32 serial = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(calls); i++)
		KUNIT_EXPECT_EQ(test, expect(f, calls[i].caller, 1,
					     calls[i].serial), 0);
	KUNIT_EXPECT_EQ(test, expect(f, 1, 0, 4), 0);
	KUNIT_EXPECT_EQ(test, expect(f, 0, 2, 77), 0);
	/* One that was answered is not told of. */
	KUNIT_EXPECT_TRUE(test, settle(f, 0, 1, 1));

	for (i = ARRAY_SIZE(calls) - 1; i >= 0; i--) {
		if (calls[i].serial == 1)
			continue;
		KUNIT_EXPECT_EQ(test, pop_taken(f, 1, &serial),
				(int)calls[i].caller);
		KUNIT_EXPECT_EQ(test, serial, calls[i].serial);
		KUNIT_EXPECT_FALSE(test, waits(f, calls[i].caller, 1,
					       calls[i].serial));
	}
	KUNIT_EXPECT_EQ(test, pop_taken(f, 1, &serial), -1);
	/* What it waits for itself, and what others owe, stays. */
	expect_owed(test, 2);
	KUNIT_EXPECT_TRUE(test, waits(f, 1, 0, 4));
	KUNIT_EXPECT_TRUE(test, waits(f, 0, 2, 77));
}

/* Nobody waits any more for what one who goes has called. */
static void reply_caller_goes(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 serial;

	KUNIT_EXPECT_EQ(test, expect(f, 0, 1, 1), 0);
	KUNIT_EXPECT_EQ(test, expect(f, 0, 2, 2), 0);
	KUNIT_EXPECT_EQ(test, expect(f, 0, 0, 3), 0);
	KUNIT_EXPECT_EQ(test, expect(f, 2, 1, 1), 0);
	KUNIT_EXPECT_EQ(test, expect(f, 1, 0, 4), 0);
	drop_made(f, 0);
	expect_owed(test, 2);
	KUNIT_EXPECT_FALSE(test, settle(f, 0, 1, 1));
	KUNIT_EXPECT_FALSE(test, waits(f, 0, 0, 3));
	KUNIT_EXPECT_TRUE(test, settle(f, 2, 1, 1));
	/* It still owes, as far as reply.c knows. */
	KUNIT_EXPECT_EQ(test, pop_taken(f, 0, &serial), 1);
	KUNIT_EXPECT_EQ(test, serial, 4U);
	drop_made(f, 0);
	drop_made(f, 3);
	expect_owed(test, 0);
}

/* The oldest first, whoever called whom; those that are young enough stay. */
static void reply_expiry(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned long oldest = 0, between;
	bool more = true;
	u32 serial = 0;

	KUNIT_EXPECT_EQ(test, pop_older(f, jiffies, &serial, &oldest, &more),
			-1);
	KUNIT_EXPECT_FALSE(test, more);

	KUNIT_EXPECT_EQ(test, expect(f, 2, 1, 5), 0);
	KUNIT_EXPECT_EQ(test, expect(f, 0, 3, 9), 0);
	KUNIT_EXPECT_EQ(test, expect(f, 0, 1, 2), 0);
	KUNIT_EXPECT_TRUE(test, settle(f, 0, 3, 9));
	between = jiffies;
	schedule_timeout_uninterruptible(3);
	KUNIT_EXPECT_EQ(test, expect(f, 3, 2, 1), 0);

	KUNIT_EXPECT_EQ(test, pop_older(f, between - HZ, &serial, &oldest,
					&more), -1);
	KUNIT_EXPECT_TRUE(test, more);
	KUNIT_EXPECT_TRUE(test, time_before_eq(oldest, between));
	expect_owed(test, 3);

	KUNIT_EXPECT_EQ(test, pop_older(f, between, &serial, &oldest, &more),
			2);
	KUNIT_EXPECT_EQ(test, serial, 5U);
	KUNIT_EXPECT_EQ(test, pop_older(f, between, &serial, &oldest, &more),
			0);
	KUNIT_EXPECT_EQ(test, serial, 2U);
	KUNIT_EXPECT_EQ(test, pop_older(f, between, &serial, &oldest, &more),
			-1);
	KUNIT_EXPECT_TRUE(test, more);
	KUNIT_EXPECT_TRUE(test, time_after(oldest, between));
	expect_owed(test, 1);
	KUNIT_EXPECT_FALSE(test, settle(f, 2, 1, 5));
	KUNIT_EXPECT_TRUE(test, settle(f, 3, 2, 1));
	KUNIT_EXPECT_EQ(test, pop_older(f, jiffies, &serial, &oldest, &more),
			-1);
	KUNIT_EXPECT_FALSE(test, more);
}

/* Ids and serials at their ends, against the tree's order: all are found. */
static void reply_many(struct kunit *test)
{
	static const u32 serials[] = { 1, 2, 3, 0x7fffffff, 0x80000000,
				       0xfffffffe, 0xffffffff };
	struct fixture *f = test->priv;
	unsigned int caller, i;

	f->peer[2].id = 0xffffffffULL;
	f->peer[3].id = 0x100000001ULL;	/* as the first, in 32 bits */
	for (i = 0; i < ARRAY_SIZE(serials); i++)
		for (caller = 0; caller < N_PEERS; caller++)
			KUNIT_EXPECT_EQ(test, expect(f, (caller + i) % N_PEERS,
						     1, serials[i]), 0);
	expect_owed(test, N_PEERS * ARRAY_SIZE(serials));
	for (i = ARRAY_SIZE(serials); i-- > 0;)
		for (caller = 0; caller < N_PEERS; caller++) {
			KUNIT_EXPECT_EQ(test, expect(f, caller, 1, serials[i]),
					-EEXIST);
			KUNIT_EXPECT_TRUE(test, settle(f, caller, 1,
						       serials[i]));
			KUNIT_EXPECT_FALSE(test, waits(f, caller, 1,
						       serials[i]));
		}
	expect_owed(test, 0);
}

static struct kunit_case dg_reply_cases[] = {
	KUNIT_CASE(reply_settled_once),
	KUNIT_CASE(reply_serial_again),
	KUNIT_CASE(reply_limit),
	KUNIT_CASE(reply_limit_of_user),
	KUNIT_CASE(reply_callee_goes),
	KUNIT_CASE(reply_caller_goes),
	KUNIT_CASE(reply_expiry),
	KUNIT_CASE(reply_many),
	{ }
};

static struct kunit_suite dg_reply_suite = {
	.name = "dbus_genl_reply",
	.init = reply_init,
	.exit = reply_exit,
	.test_cases = dg_reply_cases,
};

kunit_test_suite(dg_reply_suite);
