// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * netlink.cpp - a raw Generic Netlink client of the family "dbus"
 */
#include "netlink.h"

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace dg::test {

namespace {

constexpr uint16_t TYPE_MASK = 0x3fff;  // NLA_TYPE_MASK, which is a negative int

void put(Bytes& out, const void* data, size_t len) {
  const auto* p = static_cast<const uint8_t*>(data);
  out.insert(out.end(), p, p + len);
}

void pad4(Bytes& out) {
  while (out.size() % 4) out.push_back(0);
}

Packet parse(const nlmsghdr* h) {
  Packet p;
  p.type = h->nlmsg_type;
  p.flags = h->nlmsg_flags;
  p.seq = h->nlmsg_seq;
  p.pid = h->nlmsg_pid;
  const auto* start = reinterpret_cast<const uint8_t*>(h);
  const uint8_t* end = start + h->nlmsg_len;
  const uint8_t* at = start + NLMSG_HDRLEN;

  if (h->nlmsg_type == NLMSG_ERROR) {
    nlmsgerr e;
    std::memcpy(&e, at, sizeof e);
    p.error = e.error;
    at += sizeof e;
    if (!(h->nlmsg_flags & NLM_F_CAPPED) && e.error)
      at += NLMSG_ALIGN(e.msg.nlmsg_len) - NLMSG_HDRLEN;
    if (h->nlmsg_flags & NLM_F_ACK_TLVS && at < end) p.attrs.assign(at, end);
    if (auto msg = p.attr(NLMSGERR_ATTR_MSG))
      p.extack.assign(msg->data(), msg->empty() ? 0 : msg->size() - 1);
  } else if (h->nlmsg_type == NLMSG_DONE) {
    if (end - at >= 4) std::memcpy(&p.error, at, 4);
    if (h->nlmsg_flags & NLM_F_ACK_TLVS && end - at > 4) p.attrs.assign(at + 4, end);
    if (auto msg = p.attr(NLMSGERR_ATTR_MSG))
      p.extack.assign(msg->data(), msg->empty() ? 0 : msg->size() - 1);
  } else if (end - at >= static_cast<ptrdiff_t>(GENL_HDRLEN)) {
    p.cmd = at[0];
    p.attrs.assign(at + GENL_HDRLEN, end);
  }
  return p;
}

}  // namespace

Attrs& Attrs::raw(uint16_t type, const void* data, size_t len) {
  return lying(type, static_cast<uint16_t>(NLA_HDRLEN + len), data, len);
}

Attrs& Attrs::lying(uint16_t type, uint16_t claimed_len, const void* data, size_t len) {
  nlattr a{claimed_len, type};
  put(bytes_, &a, sizeof a);
  put(bytes_, data, len);
  pad4(bytes_);
  return *this;
}

Attrs& Attrs::str(uint16_t type, std::string_view s) {
  std::string with_nul(s);
  return raw(type, with_nul.c_str(), with_nul.size() + 1);
}

Attrs& Attrs::nested(uint16_t type, const Attrs& inside) {
  return raw(type | NLA_F_NESTED, inside.bytes_.data(), inside.bytes_.size());
}

Attrs& Attrs::body(const void* data, size_t len) {
  // Attributes begin at 20 (nlmsghdr, genlhdr): their header at 4 mod 8 puts the payload at 0.
  if ((NLMSG_HDRLEN + GENL_HDRLEN + bytes_.size() + NLA_HDRLEN) % 8)
    raw(DBUS_GENL_MSG_A_PAD, nullptr, 0);
  return raw(DBUS_GENL_MSG_A_BODY, data, len);
}

Attrs& Attrs::append(const Attrs& other) {
  bytes_.insert(bytes_.end(), other.bytes_.begin(), other.bytes_.end());
  return *this;
}

std::optional<std::string_view> Packet::attr(uint16_t type) const {
  size_t at = 0;
  while (at + NLA_HDRLEN <= attrs.size()) {
    nlattr a;
    std::memcpy(&a, attrs.data() + at, sizeof a);
    if (a.nla_len < NLA_HDRLEN || at + a.nla_len > attrs.size()) break;
    if ((a.nla_type & TYPE_MASK) == type)
      return std::string_view(reinterpret_cast<const char*>(attrs.data() + at + NLA_HDRLEN),
                              a.nla_len - NLA_HDRLEN);
    at += NLA_ALIGN(a.nla_len);
  }
  return std::nullopt;
}

std::string Packet::str(uint16_t type) const {
  auto v = attr(type);
  if (!v || v->empty()) return "";
  return std::string(v->substr(0, v->size() - 1));
}

uint64_t Packet::num(uint16_t type) const {
  auto v = attr(type);
  uint64_t n = 0;
  if (v && v->size() <= sizeof n) std::memcpy(&n, v->data(), v->size());
  return n;
}

bool Packet::is_error() const { return type == NLMSG_ERROR; }

GenlSocket::GenlSocket(GenlSocket&& o) noexcept
    : fd_(std::exchange(o.fd_, -1)), seq_(o.seq_), pending_(std::move(o.pending_)) {}

GenlSocket& GenlSocket::operator=(GenlSocket&& o) noexcept {
  std::swap(fd_, o.fd_);
  std::swap(seq_, o.seq_);
  std::swap(pending_, o.pending_);
  return *this;
}

GenlSocket::~GenlSocket() { close(); }

void GenlSocket::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  pending_.clear();
}

