// SPDX-License-Identifier: GPL-2.0-only
/*
 * service_names.c - the names of the services that a bus's controller can start
 *
 * A list never changes: another takes its place.
 */
#include <linux/dbus_genl.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "names.h"
#include "service_names.h"

static int dg_service_name_compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* What is wrong with a name, or NULL. */
static const char *dg_service_name_complaint(const char *name, size_t len)
{
	if (!dg_well_known_name_valid(name, len))
		return "not a well-known name";
	if (!strcmp(name, DG_DRIVER_NAME))
		return "the driver's name is not to be started";
	return NULL;
}

/* Sorted, the same ones are side by side.  Finds one, or NULL. */
static const char *dg_service_names_repeated(const struct dg_service_names *names)
{
	u32 i;

	for (i = 1; i < names->n; i++)
		if (!strcmp(names->name[i - 1], names->name[i]))
			/* Of the two, the later one. */
			return max(names->name[i - 1], names->name[i]);
	return NULL;
}

/* Which name begins at @name, counted from 1. */
static u32 dg_service_name_number(const char *blob, const char *name)
{
	u32 n = 1;

	for (; blob < name; blob += strlen(blob) + 1)
		n++;
	return n;
}

/**
 * dg_service_names_load() - read and check the list of ACTIVATABLE_SET
 * @blob: the list; the names' from 0 on, to be freed with kvfree() by
 *	dg_service_names_free()
 * @len: its length
 * @why: set to what is wrong with it, if -EINVAL is returned
 * @which: and with which name, counted from 1; 0: with the list as a whole
 *
 * Return: the names; or ERR_PTR: -EINVAL, -ENOMEM, and @blob is the caller's.
 */
struct dg_service_names *dg_service_names_load(const void *blob, size_t len,
					       const char **why, u32 *which)
{
	const char *at = blob, *end = at + len;
	struct dg_service_names *names;
	u32 n = 0;

	*why = NULL;
	*which = 0;
	if (len && end[-1]) {
		*why = "the list does not end with a NUL";
		return ERR_PTR(-EINVAL);
	}
	for (; at < end; at += strlen(at) + 1) {
		*which = ++n;
		if (n > DBUS_GENL_ACTIVATABLE_NAMES_MAX) {
			*why = "too many names";
			return ERR_PTR(-EINVAL);
		}
		*why = dg_service_name_complaint(at, strlen(at));
		if (*why)
			return ERR_PTR(-EINVAL);
	}
	*which = 0;

	names = kvmalloc(struct_size(names, name, n), GFP_KERNEL_ACCOUNT);
	if (!names)
		return ERR_PTR(-ENOMEM);
	names->n = 0;
	for (at = blob; at < end; at += strlen(at) + 1)
		names->name[names->n++] = at;
	sort(names->name, n, sizeof(*names->name), dg_service_name_compare,
	     NULL);

	at = dg_service_names_repeated(names);
	if (at) {
		*why = "a name is there twice";
		*which = dg_service_name_number(blob, at);
		kvfree(names);
		return ERR_PTR(-EINVAL);
	}
	names->blob = blob;
	return names;
}

/* NULL is nothing. */
void dg_service_names_free(struct dg_service_names *names)
{
	if (!names)
		return;

	kvfree(names->blob);
	kvfree(names);
}

/* Whether @name is among @names, which may be NULL. */
bool dg_service_names_have(const struct dg_service_names *names,
			   const char *name)
{
	u32 low = 0, high = names ? names->n : 0;

	while (low < high) {
		u32 middle = low + (high - low) / 2;
		int way = strcmp(name, names->name[middle]);

		if (!way)
			return true;
		if (way < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}
