// SPDX-License-Identifier: LGPL-2.1-or-later
// Taking messages from the incoming queue: borrow, return, steal, pop.
#include "connection/connection.h"
#include "connection/local_messages.h"

using dg::Lock;
using dg::Ref;

DBusConnection::Dispatching::Dispatching(DBusConnection& connection, Lock& lock)
    : connection_(connection), free_(true) {
  const pthread_t self = pthread_self();
  for (;;) {
    const bool busy = connection.dispatching_ > 0 && !pthread_equal(connection.dispatcher_, self);
    if (!busy && connection.borrowed_ && pthread_equal(connection.borrower_, self)) {
      free_ = false;  // waiting for ourselves would be for ever
      break;
    }
    if (!busy && !connection.borrowed_) break;
    connection.dispatch_free_.wait(lock);
  }
  connection.dispatcher_ = self;
  ++connection.dispatching_;
}

DBusConnection::Dispatching::~Dispatching() {
  if (--connection_.dispatching_ == 0) connection_.dispatch_free_.notify_all();
}

DBusMessage* DBusConnection::borrow_message() {
  Lock lock(mutex_);
  DBusMessage* message = nullptr;
  {
    Dispatching dispatching(*this, lock);
    if (dispatching && update_status() == DBUS_DISPATCH_DATA_REMAINS) {
      message = borrowed_ = incoming_.front();
      borrower_ = pthread_self();
    }
  }
  settle(lock);
  return message;
}

void DBusConnection::end_borrow() noexcept {
  borrowed_ = nullptr;
  dispatch_free_.notify_all();
}

void DBusConnection::left_disconnected() noexcept {
  disconnect_message_ = nullptr;
  disconnect_processed_ = true;
  exit_due_ = true;
}

bool DBusConnection::has_borrowed(const DBusMessage* message) noexcept {
  Lock lock(mutex_);
  return borrowed_ == message;
}

void DBusConnection::return_message() {
  Lock lock(mutex_);
  end_borrow();
  settle_and_report(lock);
}

void DBusConnection::steal_borrowed_message(DBusMessage* message) {
  Lock lock(mutex_);
  // The caller borrowed it and gets the queue's reference now.
  (void)incoming_.pop_front();
  end_borrow();
  if (message == disconnect_message_) left_disconnected();
  settle_and_report(lock);
}

DBusMessage* DBusConnection::pop_message() {
  auto keep = Ref<DBusConnection>::share(this);
  Lock lock(mutex_);
  DBusMessage* message = nullptr;
  {
    Dispatching dispatching(*this, lock);
    if (dispatching && update_status() == DBUS_DISPATCH_DATA_REMAINS) {
      message = incoming_.pop_front();
      if (message && message == disconnect_message_) left_disconnected();
    }
  }
  settle_and_report(lock);
  return message;
}

DBusDispatchStatus DBusConnection::dispatch_status() {
  Lock lock(mutex_);
  DBusDispatchStatus status = update_status();
  settle(lock);
  return status;
}

// First the calls that will have no reply any more, then the signal: after it there is nothing to
// do with a lost connection. Without memory it is tried again.
void DBusConnection::queue_disconnect_messages() noexcept {
  while (DBusPendingCall* call = pending_.any()) {
    if (!expire(call)) {
      need_memory_ = true;
      return;
    }
    // libdbus leaves it incomplete: its error goes to the filters, unless a thread blocks for it.
    (void)pending_.take(call->serial_).release();
    call->next_in_table_ = gone_calls_;
    gone_calls_ = call;
  }
  Ref<DBusMessage> message = dg::make_disconnected();
  disconnect_message_ = message.get();
  if (!queue_local(std::move(message))) {
    disconnect_message_ = nullptr;
    need_memory_ = true;
    return;
  }
  need_memory_ = false;
  disconnect_queued_ = true;
}
