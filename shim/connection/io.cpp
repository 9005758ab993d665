// SPDX-License-Identifier: LGPL-2.1-or-later
// A connection's I/O: what happens when its transport is ready, waiting for that, and the end.
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/single_threaded.h>
#include <unistd.h>

#include <algorithm>

#include "base/log.h"
#include "base/time.h"
#include "connection/connection.h"
#include "connection/local_messages.h"

using dg::IoStatus;
using dg::Lock;
using dg::Ref;

namespace {

constexpr int kNoWakeFdMs = 100;

// Counts forks, in the children: a wake-up descriptor is shared with the parent, whose threads it
// must not wake.
std::atomic<unsigned> forks{0};

unsigned fork_count() noexcept {
  static const int registered = pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1); });
  (void)registered;
  return forks.load();
}

}  // namespace

bool DBusConnection::on_watch(void* self, unsigned int condition) {
  auto connection = Ref<DBusConnection>::share(static_cast<DBusConnection*>(self));
  Lock lock(connection->mutex_);
  if (!connection->is_connected()) return true;
  connection->do_io(lock, (condition & ~unsigned{DBUS_WATCH_WRITABLE}) != 0,
                    (condition & DBUS_WATCH_WRITABLE) != 0, (condition & DBUS_WATCH_HANGUP) != 0);
  const bool memory = !connection->need_memory_;
  connection->settle_and_report(lock);
  return memory;
}

// What was read and not understood for want of memory can't be read again, so that is the end too.
bool DBusConnection::shake_hands(Lock& lock) {
  const IoStatus status = transport_->handshake();
  if (status != IoStatus::Disconnected && status != IoStatus::NoMemory) return true;
  lost_for_memory_ = status == IoStatus::NoMemory;
  lost_connection(lock);
  return false;
}

bool DBusConnection::authenticate(Lock& lock) {
  if (!shake_hands(lock)) return false;
  if (!transport_->awaits_admission() || admitting_) return true;
  admitting_ = true;
  const bool admitted = admits_peer(lock);
  admitting_ = false;
  if (admitted && is_connected()) {
    transport_->admit();
    return true;
  }
  dg::trace("connection %p: the client may not connect", static_cast<void*>(this));
  lost_connection(lock);
  return false;
}

bool DBusConnection::admits_peer(Lock& lock) {
  unsigned long uid;
  if (!transport_->unix_user(&uid)) return allow_anonymous_;
  if (Hook<DBusAllowUnixUserFunction> hook = unix_user_function_; hook.function) {
    lock.unlock();
    const bool allowed = hook.function(this, uid, hook.data.data);
    lock.lock();
    return allowed;
  }
  return uid == 0 || uid == geteuid() || allow_anonymous_;
}

void DBusConnection::do_io(Lock& lock, bool readable, bool writable, bool hangup) {
  if (!transport_->authenticated()) {
    if (!authenticate(lock)) return;
    made_progress();
    if (!transport_->authenticated()) {
      if (hangup) lost_connection(lock);
      update_watches();
      return;
    }
    writable = true;
  }
  if (writable && !outgoing_.empty()) {
    write_some(lock);
    made_progress();
  }
  // What was sent before the other side hung up is still read, although there may be too much of
  // it: with reading paused, the main loop would find the hang-up again and again.
  if (hangup && is_connected()) transport_->pause_reading(false);
  if ((readable || transport_->has_pending_input()) && is_connected()) receive_some(lock);
  update_watches();
}

void DBusConnection::receive_some(Lock& lock) {
  IoStatus status = transport_->receive(received_);
  need_memory_ = status == IoStatus::NoMemory;
  take_received();
  if (status == IoStatus::Disconnected) {
    lost_connection(lock);
    return;
  }
  check_received_limits();
}

// What the transport handed over, into the queue. Without memory it waits where it is, also beyond
// the end of the connection.
void DBusConnection::take_received() noexcept {
  const std::size_t before = incoming_.size(), count = received_.size();
  if (count == 0) return;
  if (!incoming_.append(received_)) {
    need_memory_ = true;
    return;
  }
  for (std::size_t i = before; i < before + count; ++i) note_received(incoming_[i]);
  if (dg::trace_enabled())
    for (std::size_t i = before; i < before + count; ++i)
      dg::trace_message(this, "receives", *incoming_[i]);
  wakeup_needed_ = true;
  made_progress();
}

// Reading is paused while the application holds too much, and goes on when it has dropped enough.
void DBusConnection::check_received_limits() noexcept {
  if (!is_connected()) return;
  received_counter_->set_paused(true);  // before the look: a message dropped now calls us back
  const bool over = received_counter_->over_limit();
  if (!over) received_counter_->set_paused(false);
  transport_->pause_reading(over);
  update_watches();
}

void DBusConnection::resume_reading() {
  Lock lock(mutex_);
  if (!is_connected() || received_counter_->over_limit()) return;
  check_received_limits();
  made_progress();
  settle(lock);
}

void DBusConnection::note_received(DBusMessage* message) noexcept {
  if (!message->count_under(received_counter_.get())) need_memory_ = true;
  if (DBusPendingCall* call = call_of(*message)) {
    call->reply_queued_ = true;
    stop_timeout(call);
  }
}

