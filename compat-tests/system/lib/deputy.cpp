// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * deputy.cpp - a setuid program is made to write to a user's sockets
 *
 * deputy WRITER SETGID_WRITER PLAIN_WRITER
 *
 * WRITER is root's, has its setuid bit (the second the setgid bit, the third none), and copies what
 * it reads to what it writes to. A user runs it (fork and exec) with a socket of its own as the
 * output. Whatever it is made to write is the user's word, not root's: nothing may be had by it
 * that the user hasn't got. Last, requests whose nlmsg_pid is another peer's.
 */
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <unistd.h>

#include <cstring>

#include "files.h"
#include "policy_users.h"
#include "settle.h"
#include "shared_bus.h"

using namespace dg::test;

namespace {

constexpr uint32_t USER = 30001;

// Exit status of the writer: 1 if the write failed. As root's effective user, the user's real one.
int written_by_root(const char* writer, const GenlSocket& to, const Bytes& request) {
  int in[2];
  if (pipe(in)) return 99;
  const pid_t pid = spawn_as(USER, [&] {
    dup2(in[0], STDIN_FILENO);
    dup2(to.fd(), STDOUT_FILENO);
    close(in[0]);
    close(in[1]);
    execl(writer, writer, static_cast<char*>(nullptr));
    _exit(98);
  });
  close(in[0]);
  const bool all =
      write(in[1], request.data(), request.size()) == static_cast<ssize_t>(request.size());
  close(in[1]);
  const int status = ended(pid);
  return all ? status : 97;
}

// What the kernel answered to the request of that number.
int answer(GenlSocket& socket, uint32_t seq, std::string& extack) {
  while (auto p = socket.receive(5000)) {
    if (!p->is_error() || p->seq != seq) continue;
    extack = p->extack;
    return p->error;
  }
  return 1;
}

// A peer has its process, groups and label to show, so nobody but who opened the socket connects
// it, of the same user or not; nor the same process with other groups.
void connected_by(Tap& tap, const char* writer, const char* what) {
  GenlSocket socket;
  {
    const BecomeUser user(USER, {USER});
    socket.open();
    socket.bind(0);
  }
  const Attrs bus = Attrs().str(DBUS_GENL_BUS_A_NAME, SHARED_BUS);
  const int status =
      written_by_root(writer, socket, genl_bytes(DBUS_GENL_CMD_CONNECT, bus, NLM_F_ACK, 77));
  std::string why;
  const int error = answer(socket, 77, why);
  tap.ok(status == 0 && error == -EPERM, "CONNECT by %s: refused (%d, writer's status %d): %s",
         what, error, status, why.c_str());
}

void connected_with_other_groups(Tap& tap) {
  GenlSocket socket;
  {
    const BecomeUser user(USER, {USER});
    socket.open();
    socket.bind(0);
  }
  const BecomeUser user(USER, {USER, USER + 1});
  const Attrs bus = Attrs().str(DBUS_GENL_BUS_A_NAME, SHARED_BUS);
  socket.send_bytes(genl_bytes(DBUS_GENL_CMD_CONNECT, bus, NLM_F_ACK, 78));
  std::string why;
  const int error = answer(socket, 78, why);
  tap.ok(error == -EPERM, "CONNECT with groups that the opener hadn't: refused (%d): %s", error,
         why.c_str());
}

void deputy(Tap& tap, const char* writer, const Peer& roots) {
  Attrs limits;
  limits.u32(DBUS_GENL_LIMIT_A_MAX_NAMES_PER_CONNECTION, 1);
  const auto bus = [] { return Attrs().str(DBUS_GENL_BUS_A_NAME, SHARED_BUS); };
  const Bytes policy = blob_of("<policy context='default'><allow user='*'/></policy>");
  const struct {
    const char* what;
    uint8_t cmd;
    Attrs attrs;
  } requests[] = {
      {"CONNECT", DBUS_GENL_CMD_CONNECT, bus()},
      {"BUS_CREATE", DBUS_GENL_CMD_BUS_CREATE, Attrs().str(DBUS_GENL_BUS_A_NAME, "deputy")},
      {"BUS_DESTROY", DBUS_GENL_CMD_BUS_DESTROY, bus()},
      {"LIMITS_SET", DBUS_GENL_CMD_LIMITS_SET, bus().nested(DBUS_GENL_BUS_A_LIMITS, limits)},
      {"POLICY_SET", DBUS_GENL_CMD_POLICY_SET,
       Attrs().raw(DBUS_GENL_BUS_A_POLICY, policy.data(), policy.size())},
  };
  for (auto& r : requests) {
    GenlSocket socket;
    {
      const BecomeUser user(USER, {USER});
      socket.open();
      socket.bind(0);
    }
    const int status = written_by_root(writer, socket, genl_bytes(r.cmd, r.attrs, NLM_F_ACK, 77));
    std::string why;
    const int error = answer(socket, 77, why);
    tap.ok(status == 0 && error == -EPERM, "%s: refused (%d, writer's status %d): %s", r.what,
           error, status, why.c_str());
  }

  // A peer of the user's: what is written is the user's message.
  Peer users;
  users.takes_fds = true;
  {
    const BecomeUser user(USER, {USER});
    if (users.join(SHARED_BUS).empty()) tap.bail("the user can't join");
  }
  Peer observer;
  observer.join(SHARED_BUS);
  Message m = call(observer.name(), "/d", "d.I", "Written");
  m.flags = NO_REPLY;
  m.serial = 500;
  int status = written_by_root(writer, users.sock,
                               genl_bytes(DBUS_GENL_CMD_SEND, send_attrs(m), 0, m.serial));
  auto got = observer.receive(5000);
  tap.ok(status == 0 && got && got->sender == users.id &&
             observer.ask("GetConnectionUnixUser", Args().s(users.name())) ==
                 "u" + std::to_string(USER),
         "SEND: it is the user's message");
  for (int fd : {STDIN_FILENO, STDOUT_FILENO}) {
    m = to(observer, {fd});
    m.serial = 501;
    status = written_by_root(writer, users.sock,
                             genl_bytes(DBUS_GENL_CMD_SEND, send_attrs(m), NLM_F_ACK, m.serial));
    std::string why;
    const int error = answer(users.sock, m.serial, why);
    tap.ok(status == 0 && error == -EPERM, "SEND with the writer's fd %d: %s", fd, why.c_str());
  }
  m = call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.Monitoring",
           "BecomeMonitor");
  m.signature = "asu";
  m.body.assign(8, 0);
  m.serial = 502;
  status = written_by_root(writer, users.sock,
                           genl_bytes(DBUS_GENL_CMD_SEND, send_attrs(m), 0, m.serial));
  auto refused = users.receive(5000);
  tap.ok(status == 0 && refused && refused->type == ERROR &&
             refused->error_name == "org.freedesktop.DBus.Error.AccessDenied",
         "BecomeMonitor: %s", refused ? refused->text().c_str() : "no answer");
  tap.ok(stats()[DBUS_GENL_STATS_A_BUSES] == 1 && roots.id, "the bus is there, and no other");
}

