// SPDX-License-Identifier: LGPL-2.1-or-later
// For tests: what transports whose peer is an object in memory have in common. The descriptor is
// the test's, so that polling works as with a real one; what is sent and received is the derived
// class's decision.
#pragma once

#include <dbus/dbus.h>

#include <utility>

#include "base/unique_fd.h"
#include "transport/transport.h"

namespace dg::test {

class MemoryTransport : public Transport {
 public:
  explicit MemoryTransport(UniqueFd fd) : fd_(std::move(fd)) {}
  int fd() const noexcept override { return fd_.get(); }
  bool wants_read() const noexcept override { return fd_ && !reading_paused(); }
  bool wants_write() const noexcept override { return false; }
  bool has_pending_input() const noexcept override { return false; }
  bool authenticated() const noexcept override { return true; }
  IoStatus handshake() noexcept override { return IoStatus::Ok; }
  void close() noexcept override { fd_.reset(); }
  const char* guid() const noexcept override { return "00112233445566778899aabbccddeeff"; }
  bool can_send_type(int type) const noexcept override { return type != DBUS_TYPE_UNIX_FD; }

 private:
  UniqueFd fd_;
};

}  // namespace dg::test
