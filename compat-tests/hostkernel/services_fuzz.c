// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * services_fuzz.c - any list of names for ACTIVATABLE_SET: it is taken just if
 *	each of them may be there, and then each is found
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <linux/dbus_genl.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "names.h"
#include "service_names.h"

static void require(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "services_fuzz: %s\n", what);
	abort();
}

/* Whether a name is in the list before @until. */
static bool has(const char *list, const char *until, const char *name)
{
	for (; list < until; list += strlen(list) + 1)
		if (!strcmp(list, name))
			return true;
	return false;
}

/* The number of the first name that may not be there; 0: there is none. */
static unsigned int first_wrong(const char *list, size_t size)
{
	const char *at = list;
	unsigned int n = 0;

	for (; at < list + size; at += strlen(at) + 1) {
		n++;
		if (!dg_well_known_name_valid(at, strlen(at)) ||
		    !strcmp(at, DG_DRIVER_NAME))
			return n;
	}
	return 0;
}

static bool has_twice(const char *list, size_t size)
{
	const char *at = list;

	for (; at < list + size; at += strlen(at) + 1)
		if (has(list, at, at))
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Of just this size, so that ASan sees each byte too many. */
	char *list = kvmalloc(size ? size : 1, GFP_KERNEL);
	bool whole = !size || !data[size - 1];
	struct dg_service_names *names;
	const char *why = NULL, *at;
	unsigned int wrong;
	u32 which = 0;

	memcpy(list, data, size);
	names = dg_service_names_load(list, size, &why, &which);
	if (IS_ERR(names)) {
		require(PTR_ERR(names) == -EINVAL && why, "refused without a reason");
		if (!whole) {
			require(!which, "a list that does not end, and a name");
		} else {
			wrong = first_wrong(list, size);
			require(wrong ? which == wrong : which && has_twice(list, size),
				"refused for another name");
		}
		kvfree(list);
		return 0;
	}

	require(whole && !first_wrong(list, size) && !has_twice(list, size),
		"taken, and may not be");
	for (at = list; at < list + size; at += strlen(at) + 1)
		require(dg_service_names_have(names, at), "a name is not found");
	require(!dg_service_names_have(names, DG_DRIVER_NAME) &&
			!dg_service_names_have(names, ""),
		"a name is found that is not there");
	dg_service_names_free(names);
	return 0;
}
