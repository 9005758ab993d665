// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * peer.cpp - a peer of a bus in the kernel, on the raw client of netlink.h
 */
#include "peer.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>

namespace dg::test {

int64_t now_ms() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<int64_t>(t.tv_sec) * 1000 + t.tv_nsec / 1000000;
}

Become::Become(uint32_t uid) {
  if (setegid(uid) || seteuid(uid)) {
    std::perror("seteuid");
    std::exit(99);
  }
}

Become::~Become() {
  if (seteuid(0) || setegid(0)) {
    std::perror("seteuid");
    std::exit(99);
  }
}

std::string Message::string_arg() const {
  uint32_t n;
  if (signature.empty() || (signature[0] != 's' && signature[0] != 'o') || body.size() < 5)
    return "";
  std::memcpy(&n, body.data(), 4);
  if (n + 5 > body.size()) return "";
  return std::string(reinterpret_cast<const char*>(body.data() + 4), n);
}

uint32_t Message::u32_arg() const {
  uint32_t n = 0;
  if (!signature.empty() && std::strchr("uib", signature[0]) && body.size() >= 4)
    std::memcpy(&n, body.data(), 4);
  return n;
}

Message call(std::string_view destination, std::string_view path, std::string_view interface,
             std::string_view member, const Args& args) {
  Message m;
  m.destination = destination;
  m.path = path;
  m.interface = interface;
  m.member = member;
  return m.with(args);
}

Message driver_call(std::string_view member, const Args& args) {
  return call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", member,
              args);
}

Message signal(std::string_view path, std::string_view interface, std::string_view member,
               const Args& args) {
  Message m = call("", path, interface, member, args);
  m.type = SIGNAL;
  return m;
}

Message reply_to(const Message& call, const Args& args) {
  Message m;
  m.type = RETURN;
  m.reply_serial = call.serial;
  m.destination = unique_name(call.sender);
  return m.with(args);
}

std::string unique_name(uint64_t id) {
  if (id == DBUS_GENL_SENDER_NOT_ACTIVE) return ":not.active.yet";
  return id ? ":1." + std::to_string(id - 1) : "org.freedesktop.DBus";
}

Attrs send_attrs(const Message& m) {
  Attrs a;
  a.u64(DBUS_GENL_MSG_A_SENDER, 0).u8(DBUS_GENL_MSG_A_TYPE, m.type);
  if (m.flags) a.u8(DBUS_GENL_MSG_A_FLAGS, m.flags);
  a.u32(DBUS_GENL_MSG_A_SERIAL, m.serial);
  if (m.reply_serial) a.u32(DBUS_GENL_MSG_A_REPLY_SERIAL, m.reply_serial);
  if (!m.path.empty()) a.str(DBUS_GENL_MSG_A_PATH, m.path);
  if (!m.interface.empty()) a.str(DBUS_GENL_MSG_A_INTERFACE, m.interface);
  if (!m.member.empty()) a.str(DBUS_GENL_MSG_A_MEMBER, m.member);
  if (!m.error_name.empty()) a.str(DBUS_GENL_MSG_A_ERROR_NAME, m.error_name);
  if (!m.destination.empty()) a.str(DBUS_GENL_MSG_A_DESTINATION, m.destination);
  if (!m.signature.empty()) a.str(DBUS_GENL_MSG_A_SIGNATURE, m.signature);
  if (!m.fds.empty()) a.raw(DBUS_GENL_MSG_A_FDS, m.fds.data(), m.fds.size() * sizeof m.fds[0]);
  if (m.body_fd != -1) a.u32(DBUS_GENL_MSG_A_BODY_FD, static_cast<uint32_t>(m.body_fd));
  if (!m.body.empty()) a.body(m.body.data(), m.body.size());
  return a;
}

