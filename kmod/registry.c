// SPDX-License-Identifier: GPL-2.0-only
/*
 * registry.c - well-known names, their owners and those who queue for them
 *
 * What RequestName does in each case is what dbus-daemon 1.14 was seen to do;
 * compat-tests/hostkernel/ compares random requests of several peers with it.
 */
#include <linux/bitops.h>
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "alloc.h"
#include "registry.h"

#define BITS_MIN	4
#define BITS_MAX	20

/**
 * struct dg_name - a name that somebody owns
 * @node: in its bucket
 * @hash: of @text
 * @queue: struct dg_place, the owner's first; empty only on the way in and out
 * @text: the name
 */
struct dg_name {
	struct hlist_node node;
	u32 hash;
	struct list_head queue;
	char text[];
};

/**
 * struct dg_place - a peer's place in the queue of a name
 * @in_queue: in the name's queue
 * @of_owner: in the owner's list
 * @name: the name
 * @owner: the peer's
 * @number: its place in time among the registry's
 * @flags: as it last asked for: DG_NAME_ALLOW_REPLACEMENT, DG_NAME_DO_NOT_QUEUE
 */
struct dg_place {
	struct list_head in_queue;
	struct list_head of_owner;
	struct dg_name *name;
	struct dg_owner *owner;
	u64 number;
	u32 flags;
};

static struct hlist_head *bucket_of(const struct dg_registry *reg, u32 hash)
{
	return &reg->buckets[hash >> (32 - reg->bits)];
}

static u32 hash_of(const struct dg_registry *reg, const char *name)
{
	return hsiphash(name, strlen(name), &reg->key);
}

static struct dg_name *find_name(const struct dg_registry *reg,
				 const char *text)
{
	u32 hash = hash_of(reg, text);
	struct dg_name *name;

	hlist_for_each_entry(name, bucket_of(reg, hash), node)
		if (name->hash == hash && !strcmp(name->text, text))
			return name;
	return NULL;
}

/* The place in front of a queue, or NULL. */
static struct dg_place *first_place(struct dg_name *name)
{
	return list_first_entry_or_null(&name->queue, struct dg_place,
					in_queue);
}

static struct dg_owner *owner_of(struct dg_name *name)
{
	struct dg_place *place = first_place(name);

	return place ? place->owner : NULL;
}

/* A peer has few names; a name may have a long queue. */
static struct dg_place *find_place(const struct dg_owner *owner,
				   const struct dg_name *name)
{
	struct dg_place *place;

	list_for_each_entry(place, &owner->places, of_owner) {
		if (place->name == name)
			return place;
		cond_resched();
	}
	return NULL;
}

/* Twice as many buckets.  If there is no memory the chains just get longer. */
static void grow(struct dg_registry *reg)
{
	struct hlist_head *old = reg->buckets, *buckets;
	unsigned int i, n = BIT(reg->bits);
	struct hlist_node *next;
	struct dg_name *name;

	buckets = dg_kvcalloc(2 * n, sizeof(*buckets));
	if (!buckets)
		return;
	reg->buckets = buckets;
	reg->bits++;
	for (i = 0; i < n; i++)
		hlist_for_each_entry_safe(name, next, &old[i], node)
			hlist_add_head(&name->node, bucket_of(reg, name->hash));
	kvfree(old);
}

static struct dg_name *add_name(struct dg_registry *reg, const char *text)
{
	size_t size = strlen(text) + 1;
	struct dg_name *name;

	name = dg_kzalloc(struct_size(name, text, size));
	if (!name)
		return NULL;
	if (reg->n_names >= BIT(reg->bits) && reg->bits < BITS_MAX)
		grow(reg);
	memcpy(name->text, text, size);
	name->hash = hash_of(reg, text);
	INIT_LIST_HEAD(&name->queue);
	hlist_add_head(&name->node, bucket_of(reg, name->hash));
	reg->n_names++;
	return name;
}

static void remove_name(struct dg_registry *reg, struct dg_name *name)
{
	hlist_del(&name->node);
	reg->n_names--;
}

/* Put a new place into a queue, behind @after. */
static void add_place(struct dg_registry *reg, struct dg_place *place,
		      struct dg_name *name, struct dg_owner *owner, u32 flags,
		      struct list_head *after)
{
	place->name = name;
	place->owner = owner;
	place->number = ++reg->last_number;
	place->flags = flags;
	list_add(&place->in_queue, after);
	list_add_tail(&place->of_owner, &owner->places);
	owner->n_places++;
	if (owner->held)
		atomic_inc(owner->held);
	reg->n_places++;
	reg->changes++;
}

