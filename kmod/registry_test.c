// SPDX-License-Identifier: GPL-2.0-only
/*
 * registry_test.c - KUnit tests of registry.c
 *
 * The stories hold what dbus-daemon 1.14 does; compat-tests/hostkernel/ plays
 * random ones with a running one.
 */
#include <kunit/test.h>
#include <linux/errno.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "registry.h"

#define ALLOW	DG_NAME_ALLOW_REPLACEMENT
#define REPLACE	DG_NAME_REPLACE_EXISTING
#define NOQUEUE	DG_NAME_DO_NOT_QUEUE

/* Peers 'A' to 'D' have the ids 1 to 4. */
struct world {
	struct dg_registry reg;
	struct dg_owner peers[4];
	char line[64];
};

static struct world *world_new(struct kunit *test)
{
	struct world *w = kzalloc(sizeof(*w), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, w);
	KUNIT_ASSERT_EQ(test, dg_registry_init(&w->reg), 0);
	for (i = 0; i < ARRAY_SIZE(w->peers); i++)
		dg_owner_init(&w->peers[i], i + 1, NULL);
	return w;
}

static void world_free(struct kunit *test, struct world *w)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(w->peers); i++) {
		dg_registry_drop(&w->reg, &w->peers[i], NULL, NULL);
		KUNIT_EXPECT_EQ(test, w->peers[i].n_places, 0U);
	}
	KUNIT_EXPECT_EQ(test, w->reg.n_names, 0U);
	KUNIT_EXPECT_EQ(test, w->reg.n_places, 0U);
	dg_registry_destroy(&w->reg);
	kfree(w);
}

static char letter(const struct dg_owner *owner)
{
	return owner ? 'A' + owner->id - 1 : '-';
}

static int append_letter(void *data, struct dg_owner *owner)
{
	char *line = data;
	size_t len = strlen(line);

	line[len] = letter(owner);
	line[len + 1] = 0;
	return 0;
}

/* The queue of a name, in letters: "AC"; "" if nobody owns it. */
static const char *queue_of(struct world *w, const char *name)
{
	w->line[0] = 0;
	dg_registry_for_each_queued(&w->reg, name, append_letter, w->line);
	return w->line;
}

/*
 * One step of a story: a peer requests the name with flags (or, with @flags
 * RELEASE, releases it).  What comes of it, who had it and who has it now
 * (0: nothing changed hands), and the queue then.
 */
#define RELEASE	(-1)

struct step {
	char peer;
	int flags;
	int result;
	char from, to;
	const char *queue;
};

static void play(struct kunit *test, const char *what,
		 const struct step *step, unsigned int n)
{
	static const char name[] = "a.name";
	struct world *w = world_new(test);
	struct dg_name_change change;
	struct dg_owner *owner;
	unsigned int i;
	int ret;

	for (i = 0; i < n; i++, step++) {
		owner = &w->peers[step->peer - 'A'];
		if (step->flags == RELEASE)
			ret = dg_registry_release(&w->reg, owner, name,
						  &change);
		else
			ret = dg_registry_request(&w->reg, owner, name,
						  step->flags, &change);
		KUNIT_EXPECT_EQ_MSG(test, ret, step->result, "%s, step %u",
				    what, i);
		KUNIT_EXPECT_STREQ(test, change.name, name);
		KUNIT_EXPECT_EQ_MSG(test, dg_name_changed(&change), !!step->to,
				    "%s, step %u", what, i);
		if (step->to) {
			KUNIT_EXPECT_EQ_MSG(test, letter(change.from),
					    step->from, "%s, step %u", what, i);
			KUNIT_EXPECT_EQ_MSG(test, letter(change.to), step->to,
					    "%s, step %u", what, i);
		}
		KUNIT_EXPECT_TRUE_MSG(test,
				      !strcmp(queue_of(w, name), step->queue),
				      "%s, step %u: queue is %s", what, i,
				      w->line);
		KUNIT_EXPECT_EQ(test, w->reg.n_names, !!*step->queue + 0U);
		KUNIT_EXPECT_EQ(test, (size_t)w->reg.n_places,
				strlen(step->queue));
	}
	world_free(test, w);
}

#define PLAY(test, what, ...)						\
	do {								\
		static const struct step steps[] = { __VA_ARGS__ };	\
		play(test, what, steps, ARRAY_SIZE(steps));		\
	} while (0)

