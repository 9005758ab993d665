// SPDX-License-Identifier: LGPL-2.1-or-later
// The outgoing queue: serials, writing at once when that is possible, sizes.
#include "base/log.h"
#include "connection/connection.h"
#include "connection/local_messages.h"

using dg::IoStatus;
using dg::Lock;
using dg::Ref;

bool DBusConnection::can_carry(const DBusMessage& message) const noexcept {
  return message.fds().empty() || transport_->can_send_type(DBUS_TYPE_UNIX_FD);
}

// A message that has a serial (sent before, or set by the application) keeps it.
void DBusConnection::give_serial(DBusMessage* message) noexcept {
  if (message->serial() == 0) {
    message->set_serial(next_serial_);
    if (++next_serial_ == 0) next_serial_ = 1;
  }
  message->lock();
}

// Takes a reference of its own. After a disconnect the message is dropped. False without memory.
bool DBusConnection::enqueue(Lock& lock, DBusMessage* message) {
  if (dg::trace_enabled()) dg::trace_message(this, "sends", *message);
  if (!is_connected()) return true;
  // Room first: a message that is partly out has to be kept.
  if (!outgoing_.reserve_more(1 + preallocated_)) return false;
  // A client is admitted where the application may be asked about it: do_io().
  if (!transport_->authenticated() && !transport_->is_server()) {
    if (!shake_hands(lock)) return true;
    update_watches();
  }
  if (outgoing_.empty() && transport_->authenticated()) {
    IoStatus status = transport_->send(*message);
    if (status == IoStatus::Disconnected) lost_connection(lock);
    if (status == IoStatus::Disconnected || status == IoStatus::Ok) {
      if (is_connected() && transport_->has_pending_input()) receive_some(lock);
      return true;
    }
  }
  message->ref();
  (void)outgoing_.push_back(message);
  outgoing_bytes_ += static_cast<long>(message->wire_size());
  outgoing_fds_ += static_cast<long>(message->fds().size());
  if (outgoing_.size() > 1) write_some(lock);
  update_watches();
  // Still not out: the main loop, or the thread that waits already, has to wait for writing now.
  if (!outgoing_.empty()) {
    wakeup_needed_ = true;
    if (wanted_events() & ~polled_events_) kick_poller();
  }
  return true;
}

void DBusConnection::write_some(Lock& lock) {
  while (is_connected() && !outgoing_.empty() && transport_->authenticated()) {
    DBusMessage* message = outgoing_.front();
    IoStatus status = transport_->send(*message);
    if (status == IoStatus::Disconnected) {
      lost_connection(lock);
      return;
    }
    if (status != IoStatus::Ok) return;
    outgoing_bytes_ -= static_cast<long>(message->wire_size());
    outgoing_fds_ -= static_cast<long>(message->fds().size());
    // Room was reserved when it was queued, and what isn't in one list is in the other.
    message = outgoing_.pop_front();
    if (!gone_.push_back(message)) {
      lock.unlock();
      message->unref();
      lock.lock();
    }
  }
  if (is_connected() && transport_->has_pending_input()) receive_some(lock);
}

void DBusConnection::drop_outgoing() noexcept {
  if (gone_.empty())
    gone_.swap(outgoing_);
  else if (!gone_.append(outgoing_))
    return;  // no memory: they go with the connection
  outgoing_bytes_ = outgoing_fds_ = 0;
}

bool DBusConnection::send(DBusMessage* message, std::uint32_t* serial) {
  Lock lock(mutex_);
  if (!can_carry(*message)) return false;
  give_serial(message);
  if (serial) *serial = message->serial();
  const bool queued = enqueue(lock, message);
  settle_and_report(lock);
  return queued;
}

bool DBusConnection::preallocate_send() noexcept {
  Lock lock(mutex_);
  if (!outgoing_.reserve_more(1 + preallocated_)) return false;
  ++preallocated_;
  return true;
}

void DBusConnection::free_preallocated_send() noexcept {
  Lock lock(mutex_);
  --preallocated_;
}

void DBusConnection::send_preallocated(DBusMessage* message, std::uint32_t* serial) {
  Lock lock(mutex_);
  --preallocated_;  // enqueue() reserves it again, which can't fail now
  give_serial(message);
  if (serial) *serial = message->serial();
  (void)enqueue(lock, message);
  settle_and_report(lock);
}

bool DBusConnection::has_messages_to_send() noexcept {
  Lock lock(mutex_);
  return is_connected() && !outgoing_.empty();
}

long DBusConnection::outgoing_size() noexcept {
  Lock lock(mutex_);
  return outgoing_bytes_;
}

long DBusConnection::outgoing_unix_fds() noexcept {
  Lock lock(mutex_);
  return outgoing_fds_;
}

void DBusConnection::flush() {
  Lock lock(mutex_);
  while (is_connected() && !outgoing_.empty()) {
    write_some(lock);
    update_watches();
    if (is_connected() && !outgoing_.empty()) wait_io(lock, INT64_MAX);
    settle(lock);
  }
  settle(lock);
}
