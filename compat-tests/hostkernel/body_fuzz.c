// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * body_fuzz.c - the kernel's body walker with any signature and any bytes:
 *	libdbus takes and refuses the same, and what was taken can be read
 *
 * The input is a signature, a NUL, and the body.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <linux/string.h>

#include "body.h"
#include "libdbus.h"
#include "message.h"

static void require(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "body_fuzz: %s\n", what);
	abort();
}

static void read_all(const char *sig, const u8 *body, u32 len)
{
	struct dg_msg msg = { .signature = sig, .body = body, .body_len = len };
	struct dg_body_args args;
	struct dg_body_iter it;
	unsigned int i, n = 0;
	const char *s;
	u32 number, s_len;
	bool flag;
	char type;

	dg_body_iter_init(&it, sig, body, len);
	while ((type = dg_body_iter_type(&it))) {
		struct dg_body_iter at = it;

		require(!dg_body_iter_skip(&it), "an argument can't be passed");
		if (!dg_body_iter_string(&at, &s, &s_len))
			require((type == 's' || type == 'o' || type == 'g') &&
				strlen(s) == s_len, "a text of another length");
		else if (!dg_body_iter_u32(&at, &number))
			require(type == 'u', "a number of another type");
		else if (!dg_body_iter_bool(&at, &flag))
			require(type == 'b', "a truth of another type");
		else
			continue;
		require(at.pos == it.pos, "reading isn't passing");
		n++;
	}
	require(it.pos == len, "the arguments end before the body does");

	dg_body_args_init(&args, &msg);
	/* From the last to the first: all are found at once. */
	for (i = DG_BODY_ARGS; i--;) {
		type = dg_body_args_get(&args, i, &s, &s_len);
		if (s)
			require((type == 's' || type == 'o') &&
				strlen(s) == s_len, "an argument isn't text");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = memchr(data, 0, size);
	bool valid, theirs;
	char *sig;
	u8 *body;
	u32 len;

	if (!nul)
		return 0;
	sig = strdup((const char *)data);
	len = data + size - nul - 1;
	body = malloc(len ? len : 1);
	memcpy(body, nul + 1, len);

	valid = !dg_body_validate(sig, body, len, 0);
	if (!dg_signature_valid(sig, strlen(sig))) {
		require(!valid, "a body of no signature is taken");
	} else if (!memchr(data, 'h', size)) {
		/* libdbus doesn't look whether there is such an fd. */
		theirs = oracle_body_valid(sig, body, len);
		require(valid == theirs, theirs ? "only libdbus takes it" :
						  "only we take it");
	}
	if (valid)
		read_all(sig, body, len);
	free(sig);
	free(body);
	return 0;
}