static void remove_place(struct dg_registry *reg, struct dg_place *place)
{
	list_del(&place->in_queue);
	list_del(&place->of_owner);
	place->owner->n_places--;
	if (place->owner->held)
		atomic_dec(place->owner->held);
	reg->n_places--;
	reg->changes++;
	kfree(place);
}

int dg_registry_init(struct dg_registry *reg)
{
	memset(reg, 0, sizeof(*reg));
	reg->buckets = kvcalloc(BIT(BITS_MIN), sizeof(*reg->buckets),
				GFP_KERNEL_ACCOUNT);
	if (!reg->buckets)
		return -ENOMEM;
	reg->bits = BITS_MIN;
	get_random_bytes(&reg->key, sizeof(reg->key));
	return 0;
}

void dg_registry_destroy(struct dg_registry *reg)
{
	WARN_ON_ONCE(reg->n_names);
	kvfree(reg->buckets);
	reg->buckets = NULL;
}

void dg_owner_init(struct dg_owner *owner, u64 id, atomic_t *held)
{
	owner->id = id;
	INIT_LIST_HEAD(&owner->places);
	owner->n_places = 0;
	owner->held = held;
}

/* RequestName of a name that nobody owns. */
static int request_free(struct dg_registry *reg, struct dg_owner *owner,
			const char *text, u32 flags)
{
	struct dg_place *place;
	struct dg_name *name;

	place = dg_kzalloc(sizeof(*place));
	if (!place)
		return -ENOMEM;
	name = add_name(reg, text);
	if (!name) {
		kfree(place);
		return -ENOMEM;
	}
	add_place(reg, place, name, owner, flags, &name->queue);
	return DG_REQUEST_PRIMARY_OWNER;
}

/* RequestName of a name that another peer owns. */
static int request_taken(struct dg_registry *reg, struct dg_owner *owner,
			 struct dg_name *name, u32 flags)
{
	struct dg_place *first = first_place(name);
	struct dg_place *mine = find_place(owner, name);
	bool eager = flags & DG_NAME_REPLACE_EXISTING;
	bool replace = eager && (first->flags & DG_NAME_ALLOW_REPLACEMENT);
	struct list_head *after;

	if (!replace && (flags & DG_NAME_DO_NOT_QUEUE)) {
		if (mine)
			remove_place(reg, mine);
		return DG_REQUEST_EXISTS;
	}

	/* Who would replace but may not is the next, before those who wait. */
	if (replace)
		after = &name->queue;
	else if (eager)
		after = &first->in_queue;
	else
		after = name->queue.prev;

	if (!mine) {
		mine = dg_kzalloc(sizeof(*mine));
		if (!mine)
			return -ENOMEM;
		add_place(reg, mine, name, owner, flags, after);
	} else {
		mine->flags = flags;
		if (eager)
			list_move(&mine->in_queue, after);
		reg->changes++;
	}
	if (!replace)
		return DG_REQUEST_IN_QUEUE;

	/* Who was first is second now, unless it would not queue. */
	if (first->flags & DG_NAME_DO_NOT_QUEUE)
		remove_place(reg, first);
	return DG_REQUEST_PRIMARY_OWNER;
}

int dg_registry_request(struct dg_registry *reg, struct dg_owner *owner,
			const char *text, u32 flags,
			struct dg_name_change *change)
{
	struct dg_name *name = find_name(reg, text);
	struct dg_place *first;
	int ret;

	change->name = text;
	change->from = NULL;
	change->to = NULL;

	if (!name) {
		ret = request_free(reg, owner, text, flags);
	} else {
		first = first_place(name);
		if (first->owner == owner) {
			first->flags = flags;
			return DG_REQUEST_ALREADY_OWNER;
		}
		change->from = first->owner;
		ret = request_taken(reg, owner, name, flags);
	}
	if (ret == DG_REQUEST_PRIMARY_OWNER)
		change->to = owner;
	else
		change->from = NULL;
	return ret;
}

/* Give up a place; the name is for the caller to free if nobody is left. */
static void release_place(struct dg_registry *reg, struct dg_place *place,
			  struct dg_name_change *change)
{
	struct dg_name *name = place->name;
	struct dg_owner *before = owner_of(name), *after;

	remove_place(reg, place);
	after = owner_of(name);
	if (!after)
		remove_name(reg, name);
	if (before != after) {
		change->from = before;
		change->to = after;
	}
}

