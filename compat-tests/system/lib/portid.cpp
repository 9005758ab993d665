// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * portid.cpp - netlink port ids prove nothing
 *
 * A port id is free again before the kernel tells modules that its socket is
 * gone, and any user may bind any port id.  So a process binds a dead peer's
 * port id before clean-up has run, thousands of times, while others flood the
 * dead one's names: it must receive nothing of that, be no peer, and its own
 * CONNECT must live on when the clean-up comes at last.
 */
#include <linux/netlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>
#include <thread>

#include "pass_fds.h"
#include "peer.h"
#include "settle.h"
#include "tap.h"

using namespace dg::test;

namespace {

constexpr uint32_t OTHER_UID = 20001;
constexpr uint32_t PORT = 0x7d000000;  // far from what the kernel chooses

// Threads that keep the bus busy: big broadcasts, which make the clean-up wait
// for the bus's lock, and messages for the peer that dies.
class Flood {
 public:
  bool start() {
    for (auto& peer : listeners_) {
      if (peer.join("system").empty()) return false;
      peer.ask("AddMatch", Args().s("interface='portid.Flood'"));
    }
    threads_.emplace_back([this] { broadcast(); });
    threads_.emplace_back([this] { unicast(); });
    while (joined_ < 2) usleep(1000);
    return true;
  }
  void aim(const std::string& unique) {
    std::lock_guard guard(lock_);
    unique_ = unique;
  }
  void stop() {
    stop_ = true;
    for (auto& t : threads_) t.join();
    threads_.clear();
  }
  ~Flood() { stop(); }
  std::atomic<uint64_t> sent{0};

 private:
  void broadcast() {
    Peer peer;
    peer.join("system");
    ++joined_;
    Message m = signal("/flood", "portid.Flood", "S", Args().s(std::string(50000, 'x')));
    while (!stop_) {
      peer.send(m, false);
      for (auto& listener : listeners_)
        while (listener.receive(0)) {
        }
    }
  }
  void unicast() {
    Peer peer;
    peer.join("system");
    ++joined_;
    for (int i = 0; !stop_; ++i) {
      std::string to;
      {
        std::lock_guard guard(lock_);
        to = i % 2 ? unique_ : "portid.Old";
      }
      if (to.empty()) {
        usleep(1000);
        continue;
      }
      Message m = call(to, "/for/old", "portid.I", "M", Args().s(to));
      peer.send(m, false);
      ++sent;
      while (peer.receive(0)) {
      }
    }
  }

