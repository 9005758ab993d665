// SPDX-License-Identifier: LGPL-2.1-or-later
#include "message/message_list.h"

#include <cstdlib>

namespace dg {

MessageList::~MessageList() {
  clear();
  std::free(ring_);
}

bool MessageList::reserve_more(std::size_t more) noexcept {
  const std::size_t needed = count_ + lent_ + more;
  if (needed <= capacity_) return true;
  std::size_t capacity = capacity_ ? capacity_ : 16;
  while (capacity < needed) capacity *= 2;
  auto* ring = static_cast<DBusMessage**>(std::malloc(capacity * sizeof(DBusMessage*)));
  if (!ring) return false;
  for (std::size_t i = 0; i < count_; ++i) ring[i] = (*this)[i];
  std::free(ring_);
  ring_ = ring;
  capacity_ = capacity;
  head_ = 0;
  return true;
}

bool MessageList::push_back(DBusMessage* message) noexcept {
  if (!reserve_more(1)) return false;
  ring_[slot(count_++)] = message;
  return true;
}

bool MessageList::push_front(DBusMessage* message) noexcept {
  if (!reserve_more(1)) return false;
  head_ = slot(capacity_ - 1);
  ring_[head_] = message;
  ++count_;
  return true;
}

DBusMessage* MessageList::pop_front() noexcept {
  if (count_ == 0) return nullptr;
  DBusMessage* message = ring_[head_];
  head_ = slot(1);
  --count_;
  return message;
}

DBusMessage* MessageList::lend_front() noexcept {
  DBusMessage* message = pop_front();
  if (message) ++lent_;
  return message;
}

void MessageList::take_back(DBusMessage* message) noexcept {
  --lent_;
  (void)push_front(message);
}

DBusMessage* MessageList::take(std::size_t index) noexcept {
  DBusMessage* message = (*this)[index];
  // Those before it move up, since what is taken is mostly near the front.
  for (; index > 0; --index) ring_[slot(index)] = ring_[slot(index - 1)];
  pop_front();
  return message;
}

void MessageList::clear() noexcept {
  while (DBusMessage* message = pop_front()) message->unref();
}

bool MessageList::append(MessageList& other) noexcept {
  if (!reserve_more(other.count_)) return false;
  while (DBusMessage* message = other.pop_front()) ring_[slot(count_++)] = message;
  return true;
}

}  // namespace dg
