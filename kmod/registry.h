/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * registry.h - well-known names, their owners and those who queue for them
 *
 * A name exists while somebody owns it.  Its queue is a row of places; who is
 * in front owns the name.  A peer takes part with the struct dg_owner in it.
 * Unique names are not in here: they are ids (names.h).
 *
 * The caller's lock: held for writing around everything that takes a registry
 * without const, and for reading around the rest.
 */
#ifndef _DG_REGISTRY_H
#define _DG_REGISTRY_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/siphash.h>
#include <linux/types.h>

/* Flags of RequestName (spec, "org.freedesktop.DBus.RequestName"). */
#define DG_NAME_ALLOW_REPLACEMENT	0x1
#define DG_NAME_REPLACE_EXISTING	0x2
#define DG_NAME_DO_NOT_QUEUE		0x4

/* Replies of RequestName. */
enum dg_request_result {
	DG_REQUEST_PRIMARY_OWNER	= 1,
	DG_REQUEST_IN_QUEUE		= 2,
	DG_REQUEST_EXISTS		= 3,
	DG_REQUEST_ALREADY_OWNER	= 4,
};

/* Replies of ReleaseName. */
enum dg_release_result {
	DG_RELEASE_RELEASED		= 1,
	DG_RELEASE_NON_EXISTENT		= 2,
	DG_RELEASE_NOT_OWNER		= 3,
};

/**
 * struct dg_owner - a peer's part in the registry
 * @id: the peer's id
 * @places: its struct dg_place, oldest first
 * @n_places: how many; what a limit on names for each peer counts
 * @held: counts them too, with what else its user holds; or NULL
 */
struct dg_owner {
	u64 id;
	struct list_head places;
	unsigned int n_places;
	atomic_t *held;
};

/**
 * struct dg_registry - the well-known names of a bus
 * @buckets: hash table of the names
 * @bits: log2 of its size
 * @n_names: names
 * @n_places: places in all queues, owners included
 * @last_number: number of the place taken last; each has its own
 * @changes: how often something changed
 * @key: secret of the hash
 */
struct dg_registry {
	struct hlist_head *buckets;
	unsigned int bits;
	unsigned int n_names;
	unsigned int n_places;
	u64 last_number;
	unsigned int changes;
	hsiphash_key_t key;
};

/**
 * struct dg_name_change - a name went from one peer to another
 * @name: the name; for the length of the call that reports it
 * @from: who lost it, or NULL if nobody owned it
 * @to: who has it now, or NULL if nobody does
 *
 * @from == @to (both NULL) says that nothing changed hands.
 */
struct dg_name_change {
	const char *name;
	struct dg_owner *from;
	struct dg_owner *to;
};

static inline bool dg_name_changed(const struct dg_name_change *change)
{
	return change->from != change->to;
}

/* -ENOMEM, or 0. */
int dg_registry_init(struct dg_registry *reg);

/* Every owner must have been dropped. */
void dg_registry_destroy(struct dg_registry *reg);

void dg_owner_init(struct dg_owner *owner, u64 id, atomic_t *held);

/**
 * dg_registry_request() - RequestName
 * @reg: the registry
 * @owner: who asks
 * @name: a valid well-known name; whether @owner may own it is the caller's
 *	to decide, and so is a limit on @owner's places
 * @flags: DG_NAME_*; others are ignored, as dbus-daemon does
 * @change: set to what changed hands; its name is @name
 *
 * Return: &enum dg_request_result, or -ENOMEM, and nothing has changed.
 */
int dg_registry_request(struct dg_registry *reg, struct dg_owner *owner,
			const char *name, u32 flags,
			struct dg_name_change *change);

/**
 * dg_registry_release() - ReleaseName
 * @reg: the registry
 * @owner: who gives up its place
 * @name: a valid well-known name
 * @change: set to what changed hands; its name is @name
 *
 * Return: &enum dg_release_result.  Cannot fail.
 */
int dg_registry_release(struct dg_registry *reg, struct dg_owner *owner,
			const char *name, struct dg_name_change *change);

