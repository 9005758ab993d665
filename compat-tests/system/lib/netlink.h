// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * netlink.h - a raw Generic Netlink client of the family "dbus"
 *
 * Written on plain sockets, without libnl and without the shim, so that a test
 * says what is on the wire byte by byte (also what no library would send) and
 * a fault of theirs can't hide one of the kernel's.
 */
#pragma once

#include <linux/dbus_genl.h>

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dg::test {

using Bytes = std::vector<uint8_t>;

// A run of netlink attributes under construction, right or wrong on purpose.
class Attrs {
 public:
  Attrs& raw(uint16_t type, const void* data, size_t len);
  // An attribute whose header claims claimed_len, whatever follows it.
  Attrs& lying(uint16_t type, uint16_t claimed_len, const void* data, size_t len);
  Attrs& u8(uint16_t type, uint8_t v) { return raw(type, &v, sizeof v); }
  Attrs& u16(uint16_t type, uint16_t v) { return raw(type, &v, sizeof v); }
  Attrs& u32(uint16_t type, uint32_t v) { return raw(type, &v, sizeof v); }
  Attrs& u64(uint16_t type, uint64_t v) { return raw(type, &v, sizeof v); }
  Attrs& str(uint16_t type, std::string_view s);  // with its NUL
  Attrs& nested(uint16_t type, const Attrs& inside);
  // A body, with the empty PAD attribute before it that aligns it to 8, if needed.
  Attrs& body(const void* data, size_t len);
  Attrs& append(const Attrs& other);
  const Bytes& bytes() const { return bytes_; }

 private:
  Bytes bytes_;
};

// One netlink message as it came.
struct Packet {
  uint16_t type = 0;
  uint16_t flags = 0;
  uint32_t seq = 0;
  uint32_t pid = 0;
  uint32_t from_port = 0;  // of the datagram; 0 is the kernel
  uint8_t cmd = 0;
  int error = 0;       // NLMSG_ERROR: 0 or a negative errno
  std::string extack;  // NLMSG_ERROR: the text, if any
  Bytes attrs;         // behind the genl header

  std::optional<std::string_view> attr(uint16_t type) const;
  std::string str(uint16_t type) const;  // "" if absent, without the NUL
  uint64_t num(uint16_t type) const;     // 0 if absent; any width
  bool has(uint16_t type) const { return attr(type).has_value(); }
  bool is_error() const;
};

// The answer to a request: its errno (0: accepted), extack text, and message, if one came.
struct Answer {
  int error = 0;
  std::string extack;
  std::vector<Packet> packets;
};

class GenlSocket {
 public:
  GenlSocket() = default;
  explicit GenlSocket(int adopted_fd) : fd_(adopted_fd) {}
  GenlSocket(GenlSocket&&) noexcept;
  GenlSocket& operator=(GenlSocket&&) noexcept;
  ~GenlSocket();

  int open(int rcvbuf = 0);  // 0 or -errno
  int bind(uint32_t port);   // 0 or -errno; 0 as port: the kernel chooses
  uint32_t port() const;
  int fd() const { return fd_; }
  void close();

  // 0 or -errno of sendmsg itself.
  int send_bytes(const Bytes& bytes);
  int send(uint8_t cmd, const Attrs& attrs, uint16_t flags, uint32_t seq,
           uint8_t version = DBUS_GENL_VERSION);
  // The next message; nothing after timeout_ms (-1: never gives up).
  std::optional<Packet> receive(int timeout_ms);
  // What the socket gives next, whatever request() has put aside; nothing if it is empty.
  std::optional<Packet> receive_raw();
  // Throws away what is in the socket, and counts it.
  unsigned discard();
  // Sends with NLM_F_ACK and collects up to the ack; what isn't its answer
  // waits for receive().
  Answer request(uint8_t cmd, const Attrs& attrs, uint16_t more_flags = 0);
  Answer request_bytes(Bytes bytes, uint32_t seq);
  uint32_t next_seq() { return ++seq_; }

 private:
  bool fill(int timeout_ms);
  std::optional<Packet> take_answer(uint32_t seq, int timeout_ms);

  int fd_ = -1;
  uint32_t seq_ = 0x40000000;  // apart from serials, which SEND uses as seq
  std::deque<Packet> pending_;
};

Bytes genl_bytes(uint8_t cmd, const Attrs& attrs, uint16_t flags, uint32_t seq,
                 uint8_t version = DBUS_GENL_VERSION);

// The family's id, resolved once a process; 0 if there is no such family now.
uint16_t family_id(bool again = false);

// STATS_GET of this net namespace, by attribute number; empty on failure.
using Stats = std::map<uint16_t, uint64_t>;
Stats stats();
std::string gauges_text(const Stats& s);
// Whether the gauges (all but the counters) agree.
bool same_gauges(const Stats& a, const Stats& b);
const char* stats_name(uint16_t attr);

}  // namespace dg::test