Message parse_message(const Packet& p) {
  Message m;
  m.sender = p.num(DBUS_GENL_MSG_A_SENDER);
  m.type = static_cast<uint8_t>(p.num(DBUS_GENL_MSG_A_TYPE));
  m.flags = static_cast<uint8_t>(p.num(DBUS_GENL_MSG_A_FLAGS));
  m.serial = static_cast<uint32_t>(p.num(DBUS_GENL_MSG_A_SERIAL));
  m.reply_serial = static_cast<uint32_t>(p.num(DBUS_GENL_MSG_A_REPLY_SERIAL));
  m.path = p.str(DBUS_GENL_MSG_A_PATH);
  m.interface = p.str(DBUS_GENL_MSG_A_INTERFACE);
  m.member = p.str(DBUS_GENL_MSG_A_MEMBER);
  m.error_name = p.str(DBUS_GENL_MSG_A_ERROR_NAME);
  m.destination = p.str(DBUS_GENL_MSG_A_DESTINATION);
  m.signature = p.str(DBUS_GENL_MSG_A_SIGNATURE);
  if (auto body = p.attr(DBUS_GENL_MSG_A_BODY)) m.body.assign(body->begin(), body->end());
  if (auto fds = p.attr(DBUS_GENL_MSG_A_FDS)) {
    m.fds.resize(fds->size() / sizeof m.fds[0]);
    std::memcpy(m.fds.data(), fds->data(), m.fds.size() * sizeof m.fds[0]);
  }
  if (p.has(DBUS_GENL_MSG_A_BODY_FD)) m.body_fd = static_cast<int>(p.num(DBUS_GENL_MSG_A_BODY_FD));
  return m;
}

void Claim::close() {
  for (int fd : fds) ::close(fd);
  if (body_fd >= 0) ::close(body_fd);
  fds.clear();
  body_fd = -1;
}

Claim Peer::claim(uint64_t sender, uint32_t serial) {
  Claim claim;
  Attrs a;
  a.u64(DBUS_GENL_MSG_A_SENDER, sender).u32(DBUS_GENL_MSG_A_SERIAL, serial);
  uint32_t seq = sock.next_seq();
  claim.error = -sock.send(DBUS_GENL_CMD_FD_CLAIM, a, 0, seq);
  if (claim.error) return claim;
  auto p = sock.receive_raw();
  if (!p) return claim;
  if (p->is_error()) {
    claim.error = -p->error;
    return claim;
  }
  claim.answered = p->cmd == DBUS_GENL_CMD_FD_CLAIM && p->seq == seq &&
                   p->num(DBUS_GENL_MSG_A_SENDER) == sender &&
                   p->num(DBUS_GENL_MSG_A_SERIAL) == serial;
  if (!claim.answered) return claim;
  claim.error = static_cast<int>(p->num(DBUS_GENL_MSG_A_ERRNO));
  Message got = parse_message(*p);
  claim.fds = got.fds;
  claim.body_fd = got.body_fd;
  return claim;
}

Answer Peer::connect(std::string_view bus, std::optional<uint32_t> uid) {
  if (sock.fd() < 0) {
    Answer failed;
    failed.error = sock.open();
    if (failed.error) return failed;
  }
  Attrs a;
  a.str(DBUS_GENL_BUS_A_NAME, bus);
  if (uid) a.u32(DBUS_GENL_BUS_A_UID, *uid);
  if (takes_fds) a.u32(DBUS_GENL_BUS_A_FLAGS, DBUS_GENL_PEER_FDS);
  if (pidfd) a.u32(DBUS_GENL_BUS_A_PIDFD, static_cast<uint32_t>(*pidfd));
  return sock.request(DBUS_GENL_CMD_CONNECT, a);
}

std::string Peer::hello() {
  auto reply = call(driver_call("Hello"));
  if (!reply || reply->type != RETURN) return "";
  std::string name = reply->string_arg();
  if (name.rfind(":1.", 0) == 0) id = std::strtoull(name.c_str() + 3, nullptr, 10) + 1;
  return name;
}

