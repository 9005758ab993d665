/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * service_names.h - the names of the services that a bus's controller can start
 */
#ifndef _DG_SERVICE_NAMES_H
#define _DG_SERVICE_NAMES_H

#include <linux/types.h>

/**
 * struct dg_service_names - names, in the order of their bytes
 * @blob: what ACTIVATABLE_SET gave; @name leads into it
 * @n: how many
 * @name: the names
 */
struct dg_service_names {
	const void *blob;
	u32 n;
	const char *name[];
};

struct dg_service_names *dg_service_names_load(const void *blob, size_t len,
					       const char **why, u32 *which);
void dg_service_names_free(struct dg_service_names *names);
bool dg_service_names_have(const struct dg_service_names *names,
			   const char *name);

#endif /* _DG_SERVICE_NAMES_H */
