// SPDX-License-Identifier: LGPL-2.1-or-later
// ReceivedCounter (received_counter.h).
#include "connection/received_counter.h"

#include "connection/connection.h"

namespace dg {

// Runs on any thread that drops a message, never with the connection's lock held: the connection
// drops messages unlocked only.
void ReceivedCounter::changed() noexcept {
  if (!paused_.load(std::memory_order_seq_cst)) return;
  Ref<DBusConnection> connection;
  {
    Lock lock(mutex_);
    if (connection_ && connection_->try_ref()) connection = Ref<DBusConnection>::adopt(connection_);
  }
  if (connection) connection->resume_reading();
}

void ReceivedCounter::detach() noexcept {
  Lock lock(mutex_);
  connection_ = nullptr;
}

}  // namespace dg
