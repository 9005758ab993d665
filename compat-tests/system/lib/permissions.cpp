// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * permissions.cpp - who may make, join and remove which bus, and what ends one
 */
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <functional>

#include "peer.h"
#include "settle.h"
#include "tap.h"

using namespace dg::test;

namespace {

constexpr uint32_t ALICE = 20001, BOB = 20002;

// Runs what as a user in a process of its own; its checks are printed there, and
// its count of them comes back, so that numbering goes on.
class Users {
 public:
  explicit Users(Tap& tap) : tap_(tap) {}
  // Outcomes are a list of (text, ok), told here.
  void as(uint32_t uid,
          const std::function<void(std::vector<std::pair<std::string, bool>>&)>& what) {
    int fds[2];
    if (pipe(fds)) tap_.bail("pipe");
    pid_t pid = fork();
    if (!pid) {
      if (setgroups_none() || setgid(uid) || setuid(uid)) _exit(1);
      std::vector<std::pair<std::string, bool>> results;
      what(results);
      FILE* out = fdopen(fds[1], "w");
      for (auto& [text, ok] : results) std::fprintf(out, "%c%s\n", ok ? '+' : '-', text.c_str());
      std::fclose(out);
      _exit(0);
    }
    close(fds[1]);
    FILE* in = fdopen(fds[0], "r");
    char line[1000];
    while (std::fgets(line, sizeof line, in)) {
      line[std::strcspn(line, "\n")] = 0;
      tap_.ok(line[0] == '+', "%s", line + 1);
    }
    std::fclose(in);
    int status = 0;
    waitpid(pid, &status, 0);
    if (status) tap_.ok(false, "the process of user %u ended with status %d", uid, status);
  }

