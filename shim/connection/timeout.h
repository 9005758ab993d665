// SPDX-License-Identifier: LGPL-2.1-or-later
// DBusTimeout: an interval after which the application's main loop calls us.
#pragma once

#include <dbus/dbus.h>

#include "connection/loop_hooks.h"

struct DBusTimeout final : dg::LoopItem<DBusTimeout> {
  // False: no memory, call again.
  using Handler = bool (*)(void* owner);

  DBusTimeout(int interval_ms, bool enabled, Handler handler, void* owner) noexcept
      : LoopItem(enabled), interval_(interval_ms), handler_(handler), owner_(owner) {}

  int interval() const noexcept { return interval_; }
  bool handle();
  // The owner is going: a handle() that comes later does nothing.
  void invalidate() noexcept { alive_.store(false, std::memory_order_release); }

 private:
  friend class dg::LoopItem<DBusTimeout>;
  ~DBusTimeout() = default;
  const int interval_;
  const Handler handler_;
  void* const owner_;
  std::atomic<bool> alive_{true};
};

namespace dg {
using TimeoutHooks = LoopHooks<DBusTimeout>;
}
