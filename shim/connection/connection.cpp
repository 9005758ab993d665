// SPDX-License-Identifier: LGPL-2.1-or-later
// A connection's life: opening, references, closing.
#include "connection/connection.h"

#include <csignal>
#include <new>

#include "base/check.h"
#include "base/error.h"
#include "base/log.h"
#include "connection/registry.h"
#include "transport/open.h"

using dg::Lock;
using dg::Ref;

namespace dg {
constinit SlotAllocator connection_slots;
}

DBusConnection* DBusConnection::open(const char* address, bool shared, DBusError* error) {
  if (shared) return dg::registry::open_shared(address, error);
  std::unique_ptr<dg::Transport> transport = dg::open_transport(address, error);
  if (!transport) return nullptr;
  DBusConnection* connection = create(std::move(transport));
  if (!connection) dg::set_oom(error);
  dg::trace("connection %p: opened to %s", static_cast<void*>(connection), address);
  return connection;
}

DBusConnection* DBusConnection::create(std::unique_ptr<dg::Transport> transport) noexcept try {
  auto connection = Ref<DBusConnection>::adopt(new DBusConnection(std::move(transport)));
  if (!connection->create_watches()) return nullptr;
  // As libdbus: applications rely on a peer's death not killing them, also in their own writes.
  if (dg::change_sigpipe.load()) std::signal(SIGPIPE, SIG_IGN);
  return connection.release();
} catch (const std::bad_alloc&) {
  return nullptr;
}

DBusConnection::DBusConnection(std::unique_ptr<dg::Transport> transport)
    : transport_(std::move(transport)),
      received_counter_(Ref<dg::ReceivedCounter>::adopt(new dg::ReceivedCounter(this))) {}

// The write watch first, and disabled unless authentication wants it: main loops depend on it.
bool DBusConnection::create_watches() noexcept {
  const int fd = transport_->fd();
  write_watch_ = Ref<DBusWatch>::adopt(new (std::nothrow) DBusWatch(
      fd, DBUS_WATCH_WRITABLE, transport_->wants_write(), on_watch, this));
  read_watch_ = Ref<DBusWatch>::adopt(new (std::nothrow) DBusWatch(
      fd, DBUS_WATCH_READABLE, transport_->wants_read(), on_watch, this));
  if (!write_watch_ || !read_watch_) {
    connected_.store(false);  // nobody has seen it yet: nothing to warn of
    return false;
  }
  Lock lock(mutex_);
  return watches_.add(lock, write_watch_.get()) && watches_.add(lock, read_watch_.get());
}

bool DBusConnection::try_ref() noexcept {
  int count = references_.load(std::memory_order_relaxed);
  while (count > 0)
    if (references_.compare_exchange_weak(count, count + 1, std::memory_order_acq_rel)) return true;
  return false;
}

void DBusConnection::unref() noexcept {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

DBusConnection::~DBusConnection() {
  received_counter_->detach();
  if (is_connected()) {
    dg::warn(
        "The last reference on a connection was dropped without closing the connection. This is a "
        "bug in an application. See dbus_connection_unref() documentation for details.\n%s",
        is_shared() ? "Most likely, the application called unref() too many times and removed a "
                      "reference belonging to libdbus, since this is a shared connection."
                    : "Most likely, the application was supposed to call dbus_connection_close(), "
                      "since this is a private connection.");
    Lock lock(mutex_);
    lost_connection(lock);
    leave_registry_ = false;
    settle(lock);
    lock.unlock();
    dg::registry::forget(this);
  }
  status_function_.data.run();
  wakeup_main_.data.run();
  unix_user_function_.data.run();
  windows_user_function_.data.run();
  watches_.drop_functions();
  timeouts_.drop_functions();
  {
    Lock lock(mutex_);
    objects_.unregister_all(this, lock);
  }
  slots_.clear();
  filters_.free_all();
}

void DBusConnection::close() {
  if (is_shared()) {
    dg::warn(
        "Applications must not close shared connections - see dbus_connection_close() docs. This "
        "is a bug in the application.");
    return;
  }
  disconnect();
}

void DBusConnection::disconnect() {
  auto keep = Ref<DBusConnection>::share(this);
  Lock lock(mutex_);
  lost_connection(lock);
  settle_and_report(lock);
}
