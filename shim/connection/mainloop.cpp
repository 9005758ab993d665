// SPDX-License-Identifier: LGPL-2.1-or-later
// A connection and the application's main loop: its functions for watches, time-outs, waking up and
// the dispatch status, and telling it what has changed.
#include <unistd.h>

#include <utility>

#include "connection/bus.h"
#include "connection/connection.h"
#include "connection/registry.h"

using dg::Lock;

bool DBusConnection::set_watch_functions(const dg::WatchHooks::Functions& functions) {
  Lock lock(mutex_);
  bool accepted = watches_.set_functions(lock, functions);
  settle_and_report(lock);
  return accepted;
}

bool DBusConnection::set_timeout_functions(const dg::TimeoutHooks::Functions& functions) {
  Lock lock(mutex_);
  bool accepted = timeouts_.set_functions(lock, functions);
  settle_and_report(lock);
  return accepted;
}

template <typename Function>
void DBusConnection::set_hook(Hook<Function> DBusConnection::*hook, Function function, void* data,
                              DBusFreeFunction free_data) {
  Hook<Function> old;
  {
    Lock lock(mutex_);
    old = this->*hook;
    this->*hook = {function, {data, free_data}};
  }
  old.data.run();
}

void DBusConnection::set_wakeup_main_function(DBusWakeupMainFunction function, void* data,
                                              DBusFreeFunction free_data) {
  set_hook(&DBusConnection::wakeup_main_, function, data, free_data);
}

void DBusConnection::set_dispatch_status_function(DBusDispatchStatusFunction function, void* data,
                                                  DBusFreeFunction free_data) {
  set_hook(&DBusConnection::status_function_, function, data, free_data);
}

void DBusConnection::set_unix_user_function(DBusAllowUnixUserFunction function, void* data,
                                            DBusFreeFunction free_data) {
  set_hook(&DBusConnection::unix_user_function_, function, data, free_data);
}

void DBusConnection::set_windows_user_function(DBusAllowWindowsUserFunction function, void* data,
                                               DBusFreeFunction free_data) {
  set_hook(&DBusConnection::windows_user_function_, function, data, free_data);
}

void DBusConnection::settle(Lock& lock) {
  watches_.sync(lock);
  timeouts_.sync(lock);
  if (wakeup_needed_) {
    wakeup_needed_ = false;
    if (Hook<DBusWakeupMainFunction> hook = wakeup_main_; hook.function) {
      lock.unlock();
      hook.function(hook.data.data);
      lock.lock();
    }
  }
  if (!gone_.empty()) {
    dg::MessageList gone;
    gone.swap(gone_);
    lock.unlock();
    gone.clear();
    lock.lock();
  }
  if (gone_calls_) {
    DBusPendingCall* gone = std::exchange(gone_calls_, nullptr);
    lock.unlock();
    while (gone) std::exchange(gone, std::exchange(gone->next_in_table_, nullptr))->unref();
    lock.lock();
  }
  if (leave_registry_) {
    leave_registry_ = false;
    lock.unlock();
    dg::registry::remove(this);
    dg::bus_forget(this);
    lock.lock();
  }
}

void DBusConnection::settle_and_report(Lock& lock) {
  DBusDispatchStatus status = update_status();
  settle(lock);
  // Handlers have run, and may have cancelled this.
  if (std::exchange(exit_due_, false) && exit_on_disconnect_) _exit(1);
  if (status == reported_status_) return;
  reported_status_ = status;
  Hook<DBusDispatchStatusFunction> hook = status_function_;
  if (!hook.function) return;
  lock.unlock();
  hook.function(this, status, hook.data.data);
  lock.lock();
}

DBusDispatchStatus DBusConnection::update_status() noexcept {
  if (!is_connected()) {
    take_received();  // if there was no memory for it
    if (incoming_.empty() && received_.empty() && !borrowed_ && !disconnect_queued_)
      queue_disconnect_messages();
  }
  if (!incoming_.empty()) return DBUS_DISPATCH_DATA_REMAINS;
  if (need_memory_) return DBUS_DISPATCH_NEED_MEMORY;
  return DBUS_DISPATCH_COMPLETE;
}
