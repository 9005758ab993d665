// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * names_fuzz.c - the grammars of kmod/names.c and kmod/signature.c with any
 *	text: libdbus takes and refuses the same
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <linux/string.h>

#include "libdbus.h"
#include "names.h"
#include "signature.h"

static bool (*const ours[ORACLE_GRAMMARS])(const char *s, size_t n) = {
	[ORACLE_PATH] = dg_path_valid,
	[ORACLE_INTERFACE] = dg_interface_valid,
	[ORACLE_MEMBER] = dg_member_valid,
	[ORACLE_ERROR_NAME] = dg_error_name_valid,
	[ORACLE_BUS_NAME] = dg_bus_name_valid,
	[ORACLE_UTF8] = dg_utf8_valid,
	[ORACLE_SIGNATURE] = dg_signature_valid,
	[ORACLE_SIGNATURE_SINGLE] = dg_signature_valid_single,
};

static void require(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "names_fuzz: %s\n", what);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Of just this size, so that ASan sees each byte too many. */
	char *exact = malloc(size ? size : 1), *s = malloc(size + 1);
	char formatted[DG_UNIQUE_NAME_SIZE];
	bool nul = memchr(data, 0, size), single, any;
	u64 id;
	int g;

	memcpy(exact, data, size);
	memcpy(s, data, size);
	s[size] = 0;
	for (g = 0; g < ORACLE_GRAMMARS; g++) {
		bool valid = ours[g](exact, size);

		require(valid == (!nul && oracle_valid(g, s)),
			"libdbus and we don't agree");
	}

	any = dg_signature_valid(exact, size);
	single = dg_signature_valid_single(exact, size);
	require(!single || any, "one type, but not any number of them");
	if (any && size)
		require((dg_signature_skip(s) == s + size) == single,
			"the first type ends elsewhere");

	require(dg_bus_name_valid(exact, size) ==
		(dg_unique_name_valid(exact, size) ||
		 dg_well_known_name_valid(exact, size)),
		"a bus name of neither kind");
	require(!dg_well_known_name_valid(exact, size) ||
		dg_namespace_valid(exact, size), "a name that is no namespace");
	if (dg_unique_name_parse(s, &id)) {
		require(dg_unique_name_format(formatted, id) == strlen(s) &&
			!strcmp(formatted, s), "a unique name of another form");
		require(dg_unique_name_valid(s, strlen(s)),
			"a unique name that isn't valid");
	}
	free(exact);
	free(s);
	return 0;
}
