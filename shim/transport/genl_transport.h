// SPDX-License-Identifier: LGPL-2.1-or-later
// GenlTransport: a peer of a bus in the kernel.
#pragma once

#include <bitset>
#include <string>

#include "transport/genl_codec.h"
#include "transport/genl_control.h"
#include "transport/genl_receiver.h"
#include "transport/transport.h"

namespace dg {

class GenlTransport : public Transport {
 public:
  // `socket` has CONNECTed, which gave `peer`.
  GenlTransport(GenlSocket socket, GenlPeer peer);

  int fd() const noexcept override { return socket_.fd(); }
  bool wants_read() const noexcept override { return socket_.is_open() && !reading_paused(); }
  bool wants_write() const noexcept override { return false; }
  bool has_pending_input() const noexcept override;
  bool authenticated() const noexcept override { return true; }
  IoStatus handshake() noexcept override;
  IoStatus send(DBusMessage& message) noexcept override;
  IoStatus receive(MessageList& out) noexcept override;
  void close() noexcept override;
  const char* guid() const noexcept override { return peer_.guid.c_str(); }
  bool can_send_type(int dbus_type) const noexcept override;

 private:
  bool encode(const DBusMessage& message, IoStatus* status) noexcept;
  IoStatus send_encoded(const DBusMessage& message) noexcept;
  IoStatus send_failed(const DBusMessage& message, const char* error_name,
                       const char* text) noexcept;
  IoStatus send_quietly(DBusMessage* error) noexcept;
  IoStatus answer_locally(uint32_t serial, const char* error_name, const char* text) noexcept;
  IoStatus take(nlmsghdr* header, MessageList& out) noexcept;
  IoStatus take_generic(nlmsghdr* header, MessageList& out) noexcept;
  IoStatus take_message(nlmsghdr* header, MessageList& out) noexcept;
  IoStatus claim(const GenlMessageId& id) noexcept;
  bool await_claim(const GenlMessageId& id, int* error) noexcept;
  IoStatus lose(const GenlMessageId& id, const char* error_name, const char* why) noexcept;
  IoStatus take_error(const nlmsghdr* header) noexcept;
  void pull() noexcept;

  GenlSocket socket_;
  GenlPeer peer_;
  GenlEncoder encoder_;
  GenlReceiver receiver_;

  // A body that doesn't fit the request, while it is sent.
  UniqueFd body_file_;
  // Those of the message that receiver_ is at, once they are claimed.
  GenlFiles files_;
  bool claimed_ = false;

  // Error replies made here, to be handed over by receive().
  MessageList local_;
  // The doorbell rang and PULL isn't out yet.
  bool pull_due_ = false;
  // DISCONNECT (or what amounts to it) was received.
  bool gone_ = false;
  // Which of the last serials are calls that expect a reply: a netlink error tells only the serial.
  // An error is in the socket when sendmsg returns, so that it cannot be older than this.
  std::bitset<1024> calls_;
};

}  // namespace dg
