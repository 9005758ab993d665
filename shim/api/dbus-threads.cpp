// SPDX-License-Identifier: LGPL-2.1-or-later
// <dbus/dbus-threads.h>. Locks are always there, so there is nothing to initialise; the
// application's own thread functions aren't used, as libdbus itself hasn't since 1.6.
#include <dbus/dbus.h>

extern "C" {

dbus_bool_t dbus_threads_init(const DBusThreadFunctions* /*functions*/) { return TRUE; }

dbus_bool_t dbus_threads_init_default(void) { return TRUE; }

}  // extern "C"