/**
 * dg_registry_drop() - give up all places of a peer that goes
 * @reg: the registry
 * @owner: the peer's
 * @changed: called for each name that changed hands, after it did, the newest
 *	place first, which is the order in which dbus-daemon tells of them; may
 *	read the registry, not modify it; may be NULL
 * @data: for @changed
 *
 * Cannot fail.
 */
void dg_registry_drop(struct dg_registry *reg, struct dg_owner *owner,
		      void (*changed)(void *data,
				      const struct dg_name_change *change),
		      void *data);

/*
 * As above, the newest place alone: false if there is none.  For who lets the
 * caller's lock go in between.
 */
bool dg_registry_drop_one(struct dg_registry *reg, struct dg_owner *owner,
			  void (*changed)(void *data,
					  const struct dg_name_change *change),
			  void *data);

/* As dg_registry_drop(), the oldest place first: as dbus-daemon does when a peer stays. */
void dg_registry_drop_oldest_first(struct dg_registry *reg,
				   struct dg_owner *owner,
				   void (*changed)(void *data,
						   const struct dg_name_change *change),
				   void *data);

/* Who owns @name, or NULL. */
struct dg_owner *dg_registry_lookup(const struct dg_registry *reg,
				    const char *name);

/*
 * Whether a peer owns @name; to queue for it does not count.  One look-up,
 * however many names the peer has: match rules ask it for each message.
 */
static inline bool dg_registry_owns(const struct dg_registry *reg,
				    const struct dg_owner *owner,
				    const char *name)
{
	return dg_registry_lookup(reg, name) == owner;
}

/**
 * dg_registry_for_each_name() - every name that has an owner
 * @reg: the registry
 * @fn: called with each, in no order; stops at what isn't 0
 * @data: for @fn
 *
 * Return: what @fn returned last, 0 if there is no name.
 */
int dg_registry_for_each_name(const struct dg_registry *reg,
			      int (*fn)(void *data, const char *name,
					struct dg_owner *owner),
			      void *data);

/**
 * dg_registry_for_each_queued() - a name's queue, its owner first
 * @reg: the registry
 * @name: the name
 * @fn: called with each; stops at what isn't 0
 * @data: for @fn
 *
 * Return: what @fn returned last, or -ENOENT if nobody owns @name.
 */
int dg_registry_for_each_queued(const struct dg_registry *reg,
				const char *name,
				int (*fn)(void *data, struct dg_owner *owner),
				void *data);

/**
 * dg_registry_for_each_owned() - the names that a peer owns
 * @owner: the peer's; names that it only queues for are passed over
 * @fn: called with each, oldest place first; stops at what isn't 0
 * @data: for @fn
 *
 * Return: what @fn returned last, 0 if it owns no name.
 */
int dg_registry_for_each_owned(const struct dg_owner *owner,
			       int (*fn)(void *data, const char *name),
			       void *data);

/**
 * struct dg_place_info - a peer's place in the queue of a name
 * @name: the name; for the length of the call that tells of it
 * @number: the place's, in the order in which places were taken
 * @flags: as it was last asked for: DG_NAME_*
 * @place: for dg_registry_position()
 */
struct dg_place_info {
	const char *name;
	u64 number;
	u32 flags;
	const struct dg_place *place;
};

/**
 * dg_registry_for_each_place() - a peer's places in the queues of names
 * @owner: the peer's
 * @after: only those with numbers above this
 * @fn: called with each, oldest first; stops at what isn't 0
 * @data: for @fn
 *
 * Return: what @fn returned last, 0 if there is no such place.
 */
int dg_registry_for_each_place(const struct dg_owner *owner, u64 after,
			       int (*fn)(void *data,
					 const struct dg_place_info *info),
			       void *data);

/*
 * How many are before a place in its name's queue, which is walked; 0: it owns
 * the name.
 */
unsigned int dg_registry_position(const struct dg_place_info *info);

#endif /* _DG_REGISTRY_H */
