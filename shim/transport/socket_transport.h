// SPDX-License-Identifier: LGPL-2.1-or-later
// SocketTransport: messages in wire format over a stream socket, after SASL; either side of it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "message/wire.h"
#include "transport/sasl.h"
#include "transport/transport.h"

namespace dg {

class SocketTransport : public Transport {
 public:
  // `fd` is connected, non-blocking and close-on-exec. With `expected_guid` (the address's, or "")
  // a server that has another is disconnected from.
  SocketTransport(UniqueFd fd, std::unique_ptr<Sasl> sasl, std::string expected_guid);

  int fd() const noexcept override { return fd_.get(); }
  bool wants_read() const noexcept override;
  bool wants_write() const noexcept override;
  bool has_pending_input() const noexcept override { return pending_input_; }
  bool authenticated() const noexcept override { return authenticated_; }
  IoStatus handshake() noexcept override;
  IoStatus send(DBusMessage& message) noexcept override;
  IoStatus receive(MessageList& out) noexcept override;
  void close() noexcept override;
  const char* guid() const noexcept override;
  bool can_send_type(int dbus_type) const noexcept override;
  void set_max_message_size(long size) noexcept override;
  void set_max_message_unix_fds(long n) noexcept override;

 private:
  IoStatus flush_sasl();
  IoStatus read_sasl();
  IoStatus finish_handshake();
  ssize_t send_some(DBusMessage& message) noexcept;
  ssize_t read_some(std::span<std::byte> room, bool with_fds, std::vector<UniqueFd>& fds) noexcept;
  bool reserve_fds() noexcept;
  IoStatus pop_all(MessageList& out) noexcept;

  UniqueFd fd_;
  std::unique_ptr<Sasl> sasl_;  // kept for its GUID
  std::string expected_guid_;
  bool authenticated_ = false;
  bool unix_fds_ = false;
  bool pending_input_ = false;
  std::size_t sent_ = 0;       // bytes of the message in send() that are out already
  std::vector<UniqueFd> fds_;  // empty between reads
  WireLoader loader_;
};

}  // namespace dg
