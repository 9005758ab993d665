// SPDX-License-Identifier: LGPL-2.1-or-later
// The shared connections (registry.h).
#include "connection/registry.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/memory.h"
#include "base/mutex.h"
#include "connection/connection.h"
#include "transport/address.h"
#include "transport/open.h"

namespace dg::registry {
namespace {

struct Entry {
  std::string guid;  // "" if the address names none
  DBusConnection* connection;
};

// Taken before a connection's lock, never after. The vector is leaked on purpose: connections may
// be used by other libraries' destructors at exit.
constinit Mutex mutex;
constinit std::vector<Entry>* entries = nullptr;

// The lock is held.
Ref<DBusConnection> find(const std::string& guid) noexcept {
  if (guid.empty() || !entries) return nullptr;
  for (const Entry& entry : *entries)
    if (entry.guid == guid && entry.connection->is_connected())
      return Ref<DBusConnection>::share(entry.connection);
  return nullptr;
}

// dbus_shutdown: closes them all and drops the references. What is queued is thrown away and not
// dispatched, as libdbus does, and exit_on_disconnect holds here too.
void shut_down(void*) {
  std::vector<Entry> all;
  {
    Lock lock(mutex);
    if (!entries) return;
    all.swap(*entries);
    delete entries;
    entries = nullptr;
  }
  for (Entry& entry : all) {
    entry.connection->disconnect();
    while (DBusMessage* message = entry.connection->pop_message()) message->unref();
    entry.connection->unref();
  }
}

// The connection, or one to the same server that another thread was quicker to open.
Ref<DBusConnection> add(Ref<DBusConnection> connection, const std::string& guid) {
  Ref<DBusConnection> other;
  {
    Lock lock(mutex);
    other = find(guid);
    if (!other) {
      if (!entries) {
        auto fresh = std::make_unique<std::vector<Entry>>();
        if (!mem::at_shutdown(shut_down, nullptr)) throw std::bad_alloc();
        entries = fresh.release();
      }
      entries->push_back({guid, connection.get()});
      connection->ref();
      connection->set_shared(true);
      return connection;
    }
  }
  connection->disconnect();
  return other;
}

}  // namespace

DBusConnection* open_shared(const char* address, DBusError* error) {
  std::vector<AddressEntry> parsed;
  if (!parse_address(address, &parsed, error)) return nullptr;
  // Entry by entry, since each may name another server. A ';' in a value is escaped.
  ScopedError failure;
  std::string_view rest = address;
  for (const AddressEntry& entry : parsed) {
    const std::string text(rest.substr(0, rest.find(';')));
    rest.remove_prefix(std::min(rest.size(), text.size() + 1));
    const char* named = entry.value("guid");
    const std::string guid = named ? named : "";
    Ref<DBusConnection> connection;
    {
      Lock lock(mutex);
      connection = find(guid);
    }
    if (connection) return connection.release();
    // The first failure is the one that is reported.
    DBusError* const report = failure.is_set() ? nullptr : failure.get();
    connection = Ref<DBusConnection>::adopt(DBusConnection::open(text.c_str(), false, report));
    if (!connection) continue;
    try {
      return add(connection, guid).release();
    } catch (const std::bad_alloc&) {
      connection->disconnect();
      set_oom(error);
      return nullptr;
    }
  }
  if (failure.is_set())
    set_error(error, failure->name, "%s", failure->message);
  else
    set_error(error, DBUS_ERROR_BAD_ADDRESS, "Empty address '%s'", address);
  return nullptr;
}

void remove(DBusConnection* connection) noexcept {
  bool held = false;
  {
    Lock lock(mutex);
    if (entries)
      held =
          std::erase_if(*entries, [&](const Entry& e) { return e.connection == connection; }) > 0;
  }
  if (held) connection->unref();
}

void forget(DBusConnection* connection) noexcept {
  Lock lock(mutex);
  if (entries) std::erase_if(*entries, [&](const Entry& e) { return e.connection == connection; });
}

}  // namespace dg::registry