  Peer listeners_[4];
  std::vector<std::thread> threads_;
  std::mutex lock_;
  std::string unique_;
  std::atomic<bool> stop_{false};
  std::atomic<int> joined_{0};
};

struct Score {
  int rounds = 0, early = 0, stolen = 0, acted = 0, refused = 0, died = 0, ids = 0;
  std::string last;
};

// What the one who took the port id sees and does.  expected_peers: 0, or how many peers
// there are when the old one is gone.
void usurp(Peer& taker, const char* bus, const std::string& old_name, bool look_first,
           uint64_t expected_peers, Score& score) {
  if (look_first) {
    // How many peers there are, at once: is the old one still counted?
    if (expected_peers) {
      Answer a = taker.sock.request(DBUS_GENL_CMD_STATS_GET, Attrs());
      if (!a.packets.empty() && a.packets[0].num(DBUS_GENL_STATS_A_PEERS) > expected_peers)
        ++score.early;
    }
    // Not a peer, whatever its port id was before.
    Message m = signal("/x", "portid.I", "S");
    int error = taker.send(m);
    if (error != -ENOTCONN) {
      ++score.acted;
      score.last = "SEND before CONNECT gave " + std::to_string(error);
    }
    while (auto p = taker.sock.receive(0))
      if (!p->is_error()) {
        ++score.stolen;
        score.last = "received command " + std::to_string(p->cmd) + " before CONNECT";
      }
  }
  Answer a = taker.connect(bus);
  if (a.error) {
    ++score.refused;
    score.last = "CONNECT gave " + std::to_string(a.error) + " " + a.extack;
    return;
  }
  if (taker.hello().empty() || taker.name() == old_name) {
    ++score.ids;
    score.last = "Hello gave " + taker.name();
  }
}

// After the old one's clean-up has run for certain.
void check_alive(Peer& taker, Score& score) {
  std::string owner = taker.ask("GetNameOwner", Args().s(taker.name()));
  if (owner != quoted(taker.name())) {
    ++score.died;
    score.last = "GetNameOwner of itself: " + owner;
  }
  while (auto m = taker.receive(0)) {
    if (m->path == "/for/old") {
      ++score.stolen;
      score.last = "received a message for " + m->string_arg();
    }
  }
}

void report(Tap& tap, const char* what, const Score& s) {
  if (!s.last.empty()) tap.note("last of what went wrong: %s", s.last.c_str());
  tap.ok(s.stolen == 0, "%s: nothing meant for the dead peer was received (%d in %d rounds)", what,
         s.stolen, s.rounds);
  tap.ok(s.acted == 0, "%s: the port id alone lets nobody SEND (%d)", what, s.acted);
  tap.ok(s.refused == 0, "%s: its own CONNECT is accepted (%d refused)", what, s.refused);
  tap.ok(s.ids == 0, "%s: it gets a unique name of its own (%d did not)", what, s.ids);
  tap.ok(s.died == 0, "%s: its CONNECT outlives the clean-up of the dead one (%d did not)", what,
         s.died);
}

// One thread closes the peer's socket, another binds its port id meanwhile.  In every second
// round a peer of many names dies just before: the bus is busy burying that one, and the clean-up
// of ours has to wait, so that the other is first for certain.
void threads(Tap& tap, int rounds) {
  Score score;
  Flood flood;
  if (!flood.start()) tap.bail("the flood can't join");
  for (int i = 0; i < rounds; ++i) {
    uint32_t port = PORT + static_cast<uint32_t>(i);
    Peer old, taker;
    uint64_t others = stats()[DBUS_GENL_STATS_A_PEERS];
    bool slow = i % 4 < 2;
    Peer heavy;
    if (slow) {
      if (heavy.join("system").empty()) tap.bail("can't join");
      for (int n = 0; n < 150; ++n) {
        Message m = driver_call("RequestName", Args().s("portid.Heavy" + std::to_string(n)).u(0));
        heavy.send(m, false);
        while (heavy.receive(0)) {
        }
      }
      heavy.ask("GetId");
    }
    old.sock.open();
    if (old.sock.bind(port) || old.join("system").empty())
      tap.bail("can't join under port id %u", port);
    std::string old_name = old.name();
    old.ask("RequestName", Args().s("portid.Old").u(0));
    flood.aim(old_name);
    taker.sock.open();
    std::atomic<bool> go{false};
    std::atomic<bool> burying{!slow};
    std::thread undertaker([&] {
      while (!go) {
      }
      burying = true;
      heavy.sock.close();
    });
    std::thread closer([&] {
      while (!burying) {
      }
      old.sock.close();
    });
    go = true;
    while (taker.sock.bind(port) == -EADDRINUSE) {
    }
    usurp(taker, "system", old_name, i % 2 == 0, slow ? others + 1 : others, score);
    closer.join();
    undertaker.join();
    check_alive(taker, score);
    ++score.rounds;
  }
  flood.aim("");
  flood.stop();
  tap.note("%d rounds, %llu messages aimed at dead peers; seen before clean-up: %d", rounds,
           static_cast<unsigned long long>(flood.sent.load()), score.early);
  report(tap, "thread", score);
  tap.ok(score.early > 0, "thread: the race was won at least once, or this test shows nothing");
}

// The peer is a process, killed; another process waits for its port id.
void processes(Tap& tap, int rounds) {
  Score score;
  Flood flood;
  if (!flood.start()) tap.bail("the flood can't join");
  for (int i = 0; i < rounds; ++i) {
    uint32_t port = PORT + 0x100000 + static_cast<uint32_t>(i);
    int ready[2];
    if (pipe(ready)) tap.bail("pipe: %s", std::strerror(errno));
    pid_t owner = fork();
    if (!owner) {
      Peer old;
      old.sock.open();
      if (old.sock.bind(port) || old.join("system").empty()) _exit(1);
      old.ask("RequestName", Args().s("portid.Old").u(0));
      if (write(ready[1], &old.id, sizeof old.id) != sizeof old.id) _exit(1);
      for (;;) pause();
    }
    uint64_t id = 0;
    if (read(ready[0], &id, sizeof id) != sizeof id) tap.bail("the owner died early");
    close(ready[0]);
    close(ready[1]);
    flood.aim(unique_name(id));
    int result[2];
    if (pipe(result)) tap.bail("pipe: %s", std::strerror(errno));
    pid_t taker_pid = fork();
    if (!taker_pid) {
      // Every other time it is another user, with a bus of its own.
      bool other = i % 2;
      Bus own_bus;
      if (other && (setgid(OTHER_UID) || setuid(OTHER_UID) || own_bus.create("taker").error))
        _exit(1);
      Score own;
      Peer taker;
      taker.sock.open();
      while (taker.sock.bind(port) == -EADDRINUSE) {
      }
      usurp(taker, other ? "taker" : "system", other ? "" : unique_name(id), i % 4 < 2, 0, own);
      usleep(20000);
      check_alive(taker, own);
      int numbers[] = {own.stolen, own.acted, own.refused, own.ids, own.died};
      _exit(write(result[1], numbers, sizeof numbers) == sizeof numbers ? 0 : 1);
    }
    usleep(2000);
    kill(owner, SIGKILL);
    int numbers[5] = {};
    if (read(result[0], numbers, sizeof numbers) != sizeof numbers) tap.bail("the taker failed");
    close(result[0]);
    close(result[1]);
    waitpid(owner, nullptr, 0);
    waitpid(taker_pid, nullptr, 0);
    score.stolen += numbers[0];
    score.acted += numbers[1];
    score.refused += numbers[2];
    score.ids += numbers[3];
    score.died += numbers[4];
    ++score.rounds;
  }
  flood.stop();
  report(tap, "process", score);
}

// Another socket may have the same port id elsewhere; its end is nothing to us.
void elsewhere(Tap& tap) {
  Peer peer;
  peer.sock.open();
  peer.sock.bind(PORT + 0x200000);
  if (peer.join("system").empty()) tap.bail("can't join");
  uint32_t port = peer.sock.port();

  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_pid = port;
  for (int protocol : {NETLINK_ROUTE, NETLINK_KOBJECT_UEVENT}) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    bool bound = fd >= 0 && !bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
    close(fd);
    tap.ok(bound && peer.ask("NameHasOwner", Args().s(peer.name())) == "true",
           "a socket of netlink protocol %d with the same port id comes and goes: the peer stays",
           protocol);
  }

