// SPDX-License-Identifier: LGPL-2.1-or-later
// FilterList (filters.h).
#include "connection/filters.h"

#include <new>

namespace dg {

// A new list of those that are not removed, with room for one more.
std::shared_ptr<FilterList::List> FilterList::copy() const {
  auto changed = std::make_shared<List>();
  if (!list_) {
    changed->reserve(1);
    return changed;
  }
  changed->reserve(list_->size() + 1);
  for (const std::shared_ptr<Filter>& filter : *list_)
    if (!filter->removed.load(std::memory_order_relaxed)) changed->push_back(filter);
  return changed;
}

void FilterList::add(DBusHandleMessageFunction function, void* data, DBusFreeFunction free_data) {
  auto filter = std::make_shared<Filter>();
  filter->function = function;
  filter->data = {data, free_data};
  std::shared_ptr<List> changed = copy();
  changed->push_back(std::move(filter));
  list_ = std::move(changed);
}

std::shared_ptr<Filter> FilterList::remove(DBusHandleMessageFunction function,
                                           void* data) noexcept {
  if (!list_) return nullptr;
  for (auto i = list_->size(); i-- > 0;) {
    std::shared_ptr<Filter> found = (*list_)[i];
    if (found->function != function || found->data.data != data ||
        found->removed.load(std::memory_order_relaxed))
      continue;
    found->removed.store(true, std::memory_order_release);
    try {
      std::shared_ptr<List> changed = copy();
      list_ = changed->empty() ? nullptr : std::move(changed);
    } catch (const std::bad_alloc&) {
      // It stays where it is, never to run again, until the next change.
    }
    return found;
  }
  return nullptr;
}

DBusHandlerResult FilterList::run(const List& list, DBusConnection* connection,
                                  DBusMessage* message) {
  for (const std::shared_ptr<Filter>& filter : list) {
    if (filter->removed.load(std::memory_order_acquire)) continue;
    DBusHandlerResult result = filter->function(connection, message, filter->data.data);
    if (result != DBUS_HANDLER_RESULT_NOT_YET_HANDLED) return result;
  }
  return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
}

void FilterList::free_all() noexcept {
  std::shared_ptr<const List> list = std::move(list_);
  if (!list) return;
  for (const std::shared_ptr<Filter>& filter : *list)
    if (!filter->removed.load(std::memory_order_relaxed)) filter->data.run();
}

}  // namespace dg
