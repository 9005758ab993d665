// SPDX-License-Identifier: LGPL-2.1-or-later
// See socket_transport.h.
#include "transport/socket_transport.h"

#include <dbus/dbus.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "base/log.h"

namespace dg {

namespace {

// Read at least this much at once; a message that is known to be larger gets what it needs, up to
// kMaxRead, so that one connection doesn't keep a main loop from its others.
constexpr std::size_t kMinRead = 4096;
constexpr std::size_t kMaxRead = 256 * 1024;

// Pieces of the authentication protocol that are read in a row.
constexpr int kMaxTurns = 32;

// As many fds as the kernel passes in one sendmsg.
constexpr std::size_t kMaxFds = 253;

}  // namespace

SocketTransport::SocketTransport(UniqueFd fd, std::unique_ptr<Sasl> sasl, std::string expected_guid)
    : fd_(std::move(fd)), sasl_(std::move(sasl)), expected_guid_(std::move(expected_guid)) {
  loader_.set_max_size(max_message_size());
  loader_.set_max_fds(max_message_unix_fds());
}

bool SocketTransport::wants_read() const noexcept { return fd_ && !reading_paused(); }

bool SocketTransport::wants_write() const noexcept {
  return fd_ && !authenticated_ && !sasl_->output().empty();
}

void SocketTransport::close() noexcept {
  fds_.clear();
  fd_.reset();
  pending_input_ = false;
}

// An address's GUID is known before the server says its own.
const char* SocketTransport::guid() const noexcept {
  return expected_guid_.empty() ? sasl_->guid() : expected_guid_.c_str();
}

bool SocketTransport::can_send_type(int dbus_type) const noexcept {
  return dbus_type != DBUS_TYPE_UNIX_FD || sasl_->unix_fds();
}

void SocketTransport::set_max_message_size(long size) noexcept {
  Transport::set_max_message_size(size);
  loader_.set_max_size(size);
}

void SocketTransport::set_max_message_unix_fds(long n) noexcept {
  Transport::set_max_message_unix_fds(n);
  loader_.set_max_fds(n);
}

// --- authentication

IoStatus SocketTransport::handshake() noexcept {
  if (!fd_) return IoStatus::Disconnected;
  if (authenticated_) return IoStatus::Ok;
  try {
    // Bounded: one that talks without end must not keep a main loop from its others.
    for (int turn = 0; turn < kMaxTurns; ++turn) {
      IoStatus status = flush_sasl();
      if (status != IoStatus::Ok) return status;
      if (sasl_->failed()) {
        trace("authentication failed: %s", sasl_->reason());
        return IoStatus::Disconnected;
      }
      if (sasl_->done()) return finish_handshake();
      status = read_sasl();
      if (status != IoStatus::Ok) return status;
    }
    return IoStatus::WouldBlock;
  } catch (const std::bad_alloc&) {
    trace("authentication failed: no memory");
    return IoStatus::NoMemory;
  }
}

IoStatus SocketTransport::flush_sasl() {
  while (!sasl_->output().empty()) {
    std::string_view output = sasl_->output();
    ssize_t n = ::send(fd_.get(), output.data(), output.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      return errno == EAGAIN || errno == EWOULDBLOCK ? IoStatus::WouldBlock
                                                     : IoStatus::Disconnected;
    }
    sasl_->output_sent(static_cast<std::size_t>(n));
  }
  return IoStatus::Ok;
}

IoStatus SocketTransport::read_sasl() {
  char buffer[2048];
  // The first message's fds may come with the line that ends authentication.
  if (sasl_->unix_fds() && !reserve_fds()) return IoStatus::NoMemory;
  ssize_t n = read_some(std::as_writable_bytes(std::span(buffer)), sasl_->unix_fds(), fds_);
  if (n < 0) {
    return errno == EAGAIN || errno == EWOULDBLOCK ? IoStatus::WouldBlock : IoStatus::Disconnected;
  }
  if (n == 0) {
    trace("authentication failed: the other side closed the connection");
    return IoStatus::Disconnected;
  }
  std::size_t size = static_cast<std::size_t>(n);
  std::size_t taken = sasl_->feed({buffer, size});
  if (taken < size) {
    if (!loader_.feed(buffer + taken, size - taken)) throw std::bad_alloc();
    (void)loader_.feed_fds(std::move(fds_));
    pending_input_ = true;
  } else if (!fds_.empty()) {
    trace("authentication failed: fds arrived before a message");
    return IoStatus::Disconnected;
  }
  return IoStatus::Ok;
}

IoStatus SocketTransport::finish_handshake() {
  if (!expected_guid_.empty() && expected_guid_ != sasl_->guid()) {
    trace("the server's GUID is %s, but its address says %s", sasl_->guid(),
          expected_guid_.c_str());
    return IoStatus::Disconnected;
  }
  unix_fds_ = sasl_->unix_fds();
  authenticated_ = true;
  trace("authenticated with %s%s%s", is_server() ? "a client" : "the server ", sasl_->guid(),
        unix_fds_ ? ", fds can be passed" : "");
  return IoStatus::Ok;
}

// --- messages out

IoStatus SocketTransport::send(DBusMessage& message) noexcept {
  if (!fd_) return IoStatus::Disconnected;
  const std::size_t size = message.wire_size();
  while (sent_ < size) {
    ssize_t n = send_some(message);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) return IoStatus::WouldBlock;
      if (errno == ENOBUFS || errno == ENOMEM) return IoStatus::NoMemory;
      trace("cannot send: %s", strerror(errno));
      return IoStatus::Disconnected;
    }
    sent_ += static_cast<std::size_t>(n);
  }
  sent_ = 0;
  return IoStatus::Ok;
}

