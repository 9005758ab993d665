// SPDX-License-Identifier: LGPL-2.1-or-later
// DBusWatch: a file descriptor that the application's main loop polls for a connection or server.
#pragma once

#include <dbus/dbus.h>

#include "connection/loop_hooks.h"

struct DBusWatch final : dg::LoopItem<DBusWatch> {
  // What to do with the conditions that the main loop found; false: no memory, try again later.
  using Handler = bool (*)(void* owner, unsigned int condition);

  DBusWatch(int fd, unsigned int flags, bool enabled, Handler handler, void* owner) noexcept
      : LoopItem(enabled), fd_(fd), flags_(flags), handler_(handler), owner_(owner) {}

  int fd() const noexcept { return fd_.load(std::memory_order_acquire); }
  unsigned int flags() const noexcept { return flags_; }
  // Runs the owner's handler, which locks for itself. True (nothing to do) after invalidate().
  bool handle(unsigned int condition);
  // The fd is closed or its owner is going: the main loop may still hold the watch a little longer.
  void invalidate() noexcept { fd_.store(-1, std::memory_order_release); }

 private:
  friend class dg::LoopItem<DBusWatch>;
  ~DBusWatch() = default;
  std::atomic<int> fd_;
  const unsigned int flags_;
  const Handler handler_;
  void* const owner_;
};

namespace dg {
using WatchHooks = LoopHooks<DBusWatch>;
}