std::string Peer::join(std::string_view bus, std::optional<uint32_t> uid) {
  if (connect(bus, uid).error) return "";
  std::string name = hello();
  if (name.empty()) return "";
  auto acquired = receive(30000);
  return acquired && acquired->member == "NameAcquired" ? name : "";
}

int Peer::send(Message& m, bool acked) {
  m.serial = ++serial_;
  if (!acked) return sock.send(DBUS_GENL_CMD_SEND, send_attrs(m), 0, m.serial);
  Answer a = sock.request(DBUS_GENL_CMD_SEND, send_attrs(m));
  last_extack = a.extack;
  return a.error;
}

std::optional<Message> Peer::next_message(int timeout_ms) {
  int64_t end = now_ms() + timeout_ms;
  for (;;) {
    auto left = timeout_ms < 0 ? -1 : static_cast<int>(std::max<int64_t>(0, end - now_ms()));
    auto p = sock.receive(left);
    if (!p) return std::nullopt;
    if (p->is_error()) {
      if (p->error) send_errors.emplace_back(p->seq, p->error);
      if (p->error && p->seq == awaited_) return std::nullopt;
    } else if (p->cmd == DBUS_GENL_CMD_MESSAGE) {
      return parse_message(*p);
    } else if (p->cmd == DBUS_GENL_CMD_PULL) {
      ++doorbells;
      if (auto_pull) sock.send(DBUS_GENL_CMD_PULL, Attrs(), 0, sock.next_seq());
    } else if (p->cmd == DBUS_GENL_CMD_DISCONNECT) {
      disconnected = true;
      reason = static_cast<uint32_t>(p->num(DBUS_GENL_BUS_A_REASON));
      return std::nullopt;
    }
  }
}

std::optional<Message> Peer::receive(int timeout_ms) {
  if (!inbox_.empty()) {
    Message m = std::move(inbox_.front());
    inbox_.pop_front();
    return m;
  }
  return next_message(timeout_ms);
}

std::optional<Message> Peer::call(Message m, int timeout_ms) {
  if (int error = send(m, false)) {
    send_errors.emplace_back(m.serial, error);
    return std::nullopt;
  }
  int64_t end = now_ms() + timeout_ms;
  awaited_ = m.serial;
  for (;;) {
    auto left = static_cast<int>(std::max<int64_t>(0, end - now_ms()));
    auto got = next_message(left);
    if (!got) return std::nullopt;
    if ((got->type == RETURN || got->type == ERROR) && got->reply_serial == m.serial) return got;
    inbox_.push_back(std::move(*got));
  }
}

std::string Peer::ask(std::string_view member, const Args& args) {
  auto reply = call(driver_call(member, args));
  if (!reply) return "(no reply)";
  return reply->type == ERROR ? reply->error_name + ": " + reply->string_arg() : reply->text();
}

Answer Bus::create(std::string_view name, uint32_t flags) {
  Answer failed;
  if (sock.fd() < 0 && (failed.error = sock.open())) return failed;
  Attrs a;
  a.str(DBUS_GENL_BUS_A_NAME, name);
  if (flags) a.u32(DBUS_GENL_BUS_A_FLAGS, flags);
  std::string machine;
  std::getline(std::ifstream("/etc/machine-id"), machine);
  if (machine.size() == DBUS_GENL_GUID_LEN) a.str(DBUS_GENL_BUS_A_MACHINE_ID, machine);
  return sock.request(DBUS_GENL_CMD_BUS_CREATE, a);
}

Answer Bus::destroy(std::string_view name, std::optional<uint32_t> uid) {
  Answer failed;
  if (sock.fd() < 0 && (failed.error = sock.open())) return failed;
  Attrs a;
  a.str(DBUS_GENL_BUS_A_NAME, name);
  if (uid) a.u32(DBUS_GENL_BUS_A_UID, *uid);
  return sock.request(DBUS_GENL_CMD_BUS_DESTROY, a);
}

}  // namespace dg::test