// nlmsg_pid means nothing, whoever's it is.
void spoofed(Tap& tap) {
  Peer a, b, c;
  if (a.join(SHARED_BUS).empty() || b.join(SHARED_BUS).empty() || c.join(SHARED_BUS).empty())
    tap.bail("can't join");
  unsigned wrong = 0;
  for (uint32_t pid : {b.sock.port(), c.sock.port(), a.sock.port(), 0U, 1U, 0xffffffffU}) {
    Message m = call(b.name(), "/s", "s.I", "M");
    m.flags = NO_REPLY;
    m.serial = 600;
    Bytes request = genl_bytes(DBUS_GENL_CMD_SEND, send_attrs(m), 0, m.serial);
    std::memcpy(request.data() + offsetof(nlmsghdr, nlmsg_pid), &pid, sizeof pid);
    a.sock.send_bytes(request);
    auto got = b.receive(5000);
    wrong += !got || got->member != "M" || got->sender != a.id;
  }
  tap.ok(wrong == 0 && !c.receive(50), "another's port id as nlmsg_pid: the sender is who sent it");
  // SENDER of one's own is another's: the kernel's word counts.
  Message m = call(b.name(), "/s", "s.I", "M");
  m.serial = 601;
  Bytes request = genl_bytes(DBUS_GENL_CMD_SEND, send_attrs(m), NLM_F_ACK, m.serial);
  std::memcpy(request.data() + NLMSG_HDRLEN + GENL_HDRLEN + NLA_HDRLEN, &c.id, sizeof c.id);
  a.sock.send_bytes(request);
  auto got = b.receive(500);
  tap.ok(!got || got->sender == a.id, "another's id as SENDER: %s",
         got ? "it is stamped over" : "refused");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  Tap tap;
  if (!family_id()) tap.bail("no family dbus");
  const Stats before = stats();
  {
    Bus bus;
    open_shared_bus(tap, bus);
    Peer roots;
    roots.join(SHARED_BUS);
    deputy(tap, argv[1], roots);
    connected_by(tap, argv[2], "a setgid program");
    connected_by(tap, argv[3], "another program of the user");
    connected_with_other_groups(tap);
    spoofed(tap);
  }
  nothing_left(tap, before, 20000);
  return tap.finish();
}
