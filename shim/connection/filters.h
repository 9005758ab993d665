// SPDX-License-Identifier: LGPL-2.1-or-later
// FilterList: the functions that see every message before the object paths do, in the order in
// which they were added.
//
// Handlers may add and remove filters while messages are dispatched: a run goes over the list as it
// was when it began, but leaves out what was removed since. The list is therefore replaced at every
// change (rare), and taking it for a run (each message) only counts a reference.
#pragma once

#include <dbus/dbus.h>

#include <atomic>
#include <memory>
#include <vector>

#include "base/data_slot.h"

namespace dg {

struct Filter {
  DBusHandleMessageFunction function;
  SlotList::Entry data;
  std::atomic<bool> removed{false};
};

class FilterList {
 public:
  using List = std::vector<std::shared_ptr<Filter>>;

  // These are called with the connection's lock held. add() throws std::bad_alloc.
  void add(DBusHandleMessageFunction function, void* data, DBusFreeFunction free_data);
  // The one added last of those that match; null when there is none. The caller runs its data's
  // free function once unlocked. It needs no memory to succeed: the application may be about to
  // free what the filter uses.
  std::shared_ptr<Filter> remove(DBusHandleMessageFunction function, void* data) noexcept;
  // Null when there are none.
  std::shared_ptr<const List> current() const noexcept { return list_; }

  // Called without the lock.
  static DBusHandlerResult run(const List& list, DBusConnection* connection, DBusMessage* message);
  void free_all() noexcept;

 private:
  std::shared_ptr<List> copy() const;

  std::shared_ptr<const List> list_;
};

}  // namespace dg
