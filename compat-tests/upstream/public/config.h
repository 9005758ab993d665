/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What upstream's configure would have found, as far as its tests ask: Debian's build on Linux. */
#ifndef UPSTREAM_CONFIG_H
#define UPSTREAM_CONFIG_H

#define DBUS_UNIX 1
#define DBUS_EXEEXT ""
#define DBUS_USER "messagebus"
#define DBUS_TEST_USER "nobody"
#define TEST_LISTEN "unix:tmpdir=/tmp"
#define DBUS_ENABLE_STATS 1
#define ENABLE_TRADITIONAL_ACTIVATION 1
#define HAVE_GETRESUID 1
#define HAVE_GETRLIMIT 1
#define HAVE_GIO_UNIX 1
#define HAVE_PRLIMIT 1
#define HAVE_SETRESUID 1
#define HAVE_SYS_RESOURCE_H 1
#define HAVE_SYS_TIME_H 1
#define HAVE_UNISTD_H 1
#define HAVE_UNIX_FD_PASSING 1

#endif