static void test_take_and_release(struct kunit *test)
{
	PLAY(test, "one peer",
	     { 'A', RELEASE, DG_RELEASE_NON_EXISTENT, 0, 0, "" },
	     { 'A', 0, DG_REQUEST_PRIMARY_OWNER, '-', 'A', "A" },
	     { 'A', 0, DG_REQUEST_ALREADY_OWNER, 0, 0, "A" },
	     { 'A', REPLACE | NOQUEUE, DG_REQUEST_ALREADY_OWNER, 0, 0, "A" },
	     { 'B', RELEASE, DG_RELEASE_NOT_OWNER, 0, 0, "A" },
	     { 'A', RELEASE, DG_RELEASE_RELEASED, 'A', '-', "" },
	     { 'A', RELEASE, DG_RELEASE_NON_EXISTENT, 0, 0, "" });
}

static void test_queue(struct kunit *test)
{
	PLAY(test, "first come, first served",
	     { 'A', 0, DG_REQUEST_PRIMARY_OWNER, '-', 'A', "A" },
	     { 'B', 0, DG_REQUEST_IN_QUEUE, 0, 0, "AB" },
	     { 'C', 0, DG_REQUEST_IN_QUEUE, 0, 0, "ABC" },
	     { 'D', NOQUEUE, DG_REQUEST_EXISTS, 0, 0, "ABC" },
	     { 'B', 0, DG_REQUEST_IN_QUEUE, 0, 0, "ABC" },
	     { 'D', 0, DG_REQUEST_IN_QUEUE, 0, 0, "ABCD" },
	     { 'C', RELEASE, DG_RELEASE_RELEASED, 0, 0, "ABD" },
	     { 'A', RELEASE, DG_RELEASE_RELEASED, 'A', 'B', "BD" },
	     { 'B', RELEASE, DG_RELEASE_RELEASED, 'B', 'D', "D" },
	     { 'D', RELEASE, DG_RELEASE_RELEASED, 'D', '-', "" });
	PLAY(test, "who will not queue any more leaves the queue",
	     { 'A', 0, DG_REQUEST_PRIMARY_OWNER, '-', 'A', "A" },
	     { 'B', 0, DG_REQUEST_IN_QUEUE, 0, 0, "AB" },
	     { 'B', NOQUEUE, DG_REQUEST_EXISTS, 0, 0, "A" });
	PLAY(test, "replacement takes two",
	     { 'A', 0, DG_REQUEST_PRIMARY_OWNER, '-', 'A', "A" },
	     { 'B', REPLACE, DG_REQUEST_IN_QUEUE, 0, 0, "AB" },
	     { 'C', REPLACE | NOQUEUE, DG_REQUEST_EXISTS, 0, 0, "AB" },
	     { 'A', ALLOW, DG_REQUEST_ALREADY_OWNER, 0, 0, "AB" },
	     { 'C', 0, DG_REQUEST_IN_QUEUE, 0, 0, "ABC" },
	     { 'C', ALLOW, DG_REQUEST_IN_QUEUE, 0, 0, "ABC" });
}

