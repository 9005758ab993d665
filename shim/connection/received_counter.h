// SPDX-License-Identifier: LGPL-2.1-or-later
// ReceivedCounter: how much a connection's received messages take while anybody holds them, its
// max_received_size and max_received_unix_fds, and the way back to the connection when messages are
// dropped, so that reading goes on.
#pragma once

#include <atomic>

#include "base/mutex.h"
#include "message/message.h"

namespace dg {

class ReceivedCounter final : public MessageCounter {
 public:
  explicit ReceivedCounter(DBusConnection* connection) noexcept : connection_(connection) {}

  // The limits and the pause are the connection's, under its lock.
  long max_bytes = 63L * 1024 * 1024;
  long max_fds = 4096;
  bool over_limit() const noexcept { return bytes() >= max_bytes || fds() >= max_fds; }
  // While set, a message that is dropped calls DBusConnection::resume_reading().
  void set_paused(bool paused) noexcept { paused_.store(paused, std::memory_order_seq_cst); }
  // The connection is going; messages may stay.
  void detach() noexcept;

 private:
  ~ReceivedCounter() override = default;
  void changed() noexcept override;

  std::atomic<bool> paused_{false};
  Mutex mutex_;
  DBusConnection* connection_;
};

}  // namespace dg
