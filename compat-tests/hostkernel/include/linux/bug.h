/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* WARN_ON_ONCE(), which fails the test that is running, or ends the program. */
#ifndef HOSTKERNEL_LINUX_BUG_H
#define HOSTKERNEL_LINUX_BUG_H

#include <linux/types.h>

/* Called with each warning if not NULL; abort() is, else. */
extern void (*host_on_warning)(const char *what, const char *file, int line);

/* Returns @condition. */
bool host_warn_on(bool condition, const char *what, const char *file, int line);

#define WARN_ON_ONCE(condition) \
	host_warn_on(!!(condition), #condition, __FILE__, __LINE__)

#endif
