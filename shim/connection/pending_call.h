// SPDX-License-Identifier: LGPL-2.1-or-later
// DBusPendingCall: a method call that waits for its reply. Its connection's lock protects it.
#pragma once

#include <dbus/dbus.h>

#include <atomic>
#include <cstdint>

#include "base/data_slot.h"
#include "base/refcount.h"
#include "connection/connection.h"
#include "connection/timeout.h"
#include "message/message.h"

struct DBusPendingCall {
 public:
  // timeout_ms < 0: the default; DBUS_TIMEOUT_INFINITE: none. Throws std::bad_alloc.
  DBusPendingCall(DBusConnection* connection, int timeout_ms);
  DBusPendingCall(const DBusPendingCall&) = delete;
  DBusPendingCall& operator=(const DBusPendingCall&) = delete;

  void ref() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void unref() noexcept;

  // A call that is complete already isn't notified any more, as in libdbus.
  void set_notify(DBusPendingCallNotifyFunction function, void* data, DBusFreeFunction free_data);
  void cancel();
  bool completed();
  // The caller's reference; null when there is none yet or it was taken.
  DBusMessage* steal_reply();
  // Waits until the call is complete.
  void block();
  bool set_data(dbus_int32_t slot, void* data, DBusFreeFunction free_data);
  void* data(dbus_int32_t slot);

 private:
  friend struct DBusConnection;
  ~DBusPendingCall();
  static bool on_timeout(void* self);

  std::atomic<int> references_{1};
  dg::Ref<DBusConnection> connection_;
  dg::Ref<DBusTimeout> timeout_;  // none: waits for ever
  std::int64_t deadline_ms_;      // monotonic_ms(); INT64_MAX: none
  std::uint32_t serial_ = 0;
  bool completed_ = false;
  bool expired_ = false;          // its local NoReply is queued
  dg::Ref<DBusMessage> reply_;
  DBusPendingCallNotifyFunction notify_ = nullptr;
  dg::SlotList::Entry notify_data_;
  dg::SlotList slots_;
};

namespace dg {
extern SlotAllocator pending_call_slots;
}
