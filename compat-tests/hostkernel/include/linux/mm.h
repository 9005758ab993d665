/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kvfree() and its like are declared by slab.h here. */
#include <linux/slab.h>
