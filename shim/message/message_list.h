// SPDX-License-Identifier: LGPL-2.1-or-later
// MessageList: a queue of messages, each with one reference that the list holds. A ring that keeps
// its memory, since a connection's queues fill and drain all the time; not intrusive, since a
// message may be queued on several connections.
#pragma once

#include <cstddef>
#include <utility>

#include "message/message.h"

namespace dg {

class MessageList {
 public:
  MessageList() noexcept = default;
  MessageList(MessageList&& other) noexcept { swap(other); }
  MessageList& operator=(MessageList&& other) noexcept {
    MessageList gone(std::move(other));
    swap(gone);
    return *this;
  }
  ~MessageList();

  bool empty() const noexcept { return count_ == 0; }
  std::size_t size() const noexcept { return count_; }
  // index < size()
  DBusMessage* operator[](std::size_t index) const noexcept { return ring_[slot(index)]; }
  DBusMessage* front() const noexcept { return count_ ? ring_[head_] : nullptr; }

  // Room for that many more, so that a push can't fail. False without memory.
  [[nodiscard]] bool reserve_more(std::size_t more) noexcept;
  // Take over the caller's reference; on false (no memory) it remains the caller's.
  [[nodiscard]] bool push_back(DBusMessage* message) noexcept;
  [[nodiscard]] bool push_front(DBusMessage* message) noexcept;
  // Give a reference to the caller; pop_front() of an empty list is null.
  DBusMessage* pop_front() noexcept;
  DBusMessage* take(std::size_t index) noexcept;
  // As pop_front(), but its place is kept, however many come meanwhile, until either of the
  // others: so that putting it back in front can't fail.
  DBusMessage* lend_front() noexcept;
  void take_back(DBusMessage* message) noexcept;
  void keep_no_place() noexcept { --lent_; }
  void clear() noexcept;
  // Moves all of `other` to this one's end. False without memory: nothing moved.
  [[nodiscard]] bool append(MessageList& other) noexcept;
  void swap(MessageList& other) noexcept {
    std::swap(ring_, other.ring_);
    std::swap(capacity_, other.capacity_);
    std::swap(head_, other.head_);
    std::swap(count_, other.count_);
    std::swap(lent_, other.lent_);
  }

 private:
  std::size_t slot(std::size_t index) const noexcept { return (head_ + index) & (capacity_ - 1); }

  DBusMessage** ring_ = nullptr;
  std::size_t capacity_ = 0;  // a power of two, or 0
  std::size_t head_ = 0;
  std::size_t count_ = 0;
  std::size_t lent_ = 0;  // places kept
};

}  // namespace dg
