/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* WARN_ON_ONCE(), which fails the test that is running: kunit_main.c. */
#ifndef HOSTKERNEL_LINUX_BUG_H
#define HOSTKERNEL_LINUX_BUG_H

#include <linux/types.h>

/* Reports @what, unless a test expects warnings; returns @condition. */
bool host_warn_on(bool condition, const char *what, const char *file, int line);

#define WARN_ON_ONCE(condition) \
	host_warn_on(!!(condition), #condition, __FILE__, __LINE__)

#endif