static void test_replace(struct kunit *test)
{
	PLAY(test, "who was replaced is second",
	     { 'A', ALLOW, DG_REQUEST_PRIMARY_OWNER, '-', 'A', "A" },
	     { 'B', 0, DG_REQUEST_IN_QUEUE, 0, 0, "AB" },
	     { 'C', REPLACE, DG_REQUEST_PRIMARY_OWNER, 'A', 'C', "CAB" },
	     { 'C', RELEASE, DG_RELEASE_RELEASED, 'C', 'A', "AB" },
	     /* A allows it still. */
	     { 'D', REPLACE | NOQUEUE, DG_REQUEST_PRIMARY_OWNER, 'A', 'D',
	       "DAB" });
	PLAY(test, "who would replace but may not is the next",
	     { 'A', 0, DG_REQUEST_PRIMARY_OWNER, '-', 'A', "A" },
	     { 'B', 0, DG_REQUEST_IN_QUEUE, 0, 0, "AB" },
	     { 'C', REPLACE, DG_REQUEST_IN_QUEUE, 0, 0, "ACB" },
	     { 'D', REPLACE | ALLOW, DG_REQUEST_IN_QUEUE, 0, 0, "ADCB" },
	     { 'B', REPLACE, DG_REQUEST_IN_QUEUE, 0, 0, "ABDC" },
	     { 'B', REPLACE, DG_REQUEST_IN_QUEUE, 0, 0, "ABDC" },
	     { 'D', 0, DG_REQUEST_IN_QUEUE, 0, 0, "ABDC" });
	PLAY(test, "who will not queue is gone",
	     { 'A', ALLOW | NOQUEUE, DG_REQUEST_PRIMARY_OWNER, '-', 'A', "A" },
	     { 'B', 0, DG_REQUEST_IN_QUEUE, 0, 0, "AB" },
	     { 'C', REPLACE | NOQUEUE | ALLOW, DG_REQUEST_PRIMARY_OWNER,
	       'A', 'C', "CB" },
	     { 'B', REPLACE, DG_REQUEST_PRIMARY_OWNER, 'C', 'B', "B" });
	PLAY(test, "the last flags count",
	     { 'A', ALLOW, DG_REQUEST_PRIMARY_OWNER, '-', 'A', "A" },
	     { 'A', 0, DG_REQUEST_ALREADY_OWNER, 0, 0, "A" },
	     { 'B', REPLACE, DG_REQUEST_IN_QUEUE, 0, 0, "AB" },
	     { 'A', ALLOW | NOQUEUE, DG_REQUEST_ALREADY_OWNER, 0, 0, "AB" },
	     { 'B', REPLACE, DG_REQUEST_PRIMARY_OWNER, 'A', 'B', "B" });
	PLAY(test, "those asked for in the queue, too",
	     { 'A', 0, DG_REQUEST_PRIMARY_OWNER, '-', 'A', "A" },
	     { 'B', 0, DG_REQUEST_IN_QUEUE, 0, 0, "AB" },
	     { 'B', ALLOW, DG_REQUEST_IN_QUEUE, 0, 0, "AB" },
	     { 'A', RELEASE, DG_RELEASE_RELEASED, 'A', 'B', "B" },
	     { 'C', REPLACE, DG_REQUEST_PRIMARY_OWNER, 'B', 'C', "CB" });
	PLAY(test, "from behind in the queue to its front",
	     { 'A', ALLOW, DG_REQUEST_PRIMARY_OWNER, '-', 'A', "A" },
	     { 'B', 0, DG_REQUEST_IN_QUEUE, 0, 0, "AB" },
	     { 'C', 0, DG_REQUEST_IN_QUEUE, 0, 0, "ABC" },
	     { 'C', REPLACE, DG_REQUEST_PRIMARY_OWNER, 'A', 'C', "CAB" });
	PLAY(test, "unknown flags mean nothing",
	     { 'A', ~7 & 0x7fffffff, DG_REQUEST_PRIMARY_OWNER, '-', 'A', "A" },
	     { 'B', REPLACE, DG_REQUEST_IN_QUEUE, 0, 0, "AB" });
}

static void record_change(void *data, const struct dg_name_change *change)
{
	struct world *w = data;
	size_t len = strlen(w->line);

	/* The registry tells already how it is now. */
	if (dg_registry_lookup(&w->reg, change->name) != change->to)
		return;
	scnprintf(w->line + len, sizeof(w->line) - len, "%s:%c%c ",
		  change->name, letter(change->from), letter(change->to));
}

