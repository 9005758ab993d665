// SPDX-License-Identifier: LGPL-2.1-or-later
// Method calls: sending one, waiting for its reply, completing it.
#include <poll.h>

#include "base/error.h"
#include "base/time.h"
#include "connection/connection.h"
#include "connection/local_messages.h"

using dg::Lock;
using dg::Ref;

DBusPendingCall* DBusConnection::call_of(const DBusMessage& message) const noexcept {
  const int type = message.type();
  if (type != DBUS_MESSAGE_TYPE_METHOD_RETURN && type != DBUS_MESSAGE_TYPE_ERROR) return nullptr;
  return pending_.find(message.reply_serial());
}

bool DBusConnection::start_call(Lock& lock, DBusMessage* message, DBusPendingCall* call) {
  give_serial(message);
  call->serial_ = message->serial();
  pending_.reserve_one();
  pending_.add(call);
  if (call->timeout_ && !timeouts_.add(lock, call->timeout_.get())) {
    call->timeout_.reset();
  } else if (enqueue(lock, message)) {
    return true;
  }
  stop_timeout(call);
  Ref<DBusPendingCall> gone = pending_.take(call->serial_);  // not the last: the caller has one
  return false;
}

bool DBusConnection::send_with_reply(DBusMessage* message, DBusPendingCall** pending,
                                     int timeout_ms) {
  if (pending) *pending = nullptr;
  // Before the lock, so that it is dropped after it.
  auto call = Ref<DBusPendingCall>::adopt(new DBusPendingCall(this, timeout_ms, true));
  Lock lock(mutex_);
  if (!can_carry(*message) || !is_connected()) {
    settle_and_report(lock);
    return true;
  }
  const bool sent = start_call(lock, message, call.get());
  // Nobody would see the reply as such: it is dispatched as any other message.
  if (sent && !pending) {
    stop_timeout(call.get());
    Ref<DBusPendingCall> gone = pending_.take(call->serial_);
  }
  settle_and_report(lock);
  lock.unlock();
  if (sent && pending) *pending = call.release();
  return sent;
}

DBusMessage* DBusConnection::send_with_reply_and_block(DBusMessage* message, int timeout_ms,
                                                       DBusError* error) {
  // Not offered to the main loop: this thread itself looks at the time.
  auto call = Ref<DBusPendingCall>::adopt(new DBusPendingCall(this, timeout_ms, false));
  Lock lock(mutex_);
  if (!can_carry(*message)) {
    dg::set_error_const(error, DBUS_ERROR_FAILED,
                        "Cannot send file descriptors on this connection.");
    return nullptr;
  }
  if (!is_connected()) {
    settle_and_report(lock);
    dg::set_error_const(error, DBUS_ERROR_DISCONNECTED, "Connection is closed");
    return nullptr;
  }
  if (!start_call(lock, message, call.get())) {
    dg::set_oom(error);
    return nullptr;
  }
  wait_for_reply(lock, call.get(), true);
  settle_and_report(lock);
  Ref<DBusMessage> reply = std::move(call->reply_);
  lock.unlock();
  if (!reply) {
    dg::set_oom(error);
    return nullptr;
  }
  if (dbus_set_error_from_message(error, reply.get())) return nullptr;
  return reply.release();
}

// Sends nothing; runs until the call is complete. Messages that come meanwhile stay queued. Without
// memory for the error that takes a reply's place, the call is complete without one if that is
// allowed, and otherwise waits for memory: the application will ask for the reply.
void DBusConnection::wait_for_reply(Lock& lock, DBusPendingCall* call, bool may_have_none) {
  const auto fail = [&](const char* name, const char* text) {
    Ref<DBusMessage> error = dg::make_local_error(call->serial_, name, text);
    if (error || may_have_none) return complete(lock, call, std::move(error));
    lock.unlock();
    poll(nullptr, 0, kNoMemoryMs);
    lock.lock();
  };
  while (!call->completed_) {
    if (Ref<DBusMessage> reply = take_queued_reply(call)) {
      complete(lock, call, std::move(reply));
    } else if (!is_connected() && lost_for_memory_ && may_have_none) {
      complete(lock, call, nullptr);
    } else if (!is_connected()) {
      // The local error may be waiting behind messages that nobody dispatches meanwhile; there may
      // be none, if it went its way before this thread came.
      if (pending_.find(call->serial_) == call)
        fail(DBUS_ERROR_NO_REPLY, dg::no_reply_text);
      else
        fail(DBUS_ERROR_DISCONNECTED, "Connection was disconnected before a reply was received");
    } else if (call->deadline_ms_ != INT64_MAX && dg::monotonic_ms() >= call->deadline_ms_) {
      fail(DBUS_ERROR_NO_REPLY, dg::no_reply_text);
    } else {
      wait_io(lock, call->deadline_ms_);
      settle(lock);
    }
  }
}

Ref<DBusMessage> DBusConnection::take_queued_reply(DBusPendingCall* call) noexcept {
  if (!call->reply_queued_) return nullptr;
  for (std::size_t i = 0; i < incoming_.size(); ++i) {
    DBusMessage* message = incoming_[i];
    if (message->reply_serial() != call->serial_ || message == borrowed_) continue;
    if (message->type() == DBUS_MESSAGE_TYPE_METHOD_RETURN ||
        message->type() == DBUS_MESSAGE_TYPE_ERROR)
      return Ref<DBusMessage>::adopt(incoming_.take(i));
  }
  return nullptr;
}

// The caller holds a reference of the call, or the table's is enough: it is kept until the notify
// function has returned.
void DBusConnection::complete(Lock& lock, DBusPendingCall* call, Ref<DBusMessage> reply) {
  auto keep = Ref<DBusPendingCall>::share(call);
  Ref<DBusPendingCall> from_table;
  if (pending_.find(call->serial_) == call) from_table = pending_.take(call->serial_);
  stop_timeout(call);
  const bool first = !call->completed_;
  if (first) {
    call->reply_ = std::move(reply);
    call->completed_ = true;
  }
  const DBusPendingCallNotifyFunction notify = first ? call->notify_ : nullptr;
  void* const data = call->notify_data_.data;
  made_progress();
  settle(lock);  // the time-out is out of the main loop before the application hears of the reply
  lock.unlock();
  if (notify) notify(call, data);
  reply.reset();
  from_table.reset();
  keep.reset();
  lock.lock();
}

// Queues the local error that takes the place of the reply. False without memory.
bool DBusConnection::expire(DBusPendingCall* call) {
  if (!queue_local(dg::make_local_error(call->serial_, DBUS_ERROR_NO_REPLY, dg::no_reply_text)))
    return false;
  call->reply_queued_ = true;
  stop_timeout(call);
  return true;
}
