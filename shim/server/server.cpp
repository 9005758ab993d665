// SPDX-License-Identifier: LGPL-2.1-or-later
// See server.h.
#include "server/server.h"

#include <poll.h>

#include <new>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/uuid.h"
#include "connection/connection.h"

using dg::Lock;
using dg::Ref;

namespace dg {
constinit SlotAllocator server_slots;
}

DBusServer* DBusServer::listen(const char* address, DBusError* error) noexcept try {
  dg::Listener listener;
  std::string guid;
  if (!dg::Listener::open(address, &listener, error) || !dg::create_uuid(&guid, error)) {
    return nullptr;
  }
  auto server = Ref<DBusServer>::adopt(new DBusServer(std::move(listener), std::move(guid)));
  if (!server->create_watches()) throw std::bad_alloc();
  dg::trace("server %p: listens on %s", static_cast<void*>(server.get()),
            server->address().c_str());
  return server.release();
} catch (const std::bad_alloc&) {
  dg::set_oom(error);
  return nullptr;
}

DBusServer::DBusServer(dg::Listener listener, std::string guid)
    : listener_(std::move(listener)),
      guid_(std::move(guid)),
      address_(listener_.address() + ",guid=" + guid_) {
  watch_list_.reserve(listener_.sockets().size());
}

// Which socket has a client is asked of the sockets themselves: DBusWatch knows its owner only.
bool DBusServer::create_watches() noexcept {
  Lock lock(mutex_);
  for (const dg::UniqueFd& socket : listener_.sockets()) {
    auto watch = Ref<DBusWatch>::adopt(
        new (std::nothrow) DBusWatch(socket.get(), DBUS_WATCH_READABLE, true, on_watch, this));
    if (!watch || !watches_.add(lock, watch.get())) return false;
    watch_list_.push_back(std::move(watch));
  }
  return true;
}

void DBusServer::unref() noexcept {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

// The application ought to have disconnected it.
DBusServer::~DBusServer() {
  references_.store(1);  // while the application's functions run, which may take some
  disconnect();
  new_connection_data_.run();
  watches_.drop_functions();
  timeouts_.drop_functions();
  slots_.clear();
}

void DBusServer::disconnect() {
  auto keep = Ref<DBusServer>::share(this);
  Lock lock(mutex_);
  if (!connected_.exchange(false)) return;
  for (const Ref<DBusWatch>& watch : watch_list_) watches_.remove(watch.get());
  watches_.sync(lock);  // the application takes them out while the descriptors are still open
  for (const Ref<DBusWatch>& watch : watch_list_) watch->invalidate();
  dg::trace("server %p: disconnected", static_cast<void*>(this));
  listener_.close();
}

bool DBusServer::on_watch(void* self, unsigned int condition) {
  auto server = Ref<DBusServer>::share(static_cast<DBusServer*>(self));
  Lock lock(server->mutex_);
  if (!server->is_connected()) return true;
  if (condition & (DBUS_WATCH_ERROR | DBUS_WATCH_HANGUP)) {
    dg::trace("server %p: a listening socket has failed", static_cast<void*>(self));
    lock.unlock();
    server->disconnect();
    return true;
  }
  // One from each: a client more is found when the main loop comes round again.
  for (std::size_t i = 0; server->is_connected() && i < server->watch_list_.size(); ++i) {
    server->accept_one(lock, server->watch_list_[i]->fd());
  }
  return true;
}

void DBusServer::accept_one(Lock& lock, int socket) {
  std::unique_ptr<dg::Transport> transport = listener_.accept(socket, guid_, mechanisms_);
  if (!transport) return;
  const DBusNewConnectionFunction function = new_connection_;
  void* const data = new_connection_data_.data;
  lock.unlock();
  if (DBusConnection* connection = DBusConnection::create(std::move(transport))) {
    dg::trace("server %p: new connection %p", static_cast<void*>(this),
              static_cast<void*>(connection));
    if (function) function(this, connection, data);
    // Nobody wants it.
    if (connection->has_one_reference()) connection->disconnect();
    connection->unref();
  }
  lock.lock();
}

void DBusServer::set_new_connection_function(DBusNewConnectionFunction function, void* data,
                                             DBusFreeFunction free_data) {
  dg::SlotList::Entry old;
  {
    Lock lock(mutex_);
    new_connection_ = function;
    old = std::exchange(new_connection_data_, {data, free_data});
  }
  old.run();
}

bool DBusServer::set_watch_functions(const dg::WatchHooks::Functions& functions) {
  Lock lock(mutex_);
  const bool accepted = watches_.set_functions(lock, functions);
  watches_.sync(lock);
  return accepted;
}

bool DBusServer::set_timeout_functions(const dg::TimeoutHooks::Functions& functions) {
  Lock lock(mutex_);
  return timeouts_.set_functions(lock, functions);
}

void DBusServer::set_auth_mechanisms(const char** mechanisms) {
  std::optional<std::vector<std::string>> names;
  if (mechanisms) {
    names.emplace();
    for (; *mechanisms; ++mechanisms) names->emplace_back(*mechanisms);
  }
  Lock lock(mutex_);
  mechanisms_.swap(names);
}

bool DBusServer::set_data(dbus_int32_t slot, void* data, DBusFreeFunction free_data) {
  return slots_.set(mutex_, slot, data, free_data);
}

void* DBusServer::data(dbus_int32_t slot) noexcept {
  Lock lock(mutex_);
  return slots_.get(slot);
}