  int back[2];
  if (pipe(back)) tap.bail("pipe");
  pid_t pid = fork();
  if (!pid) {
    int bits = 0;
    if (unshare(CLONE_NEWNET)) _exit(1);
    {
      GenlSocket same;
      same.open();
      bits |= same.bind(port) ? 0 : 1;
      Attrs name;
      name.str(DBUS_GENL_BUS_A_NAME, "system");
      // The bus of another namespace isn't seen here.
      bits |= same.request(DBUS_GENL_CMD_CONNECT, name).error == -ENOENT ? 2 : 0;
      Bus own;
      bits |= own.create("system").error == 0 ? 4 : 0;
      Peer other;
      other.sock = std::move(same);
      bits |= other.join("system") == ":1.0" ? 8 : 0;
      Message m = call(unique_name(1), "/for/other", "portid.I", "M");
      bits |= other.send(m) == 0 ? 16 : 0;
      usleep(100000);
    }
    usleep(100000);
    _exit(write(back[1], &bits, sizeof bits) == sizeof bits ? 0 : 1);
  }
  int bits = 0;
  if (read(back[0], &bits, sizeof bits) != sizeof bits) bits = 0;
  waitpid(pid, nullptr, 0);
  close(back[0]);
  close(back[1]);
  tap.ok(bits & 1, "the port id of a live peer may be bound in another net namespace");
  tap.ok(bits & 2, "and there this namespace's bus doesn't exist (-ENOENT)");
  tap.ok((bits & 28) == 28, "a bus of the same name there is another, with names from :1.0 (%d)",
         bits);
  tap.ok(peer.ask("NameHasOwner", Args().s(peer.name())) == "true",
         "its end takes nothing from the peer here");
  bool stray = false;
  while (auto m = peer.receive(0)) stray = stray || m->path == "/for/other";
  tap.ok(!stray, "no message crossed");
}