int GenlSocket::open(int rcvbuf) {
  close();
  fd_ = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
  if (fd_ < 0) return -errno;
  int one = 1;
  setsockopt(fd_, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof one);
  setsockopt(fd_, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof one);
  if (rcvbuf) setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof rcvbuf);
  return 0;
}

int GenlSocket::bind(uint32_t port) {
  sockaddr_nl a{};
  a.nl_family = AF_NETLINK;
  a.nl_pid = port;
  return ::bind(fd_, reinterpret_cast<sockaddr*>(&a), sizeof a) ? -errno : 0;
}

uint32_t GenlSocket::port() const {
  sockaddr_nl a{};
  socklen_t len = sizeof a;
  if (::getsockname(fd_, reinterpret_cast<sockaddr*>(&a), &len)) return 0;
  return a.nl_pid;
}

int GenlSocket::send_bytes(const Bytes& bytes) {
  sockaddr_nl to{};
  to.nl_family = AF_NETLINK;
  for (;;) {
    ssize_t n =
        ::sendto(fd_, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to);
    if (n >= 0) return 0;
    if (errno != EINTR) return -errno;
  }
}

Bytes genl_bytes(uint8_t cmd, const Attrs& attrs, uint16_t flags, uint32_t seq, uint8_t version) {
  Bytes out;
  nlmsghdr h{};
  h.nlmsg_len = static_cast<uint32_t>(NLMSG_HDRLEN + GENL_HDRLEN + attrs.bytes().size());
  h.nlmsg_type = family_id();
  h.nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
  h.nlmsg_seq = seq;
  put(out, &h, sizeof h);
  genlmsghdr g{cmd, version, 0};
  put(out, &g, sizeof g);
  put(out, attrs.bytes().data(), attrs.bytes().size());
  return out;
}

int GenlSocket::send(uint8_t cmd, const Attrs& attrs, uint16_t flags, uint32_t seq,
                     uint8_t version) {
  return send_bytes(genl_bytes(cmd, attrs, flags, seq, version));
}

bool GenlSocket::fill(int timeout_ms) {
  pollfd p{fd_, POLLIN, 0};
  int n;
  do n = ::poll(&p, 1, timeout_ms);
  while (n < 0 && errno == EINTR);
  if (n <= 0) return false;

  alignas(8) static thread_local uint8_t buffer[512 * 1024];
  sockaddr_nl from{};
  socklen_t from_len = sizeof from;
  ssize_t got = ::recvfrom(fd_, buffer, sizeof buffer, MSG_DONTWAIT,
                           reinterpret_cast<sockaddr*>(&from), &from_len);
  if (got < 0) return errno == EINTR || errno == ENOBUFS;
  auto left = static_cast<int>(got);
  for (auto* h = reinterpret_cast<nlmsghdr*>(buffer); NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
    Packet packet = parse(h);
    packet.from_port = from.nl_pid;
    pending_.push_back(std::move(packet));
  }
  return true;
}

std::optional<Packet> GenlSocket::receive(int timeout_ms) {
  while (pending_.empty())
    if (!fill(timeout_ms)) return std::nullopt;
  Packet p = std::move(pending_.front());
  pending_.pop_front();
  return p;
}

std::optional<Packet> GenlSocket::receive_raw() {
  std::deque<Packet> aside;
  aside.swap(pending_);
  auto p = receive(0);
  pending_.swap(aside);
  return p;
}

unsigned GenlSocket::discard() {
  unsigned n = 0;
  char buffer[8192];
  for (int tries = 0; tries < 3;)
    if (::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT) > 0)
      ++n;
    else
      ++tries;  // the first may be ENOBUFS: acknowledgements were lost
  return n;
}