 private:
  static long setgroups_none() { return syscall(SYS_setgroups, 0, nullptr); }
  Tap& tap_;
};

using Results = std::vector<std::pair<std::string, bool>>;

void expect(Results& r, const Answer& a, int error, const std::string& what) {
  bool said = !error || !a.extack.empty();
  r.emplace_back(what + ": " + (a.error ? strerrorname_np(-a.error) : "done") +
                     (a.extack.empty() ? "" : ", ") + a.extack,
                 a.error == -error && said);
}

Answer connect(std::string_view bus, std::optional<uint32_t> uid = std::nullopt) {
  Peer p;
  return p.connect(bus, uid);
}

// What BUS_GET tells: name/uid of each bus.
std::string listed() {
  GenlSocket s;
  s.open();
  Answer a = s.request(DBUS_GENL_CMD_BUS_GET, Attrs(), NLM_F_DUMP);
  std::string out;
  for (auto& p : a.packets)
    out += p.str(DBUS_GENL_BUS_A_NAME) + "/" + std::to_string(p.num(DBUS_GENL_BUS_A_UID)) + " ";
  return a.error ? "error " + std::to_string(a.error) : out;
}

void run(Tap& tap) {
  Users users(tap);
  tap.ok(listed().empty(), "at first there is no bus: %s", listed().c_str());

  // The system bus: CAP_NET_ADMIN makes it.
  users.as(ALICE, [](Results& r) {
    Bus bus;
    expect(r, bus.create("system"), EPERM, "a user makes the system bus");
    expect(r, connect("system"), ENOENT, "joins it, when there is none");
  });
  Bus system;
  Answer made = system.create("system");
  tap.ok(!made.error && made.packets.size() == 1 &&
             made.packets[0].str(DBUS_GENL_BUS_A_NAME) == "system" &&
             made.packets[0].str(DBUS_GENL_BUS_A_GUID).size() == DBUS_GENL_GUID_LEN,
         "root makes the system bus: %s", made.extack.c_str());
  for (uint32_t uid : {ALICE, BOB})
    users.as(uid, [](Results& r) {
      // Without a policy it admits its own user alone.
      expect(r, connect("system"), EACCES, "a user joins the system bus, which has no policy yet");
      expect(r, connect("system", 20001), EACCES, "whatever UID says: there is one system bus");
      Bus other;
      expect(r, other.destroy("system"), EPERM, "and removes it");
      Bus again;
      expect(r, again.create("system"), EPERM, "or makes it again");
    });
  {
    Answer a = connect("system", 12345);
    tap.ok(!a.error, "root joins it, whatever UID says (%d)", a.error);
  }
  {
    Bus again;
    Answer a = again.create("system");
    tap.ok(a.error == -EEXIST && !a.extack.empty(), "root makes it again: %s", a.extack.c_str());
  }
  // CAP_NET_ADMIN without being root is what counts.
  pid_t pid = fork();
  if (!pid) {
    __user_cap_header_struct h{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct d[2]{};
    prctl(PR_SET_KEEPCAPS, 1);
    if (setgid(ALICE) || setuid(ALICE)) _exit(1);
    d[0].effective = d[0].permitted = 1u << CAP_NET_ADMIN;
    if (syscall(SYS_capset, &h, d)) _exit(2);
    Bus bus;
    _exit(bus.create("system").error == -EEXIST ? 0 : 3);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  tap.ok(status == 0, "a user with CAP_NET_ADMIN gets as far as root (status %d)", status);

  // A user's bus: the user's alone.
  int hold[2], ready[2];
  if (pipe(hold) || pipe(ready)) tap.bail("pipe");
  pid_t alice = fork();
  if (!alice) {
    char c;
    close(hold[1]);
    if (setgid(ALICE) || setuid(ALICE)) _exit(1);
    Bus bus, persistent;
    bool fine =
        !bus.create("session").error && !persistent.create("kept", DBUS_GENL_BUS_PERSISTENT).error;
    Peer peer;
    fine = fine && peer.join("session") == ":1.0";
    if (write(ready[1], fine ? "+" : "-", 1) != 1) _exit(1);
    // Until the parent closes; its bus goes then, its persistent one stays.
    _exit(read(hold[0], &c, 1) == 0 ? 0 : 1);
  }
  char c = '-';
  if (read(ready[0], &c, 1) != 1 || c != '+')
    tap.ok(false, "a user makes two buses and joins one");
  else
    tap.ok(true, "a user makes two buses and joins one");
  tap.ok(listed().find("session/20001") != std::string::npos &&
             listed().find("kept/20001") != std::string::npos,
         "BUS_GET lists them: %s", listed().c_str());
  users.as(ALICE, [](Results& r) {
    expect(r, connect("session"), 0, "the user joins from another process");
    expect(r, connect("session", ALICE), 0, "also by UID");
    Bus again;
    expect(r, again.create("session"), EEXIST, "makes it again");
  });
  users.as(BOB, [](Results& r) {
    expect(r, connect("session"), ENOENT, "another user has no bus of that name");
    expect(r, connect("session", ALICE), EACCES, "and isn't let into the first one's");
    Bus other;
    expect(r, other.destroy("session", ALICE), EPERM, "nor may remove it");
    Bus own;
    expect(r, own.create("session"), 0, "but makes its own of the same name");
    Peer p;
    r.emplace_back("and is :1.0 on it", p.join("session") == ":1.0");
    Bus on_behalf;
    Attrs a;
    a.str(DBUS_GENL_BUS_A_NAME, "forged").u32(DBUS_GENL_BUS_A_UID, ALICE);
    on_behalf.sock.open();
    Answer forged = on_behalf.sock.request(DBUS_GENL_CMD_BUS_CREATE, a);
    r.emplace_back("can't make one for another user: " + forged.extack,
                   forged.error != 0 && !forged.extack.empty());
    r.emplace_back("BUS_GET shows everybody all buses: " + listed(),
                   listed().find("session/20001") != std::string::npos);
    r.emplace_back("STATS_GET is for everybody", !stats().empty());
  });
  {
    Answer a = connect("session", ALICE);
    tap.note("root joins a user's bus: %d %s", a.error, a.extack.c_str());
    tap.ok(a.error == -EACCES && !a.extack.empty(),
           "a user's bus admits that user alone, root not: %s", a.extack.c_str());
  }

  // Another net namespace sees none of it.
  pid = fork();
  if (!pid) {
    if (unshare(CLONE_NEWNET)) _exit(1);
    _exit(listed().empty() && connect("system").error == -ENOENT &&
                  connect("session", ALICE).error == -ENOENT &&
                  stats()[DBUS_GENL_STATS_A_PEERS] == 0
              ? 0
              : 2);
  }
  waitpid(pid, &status, 0);
  tap.ok(status == 0, "in another net namespace there are neither (status %d)", status);
  pid = fork();
  if (!pid) {
    if (setgid(BOB) || setuid(BOB) || unshare(CLONE_NEWUSER | CLONE_NEWNET)) _exit(1);
    // Its own namespace's system bus: the user is its administrator.
    Bus bus;
    Answer a = bus.create("system");
    Peer p;
    _exit(!a.error && p.join("system") == ":1.0" ? 0 : 2);
  }
  waitpid(pid, &status, 0);
  tap.ok(
      status == 0,
      "in a user namespace with a net namespace of its own a user makes its system bus (status %d)",
      status);
  pid = fork();
  if (!pid) {
    if (setgid(BOB) || setuid(BOB) || unshare(CLONE_NEWUSER)) _exit(1);
    Bus bus;
    Answer a = bus.destroy("system");
    _exit(a.error == -EPERM ? 0 : 2);
  }
  waitpid(pid, &status, 0);
  tap.ok(status == 0,
         "in a user namespace alone, all its capabilities don't reach the system bus (status %d)",
         status);

  // The end of a controller is the end of its bus.
  close(hold[0]);
  Peer on_system;
  on_system.join("system");
  close(hold[1]);
  waitpid(alice, &status, 0);
  tap.ok(status == 0 && listed().find("session/20001") == std::string::npos,
         "the controller's end ends its bus: %s", listed().c_str());
  tap.ok(listed().find("kept/20001") != std::string::npos, "but not one that is persistent");
  users.as(ALICE, [](Results& r) {
    expect(r, connect("kept"), 0, "which can still be joined");
    Bus any;
    expect(r, any.destroy("kept"), 0, "and which its user removes");
    expect(r, connect("kept"), ENOENT, "and then it is gone");
  });

  // Peers of a bus that goes.
  system.close();
  auto nothing = on_system.receive(5000);
  tap.ok(!nothing && on_system.disconnected && on_system.reason == DBUS_GENL_REASON_BUS_GONE,
         "peers get DISCONNECT with the reason (%u)", on_system.reason);
  Message m = signal("/x", "a.B", "C");
  int error = on_system.send(m);
  tap.ok(error == -ENOTCONN, "then SEND gives ENOTCONN: %s", on_system.last_extack.c_str());
  Bus anew;
  anew.create("system");
  Answer a = on_system.connect("system");
  tap.ok(!a.error && on_system.hello() == ":1.0",
         "and the same socket may CONNECT again, to a bus that counts from :1.0 (%d)", a.error);

  // BUS_DESTROY by another than the controller, with CAP_NET_ADMIN.
  Bus another;
  Answer destroyed = another.destroy("system");
  tap.ok(!destroyed.error, "root removes a bus from another socket: %s", destroyed.extack.c_str());
  on_system.disconnected = false;
  while (on_system.receive(5000)) {
  }
  tap.ok(on_system.disconnected, "its peers get DISCONNECT");
  anew.close();

  // How many buses one user may have.
  users.as(BOB, [](Results& r) {
    std::vector<Bus> buses(100);
    int made = 0;
    Answer last;
    for (auto& bus : buses) {
      last = bus.create("bus" + std::to_string(made));
      if (last.error) break;
      ++made;
    }
    expect(r, last, EUSERS, "after " + std::to_string(made) + " buses the next is too many");
  });
}

}  // namespace

int main() {
  Tap tap;
  if (!family_id()) tap.bail("no family dbus");
  const Stats before = stats();
  run(tap);
  nothing_left(tap, before, 5000);
  return tap.finish();
}