// Who has the socket has the peer; nobody else.
void passing(Tap& tap) {
  Peer peer, observer;
  if (peer.join("system").empty() || observer.join("system").empty()) tap.bail("can't join");
  std::string name = peer.name();
  observer.ask("AddMatch", Args().s("interface='portid.Passed'"));
  int go[2], gone[2];
  if (pipe(go) || pipe(gone)) tap.bail("pipe");
  pid_t pid = fork();
  if (!pid) {
    char c;
    close(gone[0]);
    if (setgid(OTHER_UID) || setuid(OTHER_UID) || read(go[0], &c, 1) != 1) _exit(1);
    Message m = signal("/x", "portid.Passed", "FromHeir");
    int error = peer.send(m);
    _exit(error || read(go[0], &c, 1) != 1 ? 1 : 0);
  }
  close(go[0]);
  peer.sock.close();  // the heir alone has it now
  tap.ok(observer.ask("NameHasOwner", Args().s(name)) == "true",
         "the peer lives while another process has its socket");
  if (write(go[1], "x", 1) != 1) tap.bail("write");
  auto got = observer.receive(10000);
  tap.ok(got && got->member == "FromHeir" && unique_name(got->sender) == name,
         "who inherited the socket is the same peer");
  tap.ok(observer.ask("GetConnectionUnixUser", Args().s(name)) == "u" + std::to_string(getuid()),
         "with the credentials it connected with, whoever uses it");
  if (write(go[1], "x", 1) != 1) tap.bail("write");
  waitpid(pid, nullptr, 0);
  close(go[1]);
  close(gone[0]);
  close(gone[1]);
  tap.ok(observer.ask("NameHasOwner", Args().s(name)) == "false",
         "and when that ends, the peer is gone");

  // CONNECT by another user than the socket's opener: what CVE-2014-0181 was about.
  GenlSocket roots;
  roots.open();
  pid = fork();
  if (!pid) {
    if (setgid(OTHER_UID) || setuid(OTHER_UID)) _exit(1);
    Attrs bus;
    bus.str(DBUS_GENL_BUS_A_NAME, "system");
    Answer a = roots.request(DBUS_GENL_CMD_CONNECT, bus);
    _exit(a.error == -EPERM && !a.extack.empty() ? 0 : 2);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  tap.ok(status == 0, "CONNECT on a socket that root opened, by a user: -EPERM with a text");

  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) tap.bail("socketpair");
  pid = fork();
  char byte = 'x';
  if (!pid) {
    if (setgid(OTHER_UID) || setuid(OTHER_UID)) _exit(1);
    GenlSocket users;
    users.open();
    _exit(send_fds(pair[1], {users.fd()}, &byte, 1) ? 0 : 1);
  }
  int error = 0;
  if (const std::vector<int> fds = receive_fds(pair[0], &byte, 1); fds.size() == 1) {
    GenlSocket users(fds[0]);
    Attrs bus;
    bus.str(DBUS_GENL_BUS_A_NAME, "system");
    error = users.request(DBUS_GENL_CMD_CONNECT, bus).error;
  }
  waitpid(pid, nullptr, 0);
  close(pair[0]);
  close(pair[1]);
  tap.ok(error == -EPERM, "and by root, on a socket that a user opened: -EPERM (%d)", error);
}

}  // namespace

int main(int argc, char** argv) {
  int rounds = argc > 1 ? std::atoi(argv[1]) : 1000;
  Tap tap;
  if (!family_id()) tap.bail("no family dbus");
  const Stats before = stats();
  {
    Bus bus;
    Answer a = bus.create("system");
    if (a.error) tap.bail("BUS_CREATE system: errno %d %s", -a.error, a.extack.c_str());
    elsewhere(tap);
    passing(tap);
    processes(tap, rounds / 5);
    threads(tap, rounds);
  }
  nothing_left(tap, before, 5000);
  return tap.finish();
}
