// SPDX-License-Identifier: LGPL-2.1-or-later
// The test build of the library: everything of the real one, under another SONAME, and the private
// functions of preload.symbols. Preloaded into one of upstream's installed tests it serves every
// DBusConnection, DBusMessage and so on, while the installed library is loaded as well and serves
// what upstream's own main loop and helpers want of lists, hash tables and strings.
//
// What the functions do was seen by running the tests; nothing here is part of the product.
#include <dbus/dbus.h>
#include <dlfcn.h>

#include <cstdio>
#include <mutex>
#include <set>
#include <string>

#include "connection/connection.h"
#include "connection/timeout.h"
#include "connection/watch.h"
#include "message/message.h"

#define DG_EXPORT __attribute__((visibility("default")))

namespace {

// The installed library's function of that name: it comes later in the search order than this one.
template <typename Function>
Function* installed(const char* name) noexcept {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

// Its locks have to be there before its lists are used, and the test calls only our
// dbus_threads_init_default(). (Its own would call ours back.)
[[gnu::constructor]] void initialise_installed_threads() {
  if (auto* initialise = installed<dbus_bool_t(const void*)>("dbus_threads_init"))
    initialise(nullptr);
}

// Watches whose handler had no memory the last time: the main loop leaves them out once.
std::mutex oom_mutex;
std::set<const DBusWatch*> oom_watches;

}  // namespace

extern "C" {

DG_EXPORT DBusWatch* _dbus_watch_ref(DBusWatch* watch) {
  watch->ref();
  return watch;
}

DG_EXPORT void _dbus_watch_unref(DBusWatch* watch) { watch->unref(); }

DG_EXPORT void _dbus_watch_invalidate(DBusWatch* watch) { watch->invalidate(); }

DG_EXPORT int _dbus_watch_get_pollable(DBusWatch* watch) { return watch->fd(); }

DG_EXPORT dbus_bool_t _dbus_watch_get_oom_last_time(DBusWatch* watch) {
  const std::lock_guard lock(oom_mutex);
  return oom_watches.contains(watch);
}

DG_EXPORT void _dbus_watch_set_oom_last_time(DBusWatch* watch, dbus_bool_t oom) {
  const std::lock_guard lock(oom_mutex);
  if (oom)
    oom_watches.insert(watch);
  else
    oom_watches.erase(watch);
}

// The interval of a DBusTimeout never changes here, so the main loop's idea of when it expires
// stays right.
DG_EXPORT dbus_bool_t _dbus_timeout_needs_restart(DBusTimeout* /*timeout*/) { return FALSE; }

DG_EXPORT void _dbus_timeout_restarted(DBusTimeout* /*timeout*/) {}

// Whoever wants the credentials only hands them on to the next function: the connection has them.
DG_EXPORT void* _dbus_connection_get_credentials(DBusConnection* connection) {
  return connection->is_authenticated() ? connection : nullptr;
}

DG_EXPORT dbus_bool_t _dbus_credentials_to_string_append(void* credentials, void* string) {
  auto* connection = static_cast<DBusConnection*>(credentials);
  auto* append = installed<dbus_bool_t(void*, const char*)>("_dbus_string_append");
  char text[100] = "";
  unsigned long uid, pid;
  int length = 0;
  if (connection->unix_user(&uid)) length = std::snprintf(text, sizeof text, "uid=%lu", uid);
  if (connection->unix_process_id(&pid))
    std::snprintf(text + length, sizeof text - length, "%spid=%lu", length ? " " : "", pid);
  return append && append(string, text);
}

// The test calls this for a message that both libraries refuse to parse, so only if ours doesn't.
// Such fields are kept here and never looked at: looking at all others must not fail.
DG_EXPORT dbus_bool_t _dbus_message_remove_unknown_fields(DBusMessage* message) {
  DBusMessage* copy = dbus_message_copy(message);
  if (!copy) return FALSE;
  dbus_message_unref(copy);
  return TRUE;
}

}  // extern "C"