/* Drops what A has, and looks at what becomes of it. */
static void check_drop(struct kunit *test, bool oldest_first,
		       const char *expect)
{
	struct world *w = world_new(test);
	struct dg_owner *a = &w->peers[0], *b = &w->peers[1];
	struct dg_name_change c;

	dg_registry_request(&w->reg, a, "n.a", 0, &c);
	dg_registry_request(&w->reg, a, "n.b", 0, &c);
	dg_registry_request(&w->reg, b, "n.b", 0, &c);
	dg_registry_request(&w->reg, b, "n.c", 0, &c);
	dg_registry_request(&w->reg, a, "n.c", 0, &c);
	dg_registry_request(&w->reg, a, "n.d", 0, &c);
	KUNIT_EXPECT_EQ(test, a->n_places, 4U);
	KUNIT_EXPECT_EQ(test, w->reg.n_names, 4U);
	KUNIT_EXPECT_EQ(test, w->reg.n_places, 6U);

	w->line[0] = 0;
	if (oldest_first)
		dg_registry_drop_oldest_first(&w->reg, a, record_change, w);
	else
		dg_registry_drop(&w->reg, a, record_change, w);
	KUNIT_EXPECT_STREQ(test, (const char *)w->line, expect);
	KUNIT_EXPECT_EQ(test, a->n_places, 0U);
	KUNIT_EXPECT_EQ(test, w->reg.n_names, 2U);
	KUNIT_EXPECT_EQ(test, w->reg.n_places, 2U);
	KUNIT_EXPECT_STREQ(test, queue_of(w, "n.b"), "B");
	KUNIT_EXPECT_STREQ(test, queue_of(w, "n.c"), "B");
	world_free(test, w);
}

static void test_drop(struct kunit *test)
{
	check_drop(test, false, "n.d:A- n.b:AB n.a:A- ");
	check_drop(test, true, "n.a:A- n.b:AB n.d:A- ");
}

static int count_name(void *data, const char *name, struct dg_owner *owner)
{
	unsigned int *n = data;

	n[owner->id]++;
	return 0;
}

static int count_owned(void *data, const char *name)
{
	(*(unsigned int *)data)++;
	return 0;
}

static int stop(void *data, struct dg_owner *owner)
{
	(*(unsigned int *)data)++;
	return -EINTR;
}

/* Enough names for the table to grow, several times. */
static void test_many(struct kunit *test)
{
	enum { NAMES = 1000 };
	struct world *w = world_new(test);
	struct dg_name_change c;
	unsigned int i, n[5] = { }, owned = 0;
	char name[16];

	for (i = 0; i < NAMES; i++) {
		scnprintf(name, sizeof(name), "n.n%u", i);
		dg_registry_request(&w->reg, &w->peers[i % 4], name, 0, &c);
		dg_registry_request(&w->reg, &w->peers[0], name, 0, &c);
	}
	KUNIT_EXPECT_LE(test, 9U, w->reg.bits);
	KUNIT_EXPECT_EQ(test, w->reg.n_names, (unsigned int)NAMES);
	for (i = 0; i < NAMES; i++) {
		scnprintf(name, sizeof(name), "n.n%u", i);
		KUNIT_EXPECT_PTR_EQ(test, dg_registry_lookup(&w->reg, name),
				    &w->peers[i % 4]);
	}
	KUNIT_EXPECT_NULL(test, dg_registry_lookup(&w->reg, "n.n"));

	KUNIT_EXPECT_EQ(test, dg_registry_for_each_name(&w->reg, count_name, n),
			0);
	for (i = 1; i <= 4; i++)
		KUNIT_EXPECT_EQ(test, n[i], NAMES / 4U);
	/* To queue is not to own. */
	dg_registry_for_each_owned(&w->peers[0], count_owned, &owned);
	KUNIT_EXPECT_EQ(test, owned, NAMES / 4U);
	KUNIT_EXPECT_TRUE(test, dg_registry_owns(&w->reg, &w->peers[0], "n.n4"));
	KUNIT_EXPECT_FALSE(test, dg_registry_owns(&w->reg, &w->peers[0], "n.n1"));
	KUNIT_EXPECT_FALSE(test, dg_registry_owns(&w->reg, &w->peers[0], "n.none"));

	n[0] = 0;
	KUNIT_EXPECT_EQ(test,
			dg_registry_for_each_queued(&w->reg, "n.n1", stop, n),
			-EINTR);
	KUNIT_EXPECT_EQ(test, n[0], 1U);
	KUNIT_EXPECT_EQ(test,
			dg_registry_for_each_queued(&w->reg, "n.none", stop, n),
			-ENOENT);
	world_free(test, w);
}

static struct kunit_case registry_cases[] = {
	KUNIT_CASE(test_take_and_release),
	KUNIT_CASE(test_queue),
	KUNIT_CASE(test_replace),
	KUNIT_CASE(test_drop),
	KUNIT_CASE(test_many),
	{}
};

static struct kunit_suite registry_suite = {
	.name = "dbus_genl_registry",
	.test_cases = registry_cases,
};

kunit_test_suite(registry_suite);
