// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * dbus_loop.h - a main loop of poll() for connections and servers, over the
 * public API of libdbus: one that serves any number of them
 */
#pragma once

#include <dbus/dbus.h>
#include <poll.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "peer.h"

namespace dg::test {

class DBusLoop {
 public:
  void add(DBusConnection* c) {
    dbus_connection_set_watch_functions(c, add_watch, remove_watch, nullptr, this, nullptr);
    dbus_connection_set_timeout_functions(c, add_timeout, remove_timeout, toggle_timeout, this,
                                          nullptr);
    connections_.push_back(dbus_connection_ref(c));
  }
  void add(DBusServer* s) {
    dbus_server_set_watch_functions(s, add_watch, remove_watch, nullptr, this, nullptr);
    dbus_server_set_timeout_functions(s, add_timeout, remove_timeout, toggle_timeout, this,
                                      nullptr);
  }
  // The connections; servers are over when they have been disconnected.
  void clear() {
    for (DBusConnection* c : connections_) {
      dbus_connection_set_watch_functions(c, nullptr, nullptr, nullptr, nullptr, nullptr);
      dbus_connection_set_timeout_functions(c, nullptr, nullptr, nullptr, nullptr, nullptr);
      dbus_connection_unref(c);
    }
    connections_.clear();
  }

  bool run_until(const std::function<bool()>& done, int timeout_ms) {
    const int64_t end = now_ms() + timeout_ms;
    do {
      for (size_t i = 0; i < connections_.size(); ++i)
        while (dbus_connection_dispatch(connections_[i]) == DBUS_DISPATCH_DATA_REMAINS) continue;
      if (done()) return true;
      turn();
    } while (now_ms() < end);
    return false;
  }

 private:
  struct Timer {
    DBusTimeout* timeout;
    int64_t due;
  };

  static DBusLoop& of(void* data) { return *static_cast<DBusLoop*>(data); }
  static dbus_bool_t add_watch(DBusWatch* w, void* data) {
    of(data).watches_.push_back(w);
    return TRUE;
  }
  static void remove_watch(DBusWatch* w, void* data) { std::erase(of(data).watches_, w); }
  static dbus_bool_t add_timeout(DBusTimeout* t, void* data) {
    of(data).timers_.push_back({t, now_ms() + dbus_timeout_get_interval(t)});
    return TRUE;
  }
  static void remove_timeout(DBusTimeout* t, void* data) {
    std::erase_if(of(data).timers_, [t](const Timer& timer) { return timer.timeout == t; });
  }
  static void toggle_timeout(DBusTimeout* t, void* data) {
    remove_timeout(t, data);
    add_timeout(t, data);
  }

  // What is done first may remove the others: each is looked up again.
  void turn() {
    std::vector<pollfd> fds;
    std::vector<DBusWatch*> watches;
    for (DBusWatch* w : watches_) {
      if (!dbus_watch_get_enabled(w)) continue;
      const unsigned flags = dbus_watch_get_flags(w);
      const int events =
          (flags & DBUS_WATCH_READABLE ? POLLIN : 0) | (flags & DBUS_WATCH_WRITABLE ? POLLOUT : 0);
      fds.push_back({dbus_watch_get_unix_fd(w), static_cast<short>(events), 0});
      watches.push_back(w);
    }
    // Short, since others may set what `done` looks at.
    poll(fds.data(), fds.size(), 20);
    for (size_t i = 0; i < fds.size(); ++i) {
      const int found = fds[i].revents;
      unsigned condition = 0;
      if (found & POLLIN) condition |= DBUS_WATCH_READABLE;
      if (found & POLLOUT) condition |= DBUS_WATCH_WRITABLE;
      if (found & POLLERR) condition |= DBUS_WATCH_ERROR;
      if (found & POLLHUP) condition |= DBUS_WATCH_HANGUP;
      if (condition && std::count(watches_.begin(), watches_.end(), watches[i]))
        dbus_watch_handle(watches[i], condition);
    }
    const int64_t now = now_ms();
    const std::vector<Timer> timers = timers_;
    for (const Timer& timer : timers) {
      if (timer.due > now || !std::count_if(timers_.begin(), timers_.end(), [&](const Timer& t) {
            return t.timeout == timer.timeout;
          }))
        continue;
      if (!dbus_timeout_get_enabled(timer.timeout)) continue;
      toggle_timeout(timer.timeout, this);
      dbus_timeout_handle(timer.timeout);
    }
  }

  std::vector<DBusConnection*> connections_;
  std::vector<DBusWatch*> watches_;
  std::vector<Timer> timers_;
};

}  // namespace dg::test
