// SPDX-License-Identifier: LGPL-2.1-or-later
// For tests: the kernel's end of a socket, played by the test. Datagrams of AF_UNIX instead of
// netlink, with the same messages in them.
#pragma once

#include <gtest/gtest.h>
#include <linux/dbus_genl.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstring>
#include <string>
#include <vector>

#include "transport/genl_transport.h"

namespace dg {

class FakeKernel {
 public:
  static constexpr uint16_t kFamily = 77;
  static constexpr uint32_t kMaxMessageSize = 80000;
  static constexpr uint32_t kMaxFds = 4;
  static constexpr uint32_t kMaxBody = 1024 * 1024;

  FakeKernel() {
    int pair[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    kernel_ = UniqueFd(pair[0]);
    client_ = UniqueFd(pair[1]);
  }

  GenlSocket socket() { return GenlSocket(std::move(client_), kFamily); }
  std::unique_ptr<GenlTransport> transport() {
    return std::make_unique<GenlTransport>(
        socket(), GenlPeer{"0123456789abcdef0123456789abcdef", kMaxMessageSize, kMaxFds, kMaxBody});
  }

  // The next request, whole; null if there is none. Valid until the next call.
  nlmsghdr* request(int flags = MSG_DONTWAIT) {
    buffer_.resize(256 * 1024);
    if (!flags) {
      pollfd wait = {kernel_.get(), POLLIN, 0};
      (void)::poll(&wait, 1, 10000);
    }
    ssize_t n = ::recv(kernel_.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (n < 0) return nullptr;
    auto* header = reinterpret_cast<nlmsghdr*>(buffer_.data());
    EXPECT_EQ(header->nlmsg_len, static_cast<uint32_t>(n));
    EXPECT_EQ(header->nlmsg_flags & NLM_F_REQUEST, NLM_F_REQUEST);
    EXPECT_EQ(header->nlmsg_type, kFamily);
    return header;
  }
  static uint8_t command(nlmsghdr* header) {
    return static_cast<genlmsghdr*>(nlmsg_data(header))->cmd;
  }

  static NlMsg message(uint8_t command) {
    NlMsg made(nlmsg_alloc_size(128 * 1024));
    genlmsg_put(made.get(), 0, 0, kFamily, 0, 0, command, DBUS_GENL_VERSION);
    return made;
  }
  // What every MESSAGE has.
  static NlMsg message(uint64_t sender, uint8_t type, uint32_t serial) {
    NlMsg made = message(DBUS_GENL_CMD_MESSAGE);
    nla_put_u64(made.get(), DBUS_GENL_MSG_A_SENDER, sender);
    nla_put_u8(made.get(), DBUS_GENL_MSG_A_TYPE, type);
    nla_put_u32(made.get(), DBUS_GENL_MSG_A_SERIAL, serial);
    return made;
  }
  static NlMsg signal(uint32_t serial) {
    NlMsg made = message(1, DBUS_MESSAGE_TYPE_SIGNAL, serial);
    nla_put_string(made.get(), DBUS_GENL_MSG_A_PATH, "/");
    nla_put_string(made.get(), DBUS_GENL_MSG_A_INTERFACE, "a.b");
    nla_put_string(made.get(), DBUS_GENL_MSG_A_MEMBER, "S");
    return made;
  }
  void deliver(const NlMsg& made) { deliver(nlmsg_hdr(made.get())); }
  void deliver(const nlmsghdr* header) {
    EXPECT_EQ(::send(kernel_.get(), header, header->nlmsg_len, 0), ssize_t{header->nlmsg_len});
  }
  void deliver_bytes(std::string_view bytes) {
    EXPECT_EQ(::send(kernel_.get(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
  }
  void disconnect(uint32_t reason) {
    NlMsg made = message(DBUS_GENL_CMD_DISCONNECT);
    nla_put_u32(made.get(), DBUS_GENL_BUS_A_REASON, reason);
    deliver(made);
  }

  // As the kernel acknowledges with CAP_ACK and EXT_ACK.
  void acknowledge(int code, uint32_t seq, const char* text) {
    NlMsg made(nlmsg_alloc());
    nlmsghdr* header = nlmsg_hdr(made.get());
    header->nlmsg_type = NLMSG_ERROR;
    header->nlmsg_flags = NLM_F_CAPPED;
    auto* body = static_cast<nlmsgerr*>(nlmsg_reserve(made.get(), sizeof(nlmsgerr), NLMSG_ALIGNTO));
    *body = {};
    body->error = -code;
    body->msg.nlmsg_len = NLMSG_HDRLEN;
    body->msg.nlmsg_type = kFamily;
    body->msg.nlmsg_seq = seq;
    if (text) {
      header->nlmsg_flags |= NLM_F_ACK_TLVS;
      nla_put_string(made.get(), NLMSGERR_ATTR_MSG, text);
    }
    deliver(made);
  }

 private:
  UniqueFd kernel_;
  UniqueFd client_;
  std::vector<char> buffer_;
};

}  // namespace dg
