// SPDX-License-Identifier: LGPL-2.1-or-later
// DBusServer: sockets that listen, in the application's main loop; each client that comes becomes a
// DBusConnection, which authenticates it, and is handed to the application.
//
// As with a connection, mutex_ protects all state and is never held while application code runs.
// A watch points back without a reference: its handler takes one while it runs.
#pragma once

#include <dbus/dbus.h>

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "base/data_slot.h"
#include "base/mutex.h"
#include "base/refcount.h"
#include "connection/timeout.h"
#include "connection/watch.h"
#include "transport/listen.h"

struct DBusServer {
 public:
  // The caller's reference; null with the error set.
  static DBusServer* listen(const char* address, DBusError* error) noexcept;
  void ref() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void unref() noexcept;
  // Stops listening; connections remain. Idempotent.
  void disconnect();
  bool is_connected() const noexcept { return connected_.load(std::memory_order_acquire); }

  // Remain the same after disconnect().
  const std::string& address() const noexcept { return address_; }
  const std::string& guid() const noexcept { return guid_; }

  void set_new_connection_function(DBusNewConnectionFunction function, void* data,
                                   DBusFreeFunction free_data);
  bool set_watch_functions(const dg::WatchHooks::Functions& functions);
  bool set_timeout_functions(const dg::TimeoutHooks::Functions& functions);
  // For clients that come from now on. Null: all. Throws std::bad_alloc.
  void set_auth_mechanisms(const char** mechanisms);
  bool set_data(dbus_int32_t slot, void* data, DBusFreeFunction free_data);
  void* data(dbus_int32_t slot) noexcept;

 private:
  DBusServer(dg::Listener listener, std::string guid);
  ~DBusServer();
  bool create_watches() noexcept;
  static bool on_watch(void* self, unsigned int condition);
  void accept_one(dg::Lock& lock, int socket);

  dg::Mutex mutex_;
  std::atomic<int> references_{1};
  std::atomic<bool> connected_{true};
  dg::Listener listener_;
  const std::string guid_;
  const std::string address_;
  std::vector<dg::Ref<DBusWatch>> watch_list_;  // one for each of the listener's sockets
  dg::WatchHooks watches_;
  dg::TimeoutHooks timeouts_;  // nothing here waits: for the application's free function
  std::optional<std::vector<std::string>> mechanisms_;
  DBusNewConnectionFunction new_connection_ = nullptr;
  dg::SlotList::Entry new_connection_data_;
  dg::SlotList slots_;
};

namespace dg {
extern SlotAllocator server_slots;
}
