// SPDX-License-Identifier: LGPL-2.1-or-later
// PendingTable (pending_table.h).
#include "connection/pending_table.h"

namespace dg {

void PendingTable::reserve_one() {
  if (count_ < buckets_.size()) return;
  std::vector<DBusPendingCall*> old(buckets_.empty() ? 8 : buckets_.size() * 2);
  old.swap(buckets_);
  for (DBusPendingCall* chain : old) {
    while (chain) {
      DBusPendingCall* call = chain;
      chain = call->next_in_table_;
      call->next_in_table_ = buckets_[bucket(call->serial_)];
      buckets_[bucket(call->serial_)] = call;
    }
  }
}

void PendingTable::add(DBusPendingCall* call) noexcept {
  call->ref();
  DBusPendingCall*& chain = buckets_[bucket(call->serial_)];
  call->next_in_table_ = chain;
  chain = call;
  ++count_;
}

DBusPendingCall* PendingTable::find(std::uint32_t serial) const noexcept {
  if (count_ == 0) return nullptr;
  DBusPendingCall* call = buckets_[bucket(serial)];
  while (call && call->serial_ != serial) call = call->next_in_table_;
  return call;
}

Ref<DBusPendingCall> PendingTable::take(std::uint32_t serial) noexcept {
  if (count_ == 0) return nullptr;
  DBusPendingCall** link = &buckets_[bucket(serial)];
  while (*link && (*link)->serial_ != serial) link = &(*link)->next_in_table_;
  DBusPendingCall* call = *link;
  if (!call) return nullptr;
  *link = call->next_in_table_;
  call->next_in_table_ = nullptr;
  --count_;
  return Ref<DBusPendingCall>::adopt(call);
}

DBusPendingCall* PendingTable::any() const noexcept {
  if (count_ == 0) return nullptr;
  for (DBusPendingCall* call : buckets_)
    if (call) return call;
  return nullptr;
}

}  // namespace dg
