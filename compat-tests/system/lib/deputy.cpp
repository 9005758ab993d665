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

#include "controller.h"
#include "files.h"
#include "policy_users.h"
#include "settle.h"
#include "shared_bus.h"

using namespace dg::test;
using namespace std::string_literals;

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

// What was written to a user's socket by the writer: the kernel's answer must be this.
void written(Tap& tap, const char* writer, GenlSocket& socket, uint8_t cmd, const Attrs& attrs,
             int error, const std::string& what) {
  const int status = written_by_root(writer, socket, genl_bytes(cmd, attrs, NLM_F_ACK, 80));
  std::string why;
  const int got = answer(socket, 80, why);
  tap.ok(status == 0 && got == error, "%s: %s (%d, writer's status %d)", what.c_str(),
         error ? why.c_str() : "does what the user can do", got, status);
}

// Files that wait for the user's peer are not installed in the writer, and stay the user's.
void claimed(Tap& tap, const char* writer) {
  Peer users, observer;
  users.takes_fds = true;
  {
    const BecomeUser user(USER, {USER});
    if (users.join(SHARED_BUS).empty()) tap.bail("the user can't join");
  }
  observer.join(SHARED_BUS);
  Message m = to(users, {STDIN_FILENO});
  observer.send(m);
  auto came = users.receive(5000);
  if (!came) tap.bail("no message with a file");
  Attrs which;
  which.u64(DBUS_GENL_MSG_A_SENDER, came->sender).u32(DBUS_GENL_MSG_A_SERIAL, came->serial);
  written(tap, writer, users.sock, DBUS_GENL_CMD_FD_CLAIM, which, -EPERM, "FD_CLAIM");
  const uint64_t waiting = unclaimed();
  Claim claim;
  {
    const BecomeUser user(USER, {USER});
    prctl(PR_SET_DUMPABLE, 1);
    claim = users.claim(*came);
  }
  tap.ok(waiting == 1 && claim.answered && claim.fds.size() == 1 &&
             same_file(claim.fds[0], STDIN_FILENO),
         "and the user has the file (errno %d)", claim.error);
  claim.close();
}

// PULL moves what is the user's into the user's socket, whoever writes it.
void pulled(Tap& tap, const char* writer) {
  constexpr unsigned MESSAGES = 40;
  Peer users, observer;
  {
    const BecomeUser user(USER, {USER});
    users.sock.open(4096);
    users.auto_pull = false;
    if (users.join(SHARED_BUS).empty()) tap.bail("the user can't join");
  }
  observer.join(SHARED_BUS);
  for (unsigned i = 0; i < MESSAGES; ++i) {
    Message m = call(users.name(), "/" + std::string(500, 'p'), "d.I", "N", Args().u(i));
    m.flags = NO_REPLY;
    observer.send(m);
  }
  unsigned got = 0, pulls = 0;
  bool in_order = true;
  for (unsigned rung = 0; got < MESSAGES; rung = users.doorbells) {
    while (auto m = users.receive(200)) in_order &= m->u32_arg() == got++;
    if (users.doorbells == rung) break;
    ++pulls;
    written_by_root(writer, users.sock, genl_bytes(DBUS_GENL_CMD_PULL, Attrs(), 0, 81));
  }
  tap.ok(got == MESSAGES && in_order && pulls > 0,
         "PULL, %u times: the user's socket gets what is the user's, in order (%u of %u)", pulls,
         got, MESSAGES);
}

// A controller's word decides: it is taken from who opened its socket.
void controlled(Tap& tap, const char* writer) {
  Controller own;
  Peer asker;
  {
    const BecomeUser user(USER, {USER});
    if (own.create("deputy-own").error || own.declare({"de.puty"}).error ||
        asker.join("deputy-own").empty())
      tap.bail("the user can't make a bus with services");
  }
  Message start = driver_call("StartServiceByName", Args().s("de.puty").u(0));
  asker.send(start);
  auto asked = own.next(5000);
  if (!asked) tap.bail("no ACTIVATE");
  Attrs no;
  no.u64(DBUS_GENL_ACTIVATE_A_ID, asked->id)
      .str(DBUS_GENL_ACTIVATE_A_ERROR_NAME, "de.puty.Error")
      .str(DBUS_GENL_ACTIVATE_A_ERROR_TEXT, "no");
  const Bytes policy = blob_of("<policy context='default'><allow user='*'/></policy>");
  const Attrs names = Attrs().str(DBUS_GENL_BUS_A_ACTIVATABLE, "x.y");
  const struct {
    const char* what;
    uint8_t cmd;
    Attrs attrs;
  } requests[] = {
      {"ACTIVATE", DBUS_GENL_CMD_ACTIVATE, no},
      {"RELOAD", DBUS_GENL_CMD_RELOAD, no},
      {"ENVIRONMENT", DBUS_GENL_CMD_ENVIRONMENT, no},
      {"ACTIVATABLE_SET", DBUS_GENL_CMD_ACTIVATABLE_SET, names},
      {"ACTIVATABLE_SET of the writer's fd", DBUS_GENL_CMD_ACTIVATABLE_SET,
       Attrs().u32(DBUS_GENL_BUS_A_ACTIVATABLE_FD, STDIN_FILENO)},
      {"POLICY_SET", DBUS_GENL_CMD_POLICY_SET,
       Attrs().raw(DBUS_GENL_BUS_A_POLICY, policy.data(), policy.size())},
      {"POLICY_SET of the writer's fd", DBUS_GENL_CMD_POLICY_SET,
       Attrs().u32(DBUS_GENL_BUS_A_POLICY_FD, STDIN_FILENO)},
  };
  for (auto& r : requests)
    written(tap, writer, own.sock(), r.cmd, r.attrs, -EPERM, "a controller's "s + r.what);
  written(tap, writer, own.sock(), DBUS_GENL_CMD_PULL, Attrs(), 0, "a controller's PULL");
  const bool waits = stats()[DBUS_GENL_STATS_A_STARTS] == 1;
  {
    const BecomeUser user(USER, {USER});
    own.answer(*asked, "de.puty.Error", "no");
  }
  auto told = asker.receive(5000);
  tap.ok(waits && told && told->error_name == "de.puty.Error",
         "what was asked for waits for the user's answer: %s",
         told ? told->text().c_str() : "none came");
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
    claimed(tap, argv[1]);
    pulled(tap, argv[1]);
    controlled(tap, argv[1]);
    connected_by(tap, argv[2], "a setgid program");
    connected_by(tap, argv[3], "another program of the user");
    connected_with_other_groups(tap);
    spoofed(tap);
  }
  nothing_left(tap, before, 20000);
  return tap.finish();
}