ssize_t SocketTransport::send_some(DBusMessage& message) noexcept {
  iovec parts[2];
  int count = 0;
  std::size_t skip = sent_;
  for (std::span<const std::byte> part : {message.wire_header(), message.body()}) {
    if (skip < part.size()) {
      parts[count++] = {const_cast<std::byte*>(part.data()) + skip, part.size() - skip};
      skip = 0;
    } else {
      skip -= part.size();
    }
  }
  msghdr header{};
  header.msg_iov = parts;
  header.msg_iovlen = static_cast<std::size_t>(count);

  // They travel with the first byte.
  std::span<const UniqueFd> fds = message.fds();
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxFds * sizeof(int))];
  if (!fds.empty() && sent_ == 0) {
    if (fds.size() > kMaxFds) {
      errno = EINVAL;
      return -1;
    }
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
    std::memset(control, 0, header.msg_controllen);
    cmsghdr* c = CMSG_FIRSTHDR(&header);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    for (std::size_t i = 0; i < fds.size(); i++) {
      int fd = fds[i].get();
      std::memcpy(CMSG_DATA(c) + i * sizeof(int), &fd, sizeof(int));
    }
  }
  return ::sendmsg(fd_.get(), &header, MSG_NOSIGNAL);
}

// --- messages in

IoStatus SocketTransport::receive(MessageList& out) noexcept {
  if (!fd_) return IoStatus::Disconnected;
  if (pending_input_) return pop_all(out);
  if (reading_paused()) return IoStatus::WouldBlock;

  std::size_t wanted = std::clamp(loader_.missing(), kMinRead, kMaxRead);
  std::span<std::byte> room = loader_.prepare(wanted);
  if (room.empty() || (unix_fds_ && !reserve_fds())) return IoStatus::NoMemory;
  ssize_t n = read_some(room, unix_fds_, fds_);
  if (n < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK) return IoStatus::WouldBlock;
    if (errno == ENOMEM || errno == ENOBUFS) return IoStatus::NoMemory;
    trace("cannot receive: %s", strerror(errno));
    return IoStatus::Disconnected;
  }
  if (n == 0) return IoStatus::Disconnected;
  loader_.commit(static_cast<std::size_t>(n));
  (void)loader_.feed_fds(std::move(fds_));
  IoStatus status = pop_all(out);
  if (status == IoStatus::Ok && static_cast<std::size_t>(n) < room.size()) {
    return IoStatus::WouldBlock;
  }
  return status;
}

// For as many as one read can bring: what has been read can't be read again.
bool SocketTransport::reserve_fds() noexcept {
  try {
    fds_.reserve(kMaxFds);
  } catch (const std::bad_alloc&) {
    return false;
  }
  return loader_.reserve_fds(kMaxFds);
}

ssize_t SocketTransport::read_some(std::span<std::byte> room, bool with_fds,
                                   std::vector<UniqueFd>& fds) noexcept {
  iovec part = {room.data(), room.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxFds * sizeof(int))];
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (with_fds) {
    header.msg_control = control;
    header.msg_controllen = sizeof control;
  }
  ssize_t n;
  do {
    n = ::recvmsg(fd_.get(), &header, MSG_CMSG_CLOEXEC);
  } while (n < 0 && errno == EINTR);
  if (n <= 0 || !with_fds) return n;

  bool lost = (header.msg_flags & MSG_CTRUNC) != 0;
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    std::size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; i++) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
      UniqueFd owned(fd);
      try {
        fds.push_back(std::move(owned));
      } catch (const std::bad_alloc&) {
        lost = true;
      }
    }
  }
  if (lost) {
    errno = EMFILE;
    return -1;
  }
  return n;
}

IoStatus SocketTransport::pop_all(MessageList& out) noexcept {
  pending_input_ = false;
  while (true) {
    // First the room, since a message can't be given back to the loader.
    if (!out.reserve_more(1)) {
      pending_input_ = true;
      return IoStatus::NoMemory;
    }
    DBusMessage* message = loader_.pop();
    if (!message) break;
    (void)out.push_back(message);
  }
  if (loader_.corrupted()) {
    trace("the other side sent an invalid message: %s", loader_.reason());
    return IoStatus::Disconnected;
  }
  if (loader_.out_of_memory()) {
    pending_input_ = true;
    return IoStatus::NoMemory;
  }
  return IoStatus::Ok;
}

}  // namespace dg
