// SPDX-License-Identifier: LGPL-2.1-or-later
// See accept.h.
#include "transport/accept.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <new>

#include "base/log.h"
#include "transport/keyring.h"
#include "transport/sasl_server.h"
#include "transport/socket_transport.h"

namespace dg {

namespace {

// A SocketTransport that knows who is at the other end.
class AcceptedTransport final : public SocketTransport {
 public:
  // `server` is what `sasl` owns.
  AcceptedTransport(UniqueFd fd, const SaslServer& server, std::unique_ptr<Sasl> sasl,
                    std::optional<pid_t> pid)
      : SocketTransport(std::move(fd), std::move(sasl), ""), sasl_(server), pid_(pid) {}

  bool authenticated() const noexcept override { return admitted_; }
  bool awaits_admission() const noexcept override {
    return !admitted_ && SocketTransport::authenticated();
  }
  void admit() noexcept override { admitted_ = true; }
  // While the application is asked, other threads find nothing to do.
  bool wants_read() const noexcept override {
    return !awaits_admission() && SocketTransport::wants_read();
  }
  bool has_pending_input() const noexcept override {
    return admitted_ && SocketTransport::has_pending_input();
  }

  bool is_server() const noexcept override { return true; }
  bool is_anonymous() const noexcept override { return !admitted_ || !sasl_.identity(); }
  bool unix_user(unsigned long* uid) const noexcept override {
    if (!sasl_.identity()) return false;
    *uid = *sasl_.identity();
    return true;
  }
  bool unix_process_id(unsigned long* pid) const noexcept override {
    if (!pid_) return false;
    *pid = static_cast<unsigned long>(*pid_);
    return true;
  }

 private:
  const SaslServer& sasl_;
  const std::optional<pid_t> pid_;
  bool admitted_ = false;
};

}  // namespace

std::unique_ptr<Transport> accept_transport(
    int listening, const std::string& guid,
    const std::optional<std::vector<std::string>>& mechanisms, const std::string& nonce) noexcept
    try {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  UniqueFd fd;
  do {
    fd.reset(::accept4(listening, reinterpret_cast<sockaddr*>(&address), &length,
                       SOCK_CLOEXEC | SOCK_NONBLOCK));
  } while (!fd && errno == EINTR);
  if (!fd) {
    if (errno != EAGAIN && errno != EWOULDBLOCK) trace("cannot accept: %s", strerror(errno));
    return nullptr;
  }

  SaslServer::Options options;
  options.guid = guid;
  options.mechanisms = mechanisms;
  options.nonce = nonce;
  options.facts.keyring = keyring_directory();
  std::optional<pid_t> pid;
  if (address.ss_family == AF_UNIX) {
    options.may_pass_fds = true;
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0) {
      options.facts.peer_uid = peer.uid;
      // 0: of a process that this namespace can't see.
      if (peer.pid > 0) pid = peer.pid;
    }
  } else {
    const int on = 1;
    (void)::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  auto sasl = std::make_unique<SaslServer>(std::move(options));
  const SaslServer& server = *sasl;
  return std::make_unique<AcceptedTransport>(std::move(fd), server, std::move(sasl), pid);
} catch (const std::bad_alloc&) {
  return nullptr;
}

}  // namespace dg
