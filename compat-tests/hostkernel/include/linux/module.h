/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Nothing: the host has no modules. */
#ifndef HOSTKERNEL_LINUX_MODULE_H
#define HOSTKERNEL_LINUX_MODULE_H

#define MODULE_LICENSE(license) \
	_Static_assert(sizeof(license) > 1, "a module needs a license")
#define MODULE_DESCRIPTION(text) \
	_Static_assert(sizeof(text) > 1, "and a description")

#endif
