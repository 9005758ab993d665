// SPDX-License-Identifier: LGPL-2.1-or-later
// PendingTable: a connection's pending calls by serial. Chained through the calls themselves, so
// that a call costs no allocation here. The connection's lock protects it; the table holds a
// reference of each.
#pragma once

#include <cstdint>
#include <vector>

#include "connection/pending_call.h"

namespace dg {

class PendingTable {
 public:
  // Room for one more. Throws std::bad_alloc; after it add() can't fail.
  void reserve_one();
  // serial() must be set.
  void add(DBusPendingCall* call) noexcept;
  DBusPendingCall* find(std::uint32_t serial) const noexcept;
  // Null when it isn't in the table.
  Ref<DBusPendingCall> take(std::uint32_t serial) noexcept;
  // Any one; null when empty.
  DBusPendingCall* any() const noexcept;
  bool empty() const noexcept { return count_ == 0; }

 private:
  std::size_t bucket(std::uint32_t serial) const noexcept { return serial & (buckets_.size() - 1); }

  std::vector<DBusPendingCall*> buckets_;  // a power of two, or none
  std::size_t count_ = 0;
};

}  // namespace dg
