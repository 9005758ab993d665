// SPDX-License-Identifier: LGPL-2.1-or-later
// Slot numbers and the data under them.
#include "base/data_slot.h"

#include <new>
#include <utility>

#include "base/memory.h"

namespace dg {

bool SlotAllocator::allocate(dbus_int32_t* slot) noexcept {
  const Lock lock(mutex_);
  if (*slot >= 0) {
    if (*slot >= size_ || references_[*slot] == 0) return false;
    ++references_[*slot];
    return true;
  }
  dbus_int32_t found = 0;
  while (found < size_ && references_[found] != 0) ++found;
  if (found == size_) {
    const dbus_int32_t bigger = size_ ? size_ * 2 : 8;
    void* memory = mem::realloc(references_, sizeof(int) * static_cast<std::size_t>(bigger));
    if (!memory) return false;
    references_ = static_cast<int*>(memory);
    while (size_ < bigger) references_[size_++] = 0;
  }
  references_[found] = 1;
  *slot = found;
  return true;
}

void SlotAllocator::free(dbus_int32_t* slot) noexcept {
  const Lock lock(mutex_);
  if (*slot < 0 || *slot >= size_ || references_[*slot] == 0) return;
  if (--references_[*slot] == 0) *slot = -1;
}

bool SlotAllocator::in_use(dbus_int32_t slot) noexcept {
  const Lock lock(mutex_);
  return slot >= 0 && slot < size_ && references_[slot] != 0;
}

bool SlotList::set(dbus_int32_t slot, void* data, DBusFreeFunction free_function,
                   Entry* old) noexcept {
  const std::size_t index = static_cast<std::size_t>(slot);
  if (index >= entries_.size()) {
    try {
      entries_.resize(index + 1);
    } catch (const std::bad_alloc&) {
      return false;
    }
  }
  *old = std::exchange(entries_[index], Entry{data, free_function});
  return true;
}

bool SlotList::set(Mutex& mutex, dbus_int32_t slot, void* data,
                   DBusFreeFunction free_function) noexcept {
  Entry old;
  {
    const Lock lock(mutex);
    if (!set(slot, data, free_function, &old)) return false;
  }
  old.run();
  return true;
}

void* SlotList::get(dbus_int32_t slot) const noexcept {
  const std::size_t index = static_cast<std::size_t>(slot);
  return index < entries_.size() ? entries_[index].data : nullptr;
}

void SlotList::clear() noexcept {
  while (!entries_.empty()) {
    const std::vector<Entry> entries = std::exchange(entries_, {});
    for (const Entry& entry : entries) entry.run();
  }
}

}  // namespace dg
