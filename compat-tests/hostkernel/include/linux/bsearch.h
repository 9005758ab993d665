/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bsearch() is the C library's. */
#ifndef HOSTKERNEL_LINUX_BSEARCH_H
#define HOSTKERNEL_LINUX_BSEARCH_H

#include <stdlib.h>

#endif