int dg_registry_release(struct dg_registry *reg, struct dg_owner *owner,
			const char *text, struct dg_name_change *change)
{
	struct dg_name *name = find_name(reg, text);
	struct dg_place *place;

	change->name = text;
	change->from = NULL;
	change->to = NULL;

	if (!name)
		return DG_RELEASE_NON_EXISTENT;
	place = find_place(owner, name);
	if (!place)
		return DG_RELEASE_NOT_OWNER;
	release_place(reg, place, change);
	if (list_empty(&name->queue))
		kfree(name);
	return DG_RELEASE_RELEASED;
}

static void drop_place(struct dg_registry *reg, struct dg_place *place,
		       void (*changed)(void *data,
				       const struct dg_name_change *change),
		       void *data)
{
	struct dg_name *name = place->name;
	struct dg_name_change change = { .name = name->text };

	release_place(reg, place, &change);
	if (changed && dg_name_changed(&change))
		changed(data, &change);
	if (list_empty(&name->queue))
		kfree(name);
	cond_resched();
}

bool dg_registry_drop_one(struct dg_registry *reg, struct dg_owner *owner,
			  void (*changed)(void *data,
					  const struct dg_name_change *change),
			  void *data)
{
	if (list_empty(&owner->places))
		return false;
	drop_place(reg, list_last_entry(&owner->places, struct dg_place,
					of_owner), changed, data);
	return true;
}

void dg_registry_drop(struct dg_registry *reg, struct dg_owner *owner,
		      void (*changed)(void *data,
				      const struct dg_name_change *change),
		      void *data)
{
	while (dg_registry_drop_one(reg, owner, changed, data))
		;
}

void dg_registry_drop_oldest_first(struct dg_registry *reg,
				   struct dg_owner *owner,
				   void (*changed)(void *data,
						   const struct dg_name_change *change),
				   void *data)
{
	while (!list_empty(&owner->places))
		drop_place(reg, list_first_entry(&owner->places,
						 struct dg_place, of_owner),
			   changed, data);
}

struct dg_owner *dg_registry_lookup(const struct dg_registry *reg,
				    const char *text)
{
	struct dg_name *name = find_name(reg, text);

	return name ? owner_of(name) : NULL;
}

int dg_registry_for_each_name(const struct dg_registry *reg,
			      int (*fn)(void *data, const char *name,
					struct dg_owner *owner),
			      void *data)
{
	struct dg_name *name;
	unsigned int i;
	int ret;

	for (i = 0; i < BIT(reg->bits); i++) {
		cond_resched();
		hlist_for_each_entry(name, &reg->buckets[i], node) {
			ret = fn(data, name->text, owner_of(name));
			if (ret)
				return ret;
		}
	}
	return 0;
}

int dg_registry_for_each_queued(const struct dg_registry *reg,
				const char *text,
				int (*fn)(void *data, struct dg_owner *owner),
				void *data)
{
	struct dg_name *name = find_name(reg, text);
	struct dg_place *place;
	int ret;

	if (!name)
		return -ENOENT;
	list_for_each_entry(place, &name->queue, in_queue) {
		cond_resched();
		ret = fn(data, place->owner);
		if (ret)
			return ret;
	}
	return 0;
}

int dg_registry_for_each_owned(const struct dg_owner *owner,
			       int (*fn)(void *data, const char *name),
			       void *data)
{
	struct dg_place *place;
	int ret;

	list_for_each_entry(place, &owner->places, of_owner) {
		cond_resched();
		if (owner_of(place->name) != owner)
			continue;
		ret = fn(data, place->name->text);
		if (ret)
			return ret;
	}
	return 0;
}

int dg_registry_for_each_place(const struct dg_owner *owner, u64 after,
			       int (*fn)(void *data,
					 const struct dg_place_info *info),
			       void *data)
{
	struct dg_place *place;
	int ret;

	list_for_each_entry(place, &owner->places, of_owner) {
		struct dg_place_info info = {
			.name = place->name->text,
			.number = place->number,
			.flags = place->flags,
			.place = place,
		};

		cond_resched();
		if (place->number <= after)
			continue;
		ret = fn(data, &info);
		if (ret)
			return ret;
	}
	return 0;
}

unsigned int dg_registry_position(const struct dg_place_info *info)
{
	const struct dg_place *before;
	unsigned int position = 0;

	list_for_each_entry(before, &info->place->name->queue, in_queue) {
		if (before == info->place)
			break;
		position++;
		cond_resched();
	}
	return position;
}
