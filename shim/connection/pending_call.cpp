// SPDX-License-Identifier: LGPL-2.1-or-later
// DBusPendingCall (pending_call.h).
#include "connection/pending_call.h"

#include "base/time.h"
#include "connection/connection.h"

using dg::Lock;
using dg::Ref;

namespace dg {
constinit SlotAllocator pending_call_slots;
}

namespace {
constexpr int kDefaultTimeoutMs = 25 * 1000;
}

DBusPendingCall::DBusPendingCall(DBusConnection* connection, int timeout_ms, bool for_main_loop)
    : connection_(Ref<DBusConnection>::share(connection)) {
  if (timeout_ms < 0) timeout_ms = kDefaultTimeoutMs;
  const bool infinite = timeout_ms == DBUS_TIMEOUT_INFINITE;
  deadline_ms_ = infinite ? INT64_MAX : dg::monotonic_ms() + timeout_ms;
  if (for_main_loop && !infinite)
    timeout_ = Ref<DBusTimeout>::adopt(new DBusTimeout(timeout_ms, true, on_timeout, this));
}

DBusPendingCall::~DBusPendingCall() {
  notify_data_.run();
  slots_.clear();
}

bool DBusPendingCall::on_timeout(void* self) {
  auto call = Ref<DBusPendingCall>::share(static_cast<DBusPendingCall*>(self));
  Ref<DBusConnection> connection = call->connection_;
  Lock lock(connection->mutex_);
  bool memory = true;
  if (!call->reply_queued_ && connection->pending_.find(call->serial_) == call.get())
    memory = connection->expire(call.get());
  connection->settle_and_report(lock);
  return memory;
}

void DBusPendingCall::set_notify(DBusPendingCallNotifyFunction function, void* data,
                                 DBusFreeFunction free_data) {
  dg::SlotList::Entry old;
  {
    Lock lock(connection_->mutex_);
    old = notify_data_;
    notify_ = function;
    notify_data_ = {data, free_data};
  }
  old.run();
}

void DBusPendingCall::cancel() {
  Ref<DBusConnection> connection = connection_;
  Ref<DBusPendingCall> from_table;  // dropped unlocked
  Lock lock(connection->mutex_);
  if (connection->pending_.find(serial_) == this) from_table = connection->pending_.take(serial_);
  connection->stop_timeout(this);
  connection->settle(lock);
  lock.unlock();
}

bool DBusPendingCall::completed() {
  Lock lock(connection_->mutex_);
  return completed_;
}

bool DBusPendingCall::has_reply() {
  Lock lock(connection_->mutex_);
  return static_cast<bool>(reply_);
}

DBusMessage* DBusPendingCall::steal_reply() {
  Lock lock(connection_->mutex_);
  return reply_.release();
}

void DBusPendingCall::block() {
  Ref<DBusConnection> connection = connection_;
  auto self = Ref<DBusPendingCall>::share(this);
  Lock lock(connection->mutex_);
  connection->wait_for_reply(lock, this, false);
  connection->settle_and_report(lock);
  lock.unlock();
}

bool DBusPendingCall::set_data(dbus_int32_t slot, void* data, DBusFreeFunction free_data) {
  return slots_.set(connection_->mutex_, slot, data, free_data);
}

void* DBusPendingCall::data(dbus_int32_t slot) {
  Lock lock(connection_->mutex_);
  return slots_.get(slot);
}
