// SPDX-License-Identifier: LGPL-2.1-or-later
// FilterList (filters.h).
#include "connection/filters.h"

namespace dg {

void FilterList::add(DBusHandleMessageFunction function, void* data, DBusFreeFunction free_data) {
  auto filter = std::make_shared<Filter>();
  filter->function = function;
  filter->data = {data, free_data};
  auto changed = list_ ? std::make_shared<List>(*list_) : std::make_shared<List>();
  changed->push_back(std::move(filter));
  list_ = std::move(changed);
}

std::shared_ptr<Filter> FilterList::remove(DBusHandleMessageFunction function, void* data) {
  if (!list_) return nullptr;
  for (auto i = list_->size(); i-- > 0;) {
    const std::shared_ptr<Filter>& filter = (*list_)[i];
    if (filter->function != function || filter->data.data != data) continue;
    std::shared_ptr<Filter> found = filter;
    std::shared_ptr<List> changed;
    if (list_->size() > 1) {
      changed = std::make_shared<List>(*list_);
      changed->erase(changed->begin() + static_cast<std::ptrdiff_t>(i));
    }
    list_ = std::move(changed);
    found->removed.store(true, std::memory_order_release);
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
  for (const std::shared_ptr<Filter>& filter : *list) filter->data.run();
}

}  // namespace dg
