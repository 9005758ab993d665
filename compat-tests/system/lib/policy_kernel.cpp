// SPDX-License-Identifier: LGPL-2.1-or-later
// policy_kernel.cpp - a scene on a bus in the kernel, through a raw client
#include "policy_kernel.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "policy/bus_config.h"
#include "policy_users.h"

namespace dg::test {

namespace {

class Kernel : public PolicyStage {
 public:
  explicit Kernel(const Scene& scene)
      : name_(scene.owner ? "users" : "system"), owner_(scene.owner), peers_(scene.peers.size()) {
    const AtConsole console(scene.console);
    const Bytes blob = blob_of(scene.policy, console_users());
    const BecomeUser user(owner_, {owner_});
    Answer made = bus_.create(name_);
    if (made.error) die("BUS_CREATE: " + made.extack);
    Answer set = set_policy(bus_, blob, blob.size() % 8 == 4);
    if (set.error) die("POLICY_SET: " + set.extack);
  }

  std::string connect(unsigned peer, const PeerSpec& spec) override {
    Peer& p = peers_[peer];
    p.takes_fds = true;
    {
      const BecomeUser user(spec.uid, spec.groups);
      Answer answer = p.connect(name_, owner_);
      if (answer.error == -EACCES) return "";
      if (answer.error) die("CONNECT: " + answer.extack);
    }
    Message hello = driver_call("Hello");
    if (p.send(hello)) die("Hello: " + p.last_extack);
    std::string name;
    for (Received& received : sync(peer)) {
      if (received.type == RETURN) {
        name = received.text;
      } else {
        early_.resize(peers_.size());
        early_[peer].push_back(std::move(received));
      }
    }
    return name;
  }

  uint32_t send(unsigned peer, const PolicySend& send, const std::string& destination,
                uint32_t reply_serial) override {
    Message m;
    m.type = send.type;
    m.flags = send.flags;
    m.reply_serial = reply_serial;
    m.destination = destination;
    m.path = send.path;
    m.interface = send.interface;
    m.member = send.member;
    m.error_name = send.error_name;
    Args args;
    if (send.has_arg) args.s(send.arg);
    if (send.has_flag) args.u(send.flag_arg);
    if (send.monitor) args.as({}).u(0);
    m.with(args);
    for (uint32_t i = 0; i < send.n_fds; i++) {
      m.fds.push_back(STDOUT_FILENO);
      m.signature += 'h';
      const auto* index = reinterpret_cast<const uint8_t*>(&i);
      m.body.insert(m.body.end(), index, index + sizeof i);
    }
    if (int error = peers_[peer].send(m, false)) die("SEND: " + std::to_string(error));
    return m.serial;
  }

  std::vector<Received> sync(unsigned peer) override {
    std::vector<Received> all;
    if (peer < early_.size()) all = std::move(early_[peer]);
    if (peer < early_.size()) early_[peer].clear();
    Peer& p = peers_[peer];
    Message ping;
    ping.path = "/";
    ping.interface = "org.freedesktop.DBus.Peer";
    ping.member = "Ping";
    if (p.send(ping)) die("Ping: " + p.last_extack);
    for (;;) {
      std::optional<Message> m = p.receive(30000);
      if (!m || !p.send_errors.empty()) die("no answer to Ping, or a SEND was refused");
      if (!m->sender && m->reply_serial == ping.serial && m->destination.empty()) return all;
      if (!m->fds.empty()) p.claim(*m).close();
      all.push_back({m->sender ? unique_name(m->sender) : "org.freedesktop.DBus", m->type,
                     m->serial, m->reply_serial, m->member, m->error_name, m->string_arg()});
    }
  }

 private:
  const std::string name_;
  const uint32_t owner_;
  Bus bus_;
  std::vector<Peer> peers_;
  std::vector<std::vector<Received>> early_;  // came with the reply to Hello
};

}  // namespace

Bytes blob_of(const std::string& policy, const std::vector<uint32_t>& console) {
  char name[] = "/tmp/policy-XXXXXX";
  const int fd = ::mkstemp(name);
  if (fd < 0) die("mkstemp");
  ::close(fd);
  std::ofstream(name) << "<busconfig>" << policy << "</busconfig>";
  BusConfig config = read_bus_config(name);
  (void)::unlink(name);
  return policy_blob(config.policy, console);
}

Answer set_policy(Bus& bus, const Bytes& blob, bool as_file) {
  Attrs attrs;
  if (!as_file) {
    attrs.raw(DBUS_GENL_BUS_A_POLICY, blob.data(), blob.size());
    return bus.sock.request(DBUS_GENL_CMD_POLICY_SET, attrs);
  }
  const int fd = ::memfd_create("policy", MFD_CLOEXEC);
  if (fd < 0 || ::write(fd, blob.data(), blob.size()) != static_cast<ssize_t>(blob.size())) {
    die("memfd");
  }
  attrs.u32(DBUS_GENL_BUS_A_POLICY_FD, static_cast<uint32_t>(fd));
  Answer answer = bus.sock.request(DBUS_GENL_CMD_POLICY_SET, attrs);
  ::close(fd);
  return answer;
}

std::unique_ptr<PolicyStage> stage_on_kernel(const Scene& scene) {
  return std::make_unique<Kernel>(scene);
}

}  // namespace dg::test