void DBusConnection::stop_timeout(DBusPendingCall* call) noexcept {
  if (!call->timeout_) return;
  call->timeout_->invalidate();
  timeouts_.remove(call->timeout_.get());
}

// A message of our own, among the received ones. False without memory (or without a message).
bool DBusConnection::queue_local(Ref<DBusMessage> message) noexcept {
  if (!message || !incoming_.push_back(message.get())) return false;
  (void)message.release();
  wakeup_needed_ = true;
  made_progress();
  return true;
}

void DBusConnection::update_watches() noexcept {
  if (!is_connected()) return;
  watches_.set_enabled(write_watch_.get(), transport_->wants_write() ||
                                               (!outgoing_.empty() && transport_->authenticated()));
  watches_.set_enabled(read_watch_.get(), transport_->wants_read());
}

// Other threads have something to look at.
void DBusConnection::made_progress() noexcept {
  progress_.notify_all();
  kick_poller();
}

void DBusConnection::kick_poller() noexcept {
  if (!polling_ || kicked_ || !wake_fd_) return;
  kicked_ = true;
  eventfd_write(wake_fd_.get(), 1);
}

short DBusConnection::wanted_events() const noexcept {
  short events = 0;
  if (transport_->wants_read()) events |= POLLIN;
  if (transport_->wants_write() || (!outgoing_.empty() && transport_->authenticated()))
    events |= POLLOUT;
  return events;
}

void DBusConnection::wait_io(Lock& lock, std::int64_t deadline_ms) {
  if (polling_) {
    if (wanted_events() & ~polled_events_) kick_poller();
    if (deadline_ms == INT64_MAX)
      progress_.wait(lock);
    else
      progress_.wait_until(lock, deadline_ms);
    return;
  }
  if (transport_->has_pending_input() && !need_memory_) {
    do_io(lock, true, false, false);
    return;
  }
  pollfd polled[2] = {{transport_->fd(), 0, 0}, {-1, POLLIN, 0}};
  polled[0].events = polled_events_ = wanted_events();
  // Without threads nobody could kick us.
  if (!__libc_single_threaded) {
    const unsigned forks_now = fork_count();
    if (!wake_fd_ || wake_fd_forks_ != forks_now)
      wake_fd_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    wake_fd_forks_ = forks_now;
  }
  polled[1].fd = wake_fd_.get();
  int timeout = -1;
  if (deadline_ms != INT64_MAX)
    timeout =
        static_cast<int>(std::clamp<std::int64_t>(deadline_ms - dg::monotonic_ms(), 0, INT32_MAX));
  // No descriptor left for it: look round now and then instead.
  if (!__libc_single_threaded && !wake_fd_)
    timeout = timeout < 0 ? kNoWakeFdMs : std::min(timeout, kNoWakeFdMs);
  // What came when memory was short waits in the transport, and no descriptor tells when there is
  // memory again.
  if (need_memory_) timeout = timeout < 0 ? kNoMemoryMs : std::min(timeout, kNoMemoryMs);
  polling_ = true;
  lock.unlock();
  const int ready = poll(polled, wake_fd_ ? 2 : 1, timeout);
  lock.lock();
  polling_ = false;
  if (kicked_) {
    kicked_ = false;
    eventfd_t count;
    eventfd_read(wake_fd_.get(), &count);
  }
  progress_.notify_all();  // one of those who wait takes over, or closes
  const short found = ready > 0 ? polled[0].revents : 0;
  if ((found || need_memory_) && is_connected())
    do_io(lock, (found & ~POLLOUT) != 0 || need_memory_, (found & POLLOUT) != 0,
          (found & (POLLHUP | POLLERR)) != 0);
}

// The end of the connection, whoever brought it about. What was received stays to be dispatched,
// and the local messages about it come after that (update_status).
void DBusConnection::lost_connection(Lock& lock) {
  if (!connected_.exchange(false)) return;
  dg::trace("connection %p: disconnected", static_cast<void*>(this));
  // The descriptor must not be closed, and its number taken by another, while a thread polls it.
  while (polling_) {
    kick_poller();
    progress_.wait(lock);
  }
  watches_.remove(read_watch_.get());
  watches_.remove(write_watch_.get());
  watches_.sync(lock);  // the application takes them out while the descriptor is still open
  read_watch_->invalidate();
  write_watch_->invalidate();
  transport_->close();
  drop_outgoing();
  leave_registry_ = is_shared();
  progress_.notify_all();
}

bool DBusConnection::read_write(int timeout_ms, bool dispatch_too) {
  const std::int64_t deadline = timeout_ms < 0 ? INT64_MAX : dg::monotonic_ms() + timeout_ms;
  auto keep = Ref<DBusConnection>::share(this);
  Lock lock(mutex_);
  if (dispatch_too && update_status() != DBUS_DISPATCH_COMPLETE) {
    lock.unlock();
    dispatch();
    lock.lock();
    return !disconnect_processed_;
  }
  if (is_connected()) {
    if (timeout_ms == 0)
      do_io(lock, true, true, false);
    else
      wait_io(lock, deadline);
  }
  settle(lock);
  return dispatch_too ? !disconnect_processed_ : is_connected();
}
