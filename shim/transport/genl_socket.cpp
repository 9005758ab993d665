// SPDX-License-Identifier: LGPL-2.1-or-later
// See genl_socket.h.
#include "transport/genl_socket.h"

#include <fcntl.h>
#include <linux/dbus_genl.h>
#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "base/time.h"

namespace dg {

namespace {

// Largest datagram of an answer: a dump's are at most a page or the caller's buffer, 32 KiB.
constexpr std::size_t kAnswerSize = 64 * 1024;

// The answer is there when sendmsg returns; this only ends a wait for one that will never be.
constexpr int64_t kAnswerTimeoutMs = 10000;

// What the kernel's default is too small for: a burst of messages while this process computes.
// (The kernel takes at most net.core.{w,r}mem_max.)
constexpr int kSocketBuffer = 1024 * 1024;

bool fail(GenlError* error, GenlError::Kind kind, int code, std::string text) {
  error->kind = kind;
  error->code = code;
  error->text = std::move(text);
  return false;
}

// Connected to the kernel, so that no other process can send to it, and bound to a port id that
// the kernel chose: libnl would choose one from the process id, which isn't unique across pid
// namespaces and may have been inherited by fork.
UniqueFd open_fd(GenlError* error) {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_GENERIC));
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  if (!fd || ::connect(fd.get(), reinterpret_cast<sockaddr*>(&kernel), sizeof kernel) < 0) {
    const int cause = errno;
    const bool scarce = cause == EMFILE || cause == ENFILE || cause == ENOMEM || cause == ENOBUFS;
    fail(error, scarce ? GenlError::Kind::Broken : GenlError::Kind::NoNetlink, cause,
         strerror(cause));
    return {};
  }
  return fd;
}

// Not vital, each of them: without, error texts or speed are less good.
void set_options(int fd) {
  const int on = 1;
  (void)::setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  (void)::setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  (void)::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSocketBuffer, sizeof kSocketBuffer);
  (void)::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kSocketBuffer, sizeof kSocketBuffer);
}

}  // namespace

NlAck parse_ack(const nlmsghdr* header) noexcept {
  NlAck ack;
  if (header->nlmsg_len < NLMSG_LENGTH(sizeof(nlmsgerr))) {
    ack.code = EBADMSG;
    return ack;
  }
  const auto* body = static_cast<const nlmsgerr*>(NLMSG_DATA(header));
  ack.code = -body->error;
  ack.seq = body->msg.nlmsg_seq;
  if (!(header->nlmsg_flags & NLM_F_ACK_TLVS)) return ack;

  // The texts come after the request, of which there is only the header if it was capped.
  std::size_t skip = sizeof(nlmsgerr);
  if (!(header->nlmsg_flags & NLM_F_CAPPED)) {
    skip += NLMSG_ALIGN(body->msg.nlmsg_len) - sizeof(nlmsghdr);
  }
  std::size_t size = header->nlmsg_len - NLMSG_HDRLEN;
  if (skip >= size) return ack;
  const nlattr* text =
      nla_find(reinterpret_cast<const nlattr*>(static_cast<const char*>(NLMSG_DATA(header)) + skip),
               static_cast<int>(size - skip), NLMSGERR_ATTR_MSG);
  if (text && nla_len(text) > 0 && nla_get_string(text)[nla_len(text) - 1] == '\0') {
    ack.text = nla_get_string(text);
  }
  return ack;
}

GenlSocket::GenlSocket(UniqueFd fd, uint16_t family) noexcept
    : fd_(std::move(fd)), family_(family) {}

GenlSocket GenlSocket::open(GenlError* error) {
  UniqueFd fd = open_fd(error);
  if (!fd) return {};
  set_options(fd.get());
  GenlSocket opened(std::move(fd), GENL_ID_CTRL);
  if (!opened.resolve_family(error)) return {};
  return opened;
}

// Asked of the controller of Generic Netlink. Not by libnl, which takes a lack of memory for that
// of the family.
bool GenlSocket::resolve_family(GenlError* error) {
  NlMsg question = request(CTRL_CMD_GETFAMILY);
  if (!question || nla_put_string(question.get(), CTRL_ATTR_FAMILY_NAME, DBUS_GENL_NAME) < 0) {
    throw std::bad_alloc();
  }
  uint16_t id = 0;
  auto answer = [&id](nlmsghdr* message) {
    const nlattr* attribute = nlmsg_find_attr(message, GENL_HDRLEN, CTRL_ATTR_FAMILY_ID);
    if (!attribute || nla_len(attribute) != sizeof id) return false;
    id = nla_get_u16(attribute);
    return true;
  };
  if (transact(std::move(question), answer, error)) {
    family_ = id;
    return true;
  }
  if (error->kind == GenlError::Kind::Refused && error->code != ENOMEM) {
    error->kind = error->code == ENOENT ? GenlError::Kind::NoFamily : GenlError::Kind::NoNetlink;
  }
  return false;
}

uint32_t GenlSocket::port() const noexcept {
  sockaddr_nl own{};
  socklen_t size = sizeof own;
  (void)::getsockname(fd(), reinterpret_cast<sockaddr*>(&own), &size);
  return own.nl_pid;
}

NlMsg GenlSocket::request(uint8_t command, int flags) const noexcept {
  NlMsg message(nlmsg_alloc());
  if (!message || !genlmsg_put(message.get(), NL_AUTO_PORT, NL_AUTO_SEQ, family_, 0,
                               NLM_F_REQUEST | flags, command, DBUS_GENL_VERSION)) {
    return nullptr;
  }
  return message;
}

bool GenlSocket::transact(NlMsg request, const Answer& answer, GenlError* error) {
  if (!request) throw std::bad_alloc();
  nlmsghdr* header = nlmsg_hdr(request.get());
  const bool dump = (header->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
  if (!dump) header->nlmsg_flags |= NLM_F_ACK;
  header->nlmsg_seq = next_seq_++;
  if (::send(fd(), header, header->nlmsg_len, MSG_NOSIGNAL) < 0) {
    return fail(error, GenlError::Kind::Refused, errno, strerror(errno));
  }

  std::vector<char> buffer(kAnswerSize);
  const int64_t deadline = monotonic_ms() + kAnswerTimeoutMs;
  while (true) {
    ssize_t n = ::recv(fd(), buffer.data(), buffer.size(), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
      int64_t left = deadline - monotonic_ms();
      if (left <= 0) return fail(error, GenlError::Kind::Broken, ETIMEDOUT, strerror(ETIMEDOUT));
      pollfd wait = {fd(), POLLIN, 0};
      (void)::poll(&wait, 1, static_cast<int>(left));
      continue;
    }
    if (n < 0) return fail(error, GenlError::Kind::Broken, errno, strerror(errno));
    if (n == 0) return fail(error, GenlError::Kind::Broken, EPIPE, strerror(EPIPE));

    int left = static_cast<int>(n);
    for (auto* part = reinterpret_cast<nlmsghdr*>(buffer.data()); nlmsg_ok(part, left);
         part = nlmsg_next(part, &left)) {
      if (part->nlmsg_type == NLMSG_DONE) return true;
      if (part->nlmsg_type == NLMSG_ERROR) {
        NlAck ack = parse_ack(part);
        if (ack.code == 0) return true;
        return fail(error, GenlError::Kind::Refused, ack.code,
                    *ack.text ? ack.text : strerror(ack.code));
      }
      if (part->nlmsg_type != family_ || !genlmsg_valid_hdr(part, 0) || !answer(part)) {
        return fail(error, GenlError::Kind::Broken, EBADMSG, strerror(EBADMSG));
      }
    }
  }
}

}  // namespace dg
