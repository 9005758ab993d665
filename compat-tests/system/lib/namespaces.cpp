// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * namespaces.cpp - buses and net namespaces; ids as the asking peer's user and pid
 * namespaces see them, in texts too; the label that a security module gives a peer
 */
#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>

#include "controller.h"
#include "peer.h"
#include "policy_attrs.h"
#include "settle.h"
#include "tap.h"

using namespace dg::test;

namespace {

constexpr uint32_t USER = 20001, GROUP = 20002;

std::string guid_of(Answer& a) {
  for (Packet& p : a.packets)
    if (p.has(DBUS_GENL_BUS_A_GUID)) return p.str(DBUS_GENL_BUS_A_GUID);
  return "";
}

// In a process of its own; 0 from what is success, another number says which step failed.
bool in_child(Tap& tap, const std::function<int()>& what, const char* text) {
  pid_t pid = fork();
  if (!pid) _exit(what());
  int status = 0;
  waitpid(pid, &status, 0);
  return tap.ok(status == 0, "%s (step %d)", text, WEXITSTATUS(status));
}

void net(Tap& tap) {
  Bus bus;
  Answer made = bus.create("ns");
  const std::string guid = guid_of(made);
  Peer here;
  if (here.join("ns").empty()) tap.bail("can't join");
  here.ask("AddMatch", Args().s("interface='n.S'"));

  in_child(
      tap,
      [&] {
        Peer before;
        before.sock.open();
        if (unshare(CLONE_NEWNET)) return 1;
        if (Peer().connect("ns").error != -ENOENT) return 2;
        Bus own;
        Answer a = own.create("ns");
        if (a.error || guid_of(a) == guid || guid_of(a).empty()) return 3;
        Peer inside;
        if (inside.join("ns") != ":1.0") return 4;
        Message m = signal("/s", "n.S", "Inside");
        if (inside.send(m)) return 5;
        // A socket belongs to the namespace in which it was opened.
        if (before.join("ns").empty() || before.name() == ":1.0") return 6;
        m = signal("/s", "n.S", "Before");
        if (before.send(m)) return 7;
        return stats()[DBUS_GENL_STATS_A_PEERS] == 1 ? 0 : 8;
      },
      "a net namespace has its own bus of the same name; sockets stay where they were opened");
  auto heard = here.receive(5000);
  tap.ok(heard && heard->member == "Before" && !here.receive(200),
         "signals stay in their namespace");

  // What remains of the namespace when its last process ends: buses that nobody removes.
  const Stats then = stats();
  for (int i = 0; i < 20; ++i) {
    pid_t pid = fork();
    if (!pid) {
      if (unshare(CLONE_NEWNET)) _exit(1);
      Bus buses[3];
      Peer peers[3];
      for (int j = 0; j < 3; ++j) {
        const std::string name = "kept" + std::to_string(j);
        if (buses[j].create(name, DBUS_GENL_BUS_PERSISTENT).error || peers[j].join(name).empty())
          _exit(2);
        peers[j].ask("RequestName", Args().s("kept.name").u(0));
        peers[j].ask("AddMatch", Args().s("type='signal'"));
      }
      _exit(0);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    if (status) tap.bail("a namespace's process: status %d", status);
  }
  tap.ok(same_gauges(then, stats()), "twenty that end with persistent buses leave nothing here");
}

// A process of USER in user and pid namespaces of its own, where it is root, and a peer of the
// bus. It asks what it is told to and tells the answers.
class Stranger {
 public:
  explicit Stranger(Tap& tap) {
    if (pipe(ask_) || pipe(answer_)) tap.bail("pipe");
    int ready[2];
    if (pipe(ready)) tap.bail("pipe");
    pid_ = fork();
    if (!pid_) {
      close(ask_[1]);
      if (setgid(GROUP) || setuid(USER) || unshare(CLONE_NEWUSER | CLONE_NEWPID)) _exit(1);
      (void)!write(ready[1], "u", 1);
      char go;
      // The maps are written by who may write any.
      if (read(ask_[0], &go, 1) != 1) _exit(2);
      if (pid_t inner = fork()) {
        (void)!write(ready[1], &inner, sizeof inner);
        int status = 0;
        waitpid(inner, &status, 0);
        _exit(status ? 3 : 0);
      }
      _exit(serve());
    }
    char unshared;
    if (read(ready[0], &unshared, 1) != 1) tap.bail("no user namespace");
    map("uid_map", "0 " + std::to_string(USER) + " 1\n");
    (void)!write(ask_[1], "g", 1);
    if (read(ready[0], &inner_, sizeof inner_) != sizeof inner_) tap.bail("no pid namespace");
    for (int fd : ready) close(fd);
    name = line();
  }
  ~Stranger() {
    close(ask_[1]);
    waitpid(pid_, nullptr, 0);
  }
  std::string ask(const std::string& member, const std::string& whom) {
    const std::string request = member + " " + whom + "\n";
    (void)!write(ask_[1], request.data(), request.size());
    return line();
  }
  pid_t pid() const { return inner_; }
  std::string name;

 private:
  void map(const char* file, const std::string& text) {
    std::ofstream("/proc/" + std::to_string(pid_) + "/" + file) << text;
  }
  int serve() {
    Peer p;
    if (p.join("mine").empty()) return 1;
    dprintf(answer_[1], "%s\n", p.name().c_str());
    FILE* requests = fdopen(ask_[0], "r");
    char member[100], whom[100];
    while (std::fscanf(requests, "%99s %99s", member, whom) == 2)
      dprintf(answer_[1], "%s\n", answer(p, member, whom).c_str());
    return 0;
  }
  // Of the driver; or SEND a call to somebody, or AWAIT what becomes of it.
  static std::string answer(Peer& p, const std::string& member, const std::string& whom) {
    if (member == "SEND") {
      Message m = call(whom, "/o", "i.I", "Waits");
      return p.send(m) ? p.last_extack : "sent";
    }
    if (member != "AWAIT") return p.ask(member, Args().s(whom));
    while (auto m = p.receive(20000))
      if (m->type == ERROR) return m->error_name + ": " + m->string_arg();
    return "nothing";
  }
  std::string line() {
    std::string text;
    for (char c; read(answer_[0], &c, 1) == 1 && c != '\n';) text += c;
    return text;
  }

  int ask_[2], answer_[2];
  pid_t pid_, inner_ = 0;
};

void ids(Tap& tap) {
  Bus bus;
  Peer here;
  {
    Become user(USER);
    if (bus.create("mine").error || here.join("mine").empty()) tap.bail("can't join");
  }
  Stranger there(tap);
  if (there.name.empty()) tap.bail("nobody in the other namespaces");
  // As body_text() shows a u.
  const std::string user = "u" + std::to_string(USER), pid = "u" + std::to_string(there.pid());

  std::string told = here.ask("GetConnectionUnixUser", Args().s(there.name));
  tap.ok(told == user, "a user in another user namespace, seen from here: %s", told.c_str());
  told = there.ask("GetConnectionUnixUser", here.name());
  tap.ok(told == "u0", "and seen from there: %s", told.c_str());
  told = here.ask("GetConnectionUnixProcessID", Args().s(there.name));
  tap.ok(told == pid, "a process in another pid namespace, seen from here: %s", told.c_str());
  told = there.ask("GetConnectionUnixProcessID", there.name);
  tap.ok(told == "u1", "and by itself: %s", told.c_str());
  told = there.ask("GetConnectionUnixProcessID", here.name());
  tap.ok(told.find("UnixProcessIdUnknown") != told.npos, "one that it can't see: %s", told.c_str());
  told = there.ask("GetConnectionCredentials", here.name());
  tap.ok(told.find("ProcessID") == told.npos && told.find("u65534") != told.npos,
         "in its credentials there is no process, and groups without a number here are 65534: %s",
         told.c_str());
  told = here.ask("GetConnectionCredentials", Args().s(there.name));
  tap.ok(told.find(pid) != told.npos && told.find(user) != told.npos &&
             told.find("u" + std::to_string(GROUP)) != told.npos,
         "from here all are seen: %s", told.c_str());
}

// A message that has waited is refused in the task of who takes the name: its sender gets the text.
void waited(Tap& tap) {
  Controller controller;
  Peer here;
  {
    Become user(USER);
    Attrs policy = open_section();
    policy.append(context_section(
        DBUS_GENL_CONTEXT_MANDATORY,
        {rule_attrs(DBUS_GENL_RULE_RECEIVE, false).str(DBUS_GENL_RULE_A_MEMBER, "Waits")}));
    if (controller.create("mine").error ||
        controller.sock().request(DBUS_GENL_CMD_POLICY_SET, policy_request(policy)).error ||
        controller.declare({"ns.Service"}).error || here.join("mine").empty())
      tap.bail("can't make a bus with services");
  }
  Stranger there(tap);
  const std::string sent = there.ask("SEND", "ns.Service");
  auto asked = controller.next(10000);
  here.ask("RequestName", Args().s("ns.Service").u(0));
  const std::string told = there.ask("AWAIT", "-");
  tap.ok(sent == "sent" && asked && asked->name == "ns.Service" &&
             told.find("AccessDenied") != told.npos &&
             told.find("sender=\"" + there.name + "\" (uid=0 pid=1 ") != told.npos &&
             told.find("(uid=0 pid=0 ") != told.npos,
         "a refusal of what has waited has the numbers of its reader's namespaces: %s",
         told.c_str());
}

// What the kernel tells of a process's label; "" without such a module.
std::string process_label(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/attr/current");
  std::string label;
  std::getline(file, label, '\0');
  while (!label.empty() && label.back() == '\n') label.pop_back();
  return label;
}

// As body_text() has an array of bytes with its NUL.
std::string as_bytes(const std::string& label) {
  auto size = static_cast<uint32_t>(label.size() + 1);
  Bytes body(sizeof size);
  std::memcpy(body.data(), &size, sizeof size);
  body.insert(body.end(), label.c_str(), label.c_str() + size);
  return body_text("ay", body.data(), body.size());
}

// Of a peer that has that profile of AppArmor, or "" as it is.
void label(Tap& tap, const char* profile) {
  Bus bus;
  Peer here;
  if (bus.create("label").error || here.join("label").empty()) tap.bail("can't join");
  int named[2], stay[2];
  if (pipe(named) || pipe(stay)) tap.bail("pipe");
  pid_t pid = fork();
  if (!pid) {
    close(stay[1]);
    if (*profile) {
      int fd = open("/proc/self/attr/apparmor/current", O_WRONLY);
      const std::string text = std::string("changeprofile ") + profile;
      if (write(fd, text.data(), text.size()) < 0) _exit(1);
      close(fd);
    }
    Peer p;
    if (p.join("label").empty()) _exit(2);
    dprintf(named[1], "%s\n", p.name().c_str());
    char c;
    _exit(read(stay[0], &c, 1) == 0 ? 0 : 3);
  }
  close(named[1]);
  std::string name;
  for (char c; read(named[0], &c, 1) == 1 && c != '\n';) name += c;
  const std::string expected = process_label(pid);
  const std::string told = here.ask("GetConnectionCredentials", Args().s(name));
  if (expected.empty())
    tap.ok(!name.empty() && told.find("LinuxSecurityLabel") == told.npos,
           "no security module gives a label, nor does the bus");
  else
    tap.ok(!name.empty() && (!*profile || expected != process_label(getpid())) &&
               told.find("\"LinuxSecurityLabel\"") != told.npos &&
               told.find(as_bytes(expected)) != told.npos,
           "the label is the process's, %s: %s", expected.c_str(), told.c_str());
  for (int fd : {stay[0], stay[1], named[0]}) close(fd);
  int status = 0;
  waitpid(pid, &status, 0);
  tap.ok(status == 0, "and that process was there (status %d)", status);
}

}  // namespace

int main() {
  Tap tap;
  if (!family_id()) tap.bail("no family dbus");
  const Stats before = stats();
  net(tap);
  ids(tap);
  waited(tap);
  label(tap, "");
  // A policy namespace of AppArmor's, which the calling script makes, needs no profile.
  if (!access("/sys/kernel/security/apparmor/policy/namespaces/dbus-genl", F_OK))
    label(tap, ":dbus-genl://unconfined");
  nothing_left(tap, before);
  return tap.finish();
}
