// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * genl_client.cpp - the scenarios' client on the raw netlink peer
 */
#include <cstdio>

#include "../system/lib/files.h"
#include "client.h"

namespace dg::test {

namespace {

class GenlClient : public Client {
 public:
  uint32_t send(const Message& m) override {
    Message copy = m;
    return peer.send(copy) ? 0 : copy.serial;
  }

  std::optional<Seen> receive(int timeout_ms) override {
    auto m = peer.receive(timeout_ms);
    if (!m) return std::nullopt;
    if (m->body_fd != -1 && !claim_body(*m)) return std::nullopt;
    Seen s;
    s.type = m->type;
    s.flags = m->flags;
    s.serial = m->serial;
    s.reply_serial = m->reply_serial;
    s.sender = unique_name(m->sender);
    s.destination = m->destination;
    s.path = m->path;
    s.interface = m->interface;
    s.member = m->member;
    s.error_name = m->error_name;
    s.signature = m->signature;
    s.body = m->text();
    return s;
  }

  bool connected() override { return !peer.disconnected; }

  Peer peer;

 private:
  // A body that comes as a file, read from it.
  bool claim_body(Message& m) {
    Claim claim = peer.claim(m);
    struct stat status;
    if (claim.body_fd < 0 || fstat(claim.body_fd, &status)) return false;
    m.body.resize(static_cast<size_t>(status.st_size));
    ssize_t n = pread(claim.body_fd, m.body.data(), m.body.size(), 0);
    bool sealed = fcntl(claim.body_fd, F_GET_SEALS) == SEALS;
    claim.close();
    return sealed && n == status.st_size;
  }
};

}  // namespace

std::unique_ptr<Client> connect_genl(const std::string& bus) {
  auto client = std::make_unique<GenlClient>();
  client->peer.takes_fds = true;
  Answer a = client->peer.connect(bus);
  if (a.error) {
    std::fprintf(stderr, "CONNECT to %s: errno %d %s\n", bus.c_str(), -a.error, a.extack.c_str());
    return nullptr;
  }
  return client;
}

}  // namespace dg::test
