// SPDX-License-Identifier: LGPL-2.1-or-later
// DBusPendingCall: a method call that waits for its reply. Its connection's lock protects it.
//
// The way of a reply: it arrives in the connection's incoming queue (reply_queued_, the time-out is
// stopped), and completes the call when it is dispatched, in its turn after the messages before it,
// or at once for a thread that blocks for it.
#pragma once

#include <dbus/dbus.h>

#include <atomic>
#include <cstdint>

#include "base/data_slot.h"
#include "base/refcount.h"
#include "connection/timeout.h"
#include "message/message.h"

namespace dg {
class PendingTable;
}

struct DBusPendingCall {
 public:
  // timeout_ms < 0: the default; DBUS_TIMEOUT_INFINITE: none. for_main_loop: the time-out is
  // offered to the main loop, not only observed by threads that block. Throws std::bad_alloc.
  DBusPendingCall(DBusConnection* connection, int timeout_ms, bool for_main_loop);
  DBusPendingCall(const DBusPendingCall&) = delete;
  DBusPendingCall& operator=(const DBusPendingCall&) = delete;

  void ref() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void unref() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  // A call that is complete already isn't notified any more, as in libdbus.
  void set_notify(DBusPendingCallNotifyFunction function, void* data, DBusFreeFunction free_data);
  void cancel();
  bool completed();
  bool has_reply();  // completed, and not taken yet
  // The caller's reference; null when there is none yet or it was taken.
  DBusMessage* steal_reply();
  // Waits until the call is complete.
  void block();
  bool set_data(dbus_int32_t slot, void* data, DBusFreeFunction free_data);
  void* data(dbus_int32_t slot);

 private:
  friend struct DBusConnection;
  friend class dg::PendingTable;
  ~DBusPendingCall();
  static bool on_timeout(void* self);

  std::atomic<int> references_{1};
  dg::Ref<DBusConnection> connection_;
  dg::Ref<DBusTimeout> timeout_;  // none: not offered to the main loop
  std::int64_t deadline_ms_;      // monotonic_ms(); INT64_MAX: none
  std::uint32_t serial_ = 0;
  bool reply_queued_ = false;
  bool completed_ = false;
  dg::Ref<DBusMessage> reply_;
  DBusPendingCallNotifyFunction notify_ = nullptr;
  dg::SlotList::Entry notify_data_;
  dg::SlotList slots_;
  DBusPendingCall* next_in_table_ = nullptr;
};

namespace dg {
extern SlotAllocator pending_call_slots;
}
