/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Error numbers: libc's own header includes this one, too. */
#include <asm/errno.h>