std::optional<Packet> GenlSocket::take_answer(uint32_t seq, int timeout_ms) {
  size_t at = 0;
  for (;;) {
    for (; at < pending_.size(); ++at) {
      // MESSAGE, PULL, DISCONNECT answer nothing: their seq means nothing.
      Packet& p = pending_[at];
      bool unasked = p.type >= NLMSG_MIN_TYPE &&
                     (p.cmd == DBUS_GENL_CMD_MESSAGE || p.cmd == DBUS_GENL_CMD_PULL ||
                      p.cmd == DBUS_GENL_CMD_DISCONNECT);
      if (p.seq == seq && !unasked) {
        Packet found = std::move(p);
        pending_.erase(pending_.begin() + static_cast<ptrdiff_t>(at));
        return found;
      }
    }
    if (!fill(timeout_ms)) return std::nullopt;
  }
}

Answer GenlSocket::request_bytes(Bytes bytes, uint32_t seq) {
  Answer answer;
  answer.error = send_bytes(bytes);
  if (answer.error) return answer;
  for (;;) {
    auto p = take_answer(seq, 30000);
    if (!p) {
      answer.error = -ETIMEDOUT;
      answer.extack = "(no answer came in 30 s)";
      return answer;
    }
    bool dump_end = p->type == NLMSG_DONE;
    if (p->is_error() || dump_end) {
      answer.error = p->error;
      answer.extack = p->extack;
      return answer;
    }
    answer.packets.push_back(std::move(*p));
  }
}

Answer GenlSocket::request(uint8_t cmd, const Attrs& attrs, uint16_t more_flags) {
  uint32_t seq = next_seq();
  auto flags =
      static_cast<uint16_t>(more_flags | ((more_flags & NLM_F_DUMP) == NLM_F_DUMP ? 0 : NLM_F_ACK));
  return request_bytes(genl_bytes(cmd, attrs, flags, seq), seq);
}

uint16_t family_id(bool again) {
  static uint16_t id;
  if (id && !again) return id;
  id = 0;
  GenlSocket s;
  if (s.open()) return 0;
  Attrs name;
  name.str(CTRL_ATTR_FAMILY_NAME, DBUS_GENL_NAME);
  uint32_t seq = s.next_seq();
  Bytes bytes;
  nlmsghdr h{};
  h.nlmsg_len = static_cast<uint32_t>(NLMSG_HDRLEN + GENL_HDRLEN + name.bytes().size());
  h.nlmsg_type = GENL_ID_CTRL;
  h.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  h.nlmsg_seq = seq;
  put(bytes, &h, sizeof h);
  genlmsghdr g{CTRL_CMD_GETFAMILY, 1, 0};
  put(bytes, &g, sizeof g);
  put(bytes, name.bytes().data(), name.bytes().size());
  Answer a = s.request_bytes(std::move(bytes), seq);
  if (!a.error && !a.packets.empty())
    id = static_cast<uint16_t>(a.packets[0].num(CTRL_ATTR_FAMILY_ID));
  return id;
}

const char* stats_name(uint16_t attr) {
  static const char* const names[] = {"unspec",          "pad",          "buses",   "peers",
                                      "names",           "owners",       "matches", "replies",
                                      "queued_messages", "queued_bytes", "users",   "routed",
                                      "delivered",       "refused",      "dropped", "overflowed",
                                      "unclaimed_fds",   "starts",       "waiting", "expired"};
  return attr < sizeof names / sizeof *names ? names[attr] : "?";
}

Stats stats() {
  Stats out;
  GenlSocket s;
  if (s.open()) return out;
  Answer a = s.request(DBUS_GENL_CMD_STATS_GET, Attrs());
  if (a.error || a.packets.empty()) return out;
  for (uint16_t i = DBUS_GENL_STATS_A_BUSES; i <= DBUS_GENL_STATS_A_MAX; ++i)
    if (a.packets[0].has(i)) out[i] = a.packets[0].num(i);
  return out;
}

static bool is_gauge(uint16_t attr) {
  return attr <= DBUS_GENL_STATS_A_USERS ||
         (attr >= DBUS_GENL_STATS_A_UNCLAIMED_FDS && attr <= DBUS_GENL_STATS_A_WAITING);
}

std::string gauges_text(const Stats& s) {
  std::string out;
  for (auto& [attr, value] : s)
    if (is_gauge(attr))
      out += std::string(out.empty() ? "" : " ") + stats_name(attr) + "=" + std::to_string(value);
  return out;
}

bool same_gauges(const Stats& a, const Stats& b) {
  if (a.empty() || b.empty()) return false;
  for (uint16_t i = DBUS_GENL_STATS_A_BUSES; i <= DBUS_GENL_STATS_A_MAX; ++i)
    if (is_gauge(i) && (!a.count(i) || !b.count(i) || a.at(i) != b.at(i))) return false;
  return true;
}

}  // namespace dg::test
