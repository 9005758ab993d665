// SPDX-License-Identifier: LGPL-2.1-or-later
// The body of LoopHooks (loop_hooks.h).
#pragma once

#include <cstddef>
#include <vector>

#include "connection/loop_hooks.h"

namespace dg {

template <typename T>
LoopHooks<T>::Telling::Telling(LoopHooks& hooks, Lock& lock) noexcept
    : hooks_(hooks), lock_(lock), outermost_(true) {
  // An application's function that calls back into us is already telling: don't wait for ourselves.
  if (hooks_.busy_ && pthread_equal(hooks_.busy_thread_, pthread_self())) {
    outermost_ = false;
    return;
  }
  while (hooks_.busy_) hooks_.idle_.wait(lock_);
  hooks_.busy_ = true;
  hooks_.busy_thread_ = pthread_self();
}

template <typename T>
LoopHooks<T>::Telling::~Telling() {
  if (!outermost_) return;
  hooks_.tell_all(lock_);
  hooks_.busy_ = false;
  hooks_.idle_.notify_all();
}

template <typename T>
void LoopHooks<T>::link(T* item) noexcept {
  item->ref();
  item->linked_ = true;
  item->previous_ = last_;
  item->next_ = nullptr;
  (last_ ? last_->next_ : first_) = item;
  last_ = item;
}

// Gives up the list's reference: the caller has one of its own.
template <typename T>
void LoopHooks<T>::unlink(T* item) noexcept {
  if (!item->linked_) return;
  (item->previous_ ? item->previous_->next_ : first_) = item->next_;
  (item->next_ ? item->next_->previous_ : last_) = item->previous_;
  item->previous_ = item->next_ = nullptr;
  item->linked_ = false;
  item->unref();
}

template <typename T>
void LoopHooks<T>::mark_dirty(T* item) noexcept {
  if (item->dirty_) return;
  item->ref();
  item->dirty_ = true;
  item->next_dirty_ = nullptr;
  (dirty_tail_ ? dirty_tail_->next_dirty_ : dirty_head_) = item;
  dirty_tail_ = item;
}

template <typename T>
void LoopHooks<T>::remove(T* item) noexcept {
  Ref<T> keep = Ref<T>::share(item);
  if (!item->linked_) return;
  unlink(item);
  if (item->in_loop_) mark_dirty(item);
}

template <typename T>
void LoopHooks<T>::set_enabled(T* item, bool enabled) noexcept {
  if (item->enabled_.exchange(enabled, std::memory_order_acq_rel) == enabled) return;
  if (item->in_loop_) mark_dirty(item);
}

// An item that was removed while its add function ran is in_loop_ and no longer linked_ afterwards:
// the mark makes tell_all() take it out again.
template <typename T>
bool LoopHooks<T>::call_add(Lock& lock, T* item) {
  item->told_enabled_ = item->enabled();
  if (functions_.add) {
    Functions functions = functions_;
    lock.unlock();
    bool added = functions.add(item, functions.data);
    lock.lock();
    if (!added) return false;
  }
  item->in_loop_ = true;
  if (!item->linked_ || item->told_enabled_ != item->enabled()) mark_dirty(item);
  return true;
}

template <typename T>
void LoopHooks<T>::tell_all(Lock& lock) {
  while (dirty_head_) {
    Ref<T> item = Ref<T>::adopt(dirty_head_);
    dirty_head_ = item->next_dirty_;
    if (!dirty_head_) dirty_tail_ = nullptr;
    item->dirty_ = false;
    if (!item->in_loop_) continue;
    void (*function)(T*, void*) = nullptr;
    if (!item->linked_) {
      item->in_loop_ = false;
      function = functions_.remove;
    } else if (item->told_enabled_ != item->enabled()) {
      item->told_enabled_ = item->enabled();
      function = functions_.toggled;
    }
    void* data = functions_.data;
    lock.unlock();
    if (function) function(item.get(), data);
    item.reset();  // may free the application's data: unlocked too
    lock.lock();
  }
}

template <typename T>
bool LoopHooks<T>::add(Lock& lock, T* item) {
  Telling telling(*this, lock);
  link(item);
  if (call_add(lock, item)) return true;
  unlink(item);
  return false;
}

// libdbus's order: the new functions get everything first, then the old ones lose it, so that a
// refusal leaves things as they were.
template <typename T>
bool LoopHooks<T>::set_functions(Lock& lock, const Functions& functions) {
  Telling telling(*this, lock);
  tell_all(lock);
  struct Moved {
    Ref<T> item;
    bool was_in_loop, told_enabled;
  };
  std::vector<Moved> items;
  for (T* item = first_; item; item = item->next_)
    items.push_back({Ref<T>::share(item), item->in_loop_, false});
  const Functions old = functions_;
  std::size_t added = 0;
  lock.unlock();
  while (added < items.size()) {
    Moved& moved = items[added];
    moved.told_enabled = moved.item->enabled();
    if (functions.add && !functions.add(moved.item.get(), functions.data)) break;
    ++added;
  }
  const bool accepted = added == items.size();
  if (accepted) {
    for (Moved& moved : items)
      if (moved.was_in_loop && old.remove) old.remove(moved.item.get(), old.data);
  } else if (functions.remove) {
    for (std::size_t i = 0; i < added; ++i) functions.remove(items[i].item.get(), functions.data);
  }
  lock.lock();
  if (!accepted) return false;
  functions_ = functions;
  for (Moved& moved : items) {
    moved.item->in_loop_ = true;
    moved.item->told_enabled_ = moved.told_enabled;
    if (!moved.item->linked_ || moved.told_enabled != moved.item->enabled())
      mark_dirty(moved.item.get());
  }
  lock.unlock();
  items.clear();
  if (old.free_data) old.free_data(old.data);
  lock.lock();
  return true;
}

}  // namespace dg
