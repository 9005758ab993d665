// SPDX-License-Identifier: LGPL-2.1-or-later
// GenlSocket: a Generic Netlink socket that knows the id of the family "dbus", and requests on it
// that are answered at once (the kernel answers within sendmsg).
#pragma once

#include <linux/netlink.h>
#include <netlink/msg.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/unique_fd.h"

namespace dg {

// Why a request (or opening the socket) failed.
struct GenlError {
  enum class Kind {
    NoNetlink,  // the kernel has no generic netlink, or this process may not use it
    NoFamily,   // the module isn't loaded
    Refused,    // the kernel said no
    Broken,     // an answer that makes no sense, or no memory
  };
  Kind kind = Kind::Broken;
  int code = 0;      // an errno
  std::string text;  // the kernel's own words (extack), or what errno means
};

struct NlMsgFree {
  void operator()(nl_msg* message) const noexcept { nlmsg_free(message); }
};
using NlMsg = std::unique_ptr<nl_msg, NlMsgFree>;

// What an NLMSG_ERROR says. `text` points into the message; "" if there is none.
struct NlAck {
  int code = 0;  // 0: acknowledged; else an errno
  uint32_t seq = 0;
  const char* text = "";
};
NlAck parse_ack(const nlmsghdr* header) noexcept;

class GenlSocket {
 public:
  GenlSocket() noexcept = default;
  // A connected, non-blocking datagram socket that speaks to something like the kernel.
  GenlSocket(UniqueFd fd, uint16_t family) noexcept;

  // The kernel's. Not open() on failure.
  static GenlSocket open(GenlError* error);

  bool is_open() const noexcept { return fd() >= 0; }
  int fd() const noexcept { return fd_.get(); }
  uint16_t family() const noexcept { return family_; }
  uint32_t port() const noexcept;
  void close() noexcept { fd_.reset(); }

  // An empty request; null without memory.
  NlMsg request(uint8_t command, int flags = 0) const noexcept;

  // Sends the request and hands each answer (after its generic netlink header) to `answer`, until
  // the kernel's acknowledgement or, of a dump, the end. `answer` returns false for one that makes
  // no sense.
  using Answer = std::function<bool(nlmsghdr*)>;
  bool transact(NlMsg request, const Answer& answer, GenlError* error);

 private:
  bool resolve_family(GenlError* error);

  UniqueFd fd_;
  uint16_t family_ = 0;
  uint32_t next_seq_ = 1;
};

}  // namespace dg
