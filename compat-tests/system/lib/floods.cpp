// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * floods.cpp - a user floods the bus in many ways while another's two peers work
 *
 * floods CALLS ROUNDS [BOUND] [KIND…]
 *
 * Alice floods with one thread, as fast as she can, on processor 0, where all of Bob's that only
 * listen are too. Bob's two peers call each other on processor 1, which they have to themselves:
 * so what a flood costs them is the bus's (its locks, its queues, netlink's), and not that a
 * scheduler shares two processors out among more tasks that want them, which no bus could change.
 *
 * Rounds of CALLS calls with and without the flood take turns. Nothing of Bob's may be refused or
 * lost: calls, their replies, fds, broadcasts, and what he sends to a service of his that Alice
 * floods and that reads slowly. The median round trip of the rounds is printed; with BOUND,
 * a flood may make it that many times as long as it is in the idle rounds before and after.
 */
#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "files.h"
#include "settle.h"
#include "shared_bus.h"

using namespace dg::test;

namespace {

constexpr uint32_t ALICE = 30001, BOB = 30002;
constexpr int FLOODED_CPU = 0, WORKING_CPU = 1;

int64_t now_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<int64_t>(t.tv_sec) * 1000000000 + t.tv_nsec;
}

struct Shared {
  std::atomic<uint32_t> ready{0};
  std::atomic<bool> flood{false}, hurry{false};
  std::atomic<uint64_t> operations{0};  // of the flood
  std::atomic<bool> resting{false};
  std::atomic<uint32_t> wrong{0};       // calls of Bob's without their reply
  std::atomic<uint32_t> disorder{0};    // and signals that didn't come, or not in order
  std::atomic<uint32_t> said{0};        // what he told his slow service,
  std::atomic<uint32_t> heard{0};       // what it heard of it in order,
  std::atomic<uint32_t> disordered{0};  // and not
  std::atomic<uint64_t> flooded{0};     // what it heard of Alice
  std::atomic<int64_t> median{0};       // of the last round, in ns,
  std::atomic<int64_t> mean{0};         // and the mean
  char slow[64] = {}, callee[64] = {};  // unique names
};

Shared* shared;

Message flood_call(std::string_view destination, size_t bytes) {
  Message m = call(destination, "/flood", "flood.I", "M", Args().s(std::string(bytes, 'f')));
  m.flags = NO_REPLY;
  return m;
}

// Alice. Packets are made once, so that all of her time is spent in the kernel.
class Flooder {
 public:
  void run(const std::string& kind) {
    pin(FLOODED_CPU);
    deaf_.auto_pull = false;
    deaf_.takes_fds = peer_.takes_fds = true;
    if (peer_.join(SHARED_BUS).empty() || deaf_.join(SHARED_BUS).empty()) _exit(3);
    const std::function<void()> step = prepare(kind);
    ++shared->ready;
    for (uint64_t n = 0;; ++n) {
      while (!shared->flood) {
        shared->resting = true;
        usleep(1000);
      }
      shared->resting = false;
      step();
      shared->operations.fetch_add(1, std::memory_order_relaxed);
      if (n % 8 == 7) drain();
    }
  }

 private:
  std::function<void()> prepare(const std::string& kind) {
    if (kind == "unread") return sending({flood_call(deaf_.name(), 1000)});
    if (kind == "slow-service") return sending({flood_call(shared->slow, 1000)});
    if (kind == "unheard" || kind == "heard-by-third" || kind == "heard-by-both") {
      std::string interface = "flood." + kind;
      std::replace(interface.begin(), interface.end(), '-', '_');
      return sending({signal("/flood", interface, "S", Args().s(std::string(200, 'f')))});
    }
    if (kind == "list-names") return sending({driver_call("ListNames")});
    if (kind == "rules") {
      const Args rule = Args().s("type='signal',interface='flood.R',arg0='x'");
      return sending({driver_call("AddMatch", rule), driver_call("RemoveMatch", rule)});
    }
    if (kind == "names")
      return sending({driver_call("RequestName", Args().s("flood.Name").u(0)),
                      driver_call("ReleaseName", Args().s("flood.Name"))});
    if (kind == "credentials")
      return sending({driver_call("GetConnectionCredentials", Args().s(shared->callee))});
    if (kind == "fds") return sending({carrying(flood_call(deaf_.name(), 0), sixteen())});
    if (kind == "claimed-fds") return claiming();
    if (kind == "large") return sending({flood_call(deaf_.name(), 60000)});
    if (kind == "body-files") {
      // Somebody wants arguments, so the kernel has to read them.
      deaf_.ask("AddMatch", Args().s("interface='flood.B',arg0='no'"));
      const std::string body = say("yes", 1 << 20);
      Message m = signal("/flood", "flood.B", "S");
      return sending({with_body(m, "say", memfd(body))});
    }
    if (kind == "crowd") {
      crowd_.resize(250);
      for (Peer& one : crowd_) {
        one.auto_pull = false;
        if (one.join(SHARED_BUS).empty()) _exit(4);
        one.ask("AddMatch", Args().s("interface='flood.C'"));
      }
      return sending({signal("/flood", "flood.C", "S", Args().s(std::string(200, 'f')))});
    }
    if (kind == "many-rules") {
      for (int i = 0; i < 4000; ++i)
        deaf_.ask("AddMatch", Args().s("interface='flood.M',arg1='" + std::to_string(i) + "'"));
      return sending({signal("/flood", "flood.M", "S", Args().s("a").s("b"))});
    }
    if (kind == "connects") {
      return [] {
        Peer visitor;
        if (visitor.connect(SHARED_BUS).error || visitor.hello().empty()) _exit(4);
      };
    }
    if (kind == "dumps") {
      return [this] {
        stats();
        GenlSocket& s = peer_.sock;
        s.send(DBUS_GENL_CMD_BUS_GET, Attrs(), 0x300 /* NLM_F_DUMP */, s.next_seq());
        drain();
      };
    }
    _exit(5);
  }

  static std::vector<int> sixteen() {
    return std::vector<int>(16, open("/dev/null", O_RDONLY | O_CLOEXEC));
  }

  std::function<void()> sending(const std::vector<Message>& messages) {
    uint32_t serial = 1000;
    for (Message m : messages) {
      m.serial = ++serial;
      packets_.push_back(genl_bytes(DBUS_GENL_CMD_SEND, send_attrs(m), 0, m.serial));
    }
    return [this] {
      for (const Bytes& packet : packets_) peer_.sock.send_bytes(packet);
    };
  }

  // To herself, and taken.
  std::function<void()> claiming() {
    return [this, fds = sixteen()] {
      Message m = carrying(flood_call(peer_.name(), 0), fds);
      peer_.send(m, false);
      while (auto got = peer_.receive(0))
        if (!got->fds.empty()) peer_.claim(*got).close();
    };
  }

  // Errors and replies.
  void drain() {
    const int fd = peer_.sock.fd();
    ssize_t n;
    while ((n = recv(fd, buffer_, sizeof buffer_, MSG_DONTWAIT | MSG_TRUNC)) > 0)
      if (n >= 20 && buffer_[16] == DBUS_GENL_CMD_PULL)
        peer_.sock.send(DBUS_GENL_CMD_PULL, Attrs(), 0, peer_.sock.next_seq());
  }

  Peer peer_, deaf_;
  std::vector<Peer> crowd_;
  std::vector<Bytes> packets_;
  uint8_t buffer_[4096];
};

// Of Bob: answers, and tells of every tenth call in a broadcast.
void callee() {
  pin(WORKING_CPU);
  Peer peer;
  peer.takes_fds = true;
  const std::string name = peer.join(SHARED_BUS);
  if (name.empty() || !peer.ask("AddMatch", Args().s("interface='flood.heard_by_both'")).empty())
    _exit(3);
  std::strncpy(shared->callee, name.c_str(), sizeof shared->callee - 1);
  ++shared->ready;
  uint32_t told = 0;
  while (auto m = peer.receive(-1)) {
    if (m->type != CALL) continue;
    uint32_t number = m->u32_arg();
    if (!m->fds.empty()) {
      Claim c = peer.claim(*m);
      number = c.fds.size() == 1 ? static_cast<uint32_t>(std::stoul(content(c.fds[0]))) : 0;
      lseek(c.fds.empty() ? -1 : c.fds[0], 0, SEEK_SET);
      c.close();
    }
    Message reply = reply_to(*m, Args().u(number));
    peer.send(reply, false);
    if (number % 10) continue;
    Message tell = signal("/work", "work.I", "Told", Args().u(++told));
    peer.send(tell, false);
  }
}

// Of Bob: calls, as often as he is told.
void caller(int in, int out) {
  pin(WORKING_CPU);
  Peer peer;
  peer.takes_fds = true;
  if (peer.join(SHARED_BUS).empty() ||
      !peer.ask("AddMatch", Args().s("interface='work.I'")).empty() ||
      !peer.ask("AddMatch", Args().s("interface='flood.heard_by_both'")).empty())
    _exit(3);
  ++shared->ready;
  uint32_t number = 0, told = 0;
  unsigned calls;
  while (read(in, &calls, sizeof calls) == sizeof calls) {
    std::vector<int64_t> times;
    const int file = memfd(std::to_string(number + calls), 0);
    for (unsigned i = 0; i < calls; ++i) {
      Message m = call(shared->callee, "/work", "work.I", "Work", Args().u(++number));
      const bool last = i + 1 == calls;
      if (last) m = carrying(m, {file});
      lseek(file, 0, SEEK_SET);
      const int64_t start = now_ns();
      auto reply = peer.call(m, 60000);
      times.push_back(now_ns() - start);
      if (!reply || reply->type != RETURN || reply->u32_arg() != number) ++shared->wrong;
      // A flood that he hears may never end.
      for (int most = 100; auto more = peer.receive(0);) {
        if (more->interface == "work.I" && more->u32_arg() != ++told) ++shared->disorder;
        if (!--most) break;
      }
      if (i % 20 == 0) {
        m = call(shared->slow, "/work", "work.I", "Say", Args().u(++shared->said));
        m.flags = NO_REPLY;
        peer.send(m, false);
      }
    }
    close(file);
    // Refusals would have come by now.
    if (peer.ask("GetId").size() < 32) ++shared->wrong;
    while (told != number / 10) {
      auto more = peer.receive(20000);
      if (!more) ++shared->disorder;
      if (!more) break;
      if (more->interface == "work.I" && more->u32_arg() != ++told) ++shared->disorder;
    }
    std::nth_element(times.begin(), times.begin() + calls / 2, times.end());
    shared->median = times[calls / 2];
    shared->mean = std::accumulate(times.begin(), times.end(), int64_t{0}) / calls;
    if (write(out, "x", 1) != 1) _exit(4);
  }
}

// Of Bob: listens, slowly.
void slow_service() {
  pin(FLOODED_CPU);
  Peer peer;
  const std::string name = peer.join(SHARED_BUS);
  if (name.empty() || !peer.ask("AddMatch", Args().s("interface='flood.heard_by_third'")).empty())
    _exit(3);
  std::strncpy(shared->slow, name.c_str(), sizeof shared->slow - 1);
  ++shared->ready;
  while (auto m = peer.receive(-1)) {
    if (m->interface == "work.I") {
      if (m->u32_arg() == shared->heard + 1)
        ++shared->heard;
      else
        ++shared->disordered;
    } else if (m->type == CALL || m->type == SIGNAL) {
      ++shared->flooded;
    }
    if (!shared->hurry) usleep(2000);
  }
}

struct Kind {
  const char* name;
  const char* what;
  bool bounded = true;
};

const Kind kinds[] = {
    {"unread", "calls to a receiver of her own that reads nothing"},
    {"slow-service", "calls to a service of his that reads slowly"},
    {"unheard", "broadcasts that nobody asked for"},
    {"heard-by-third", "broadcasts that a third peer of his asked for"},
    // He has to read them all: no bus could make that cost nothing.
    {"heard-by-both", "broadcasts that both his peers asked for", false},
    {"list-names", "ListNames"},
    {"rules", "AddMatch, RemoveMatch"},
    {"names", "RequestName, ReleaseName"},
    {"credentials", "GetConnectionCredentials"},
    {"fds", "messages with 16 fds that nobody claims"},
    {"claimed-fds", "messages with 16 fds that are claimed"},
    {"large", "messages of 60 KB that nobody reads"},
    {"body-files", "broadcasts of 1 MiB of which a rule wants an argument"},
    {"connects", "CONNECT, Hello and close"},
    {"dumps", "STATS_GET and BUS_GET"},
    {"many-rules", "broadcasts that 4,000 rules of hers look at"},
    // One send is as long as it has receivers: see docs/threat-model.md, "What is left".
    {"crowd", "broadcasts that 250 peers of hers asked for and don't read", false},
};

class Test {
 public:
  Test(Tap& tap, unsigned calls, unsigned rounds, double bound)
      : tap_(tap), calls_(calls), rounds_(rounds), bound_(bound) {
    int in[2], out[2];
    if (pipe(in) || pipe(out)) tap.bail("pipe");
    start(spawn_as(BOB, callee));
    start(spawn_as(BOB, slow_service));
    start(spawn_as(BOB, [&] { caller(in[0], out[1]); }));
    to_caller_ = in[1];
    from_caller_ = out[0];
    round(calls);  // warms up
  }

  ~Test() {
    for (pid_t pid : pids_) end_process(pid);
    close(to_caller_);
    close(from_caller_);
  }

  void flood(const Kind& kind) {
    const uint32_t ready = shared->ready;
    const pid_t alice = spawn_as(ALICE, [&] { Flooder().run(kind.name); });
    if (!comes_true([&] { return shared->ready > ready; }, 120000))
      tap_.bail("%s: no flood", kind.name);

    std::vector<double> ratios, idles, floods, means;
    uint64_t operations = 0, least = UINT64_MAX;
    int64_t took = 0;
    const unsigned calls = kind.bounded ? calls_ : std::max(1U, calls_ / 10);
    double idle = round(calls);
    for (unsigned i = 0; i < rounds_; ++i) {
      const uint64_t before = shared->operations;
      shared->flood = true;
      comes_true([&] { return shared->operations > before + 20; }, 10000);  // a slow kind won't
      const uint64_t at_start = shared->operations;
      const int64_t start = now_ns();
      double flooded = round(calls);
      // Ten calls may fall between two operations of a slow kind: then it says nothing of them.
      for (int more = 100; more && shared->operations == at_start; --more) flooded = round(calls);
      took += now_ns() - start;
      means.push_back(static_cast<double>(shared->mean));
      const uint64_t done = shared->operations - at_start;
      operations += done;
      least = std::min(least, done);
      shared->flood = false;
      comes_true([] { return shared->resting.load(); });
      const double idle_after = round(calls);
      ratios.push_back(flooded / ((idle + idle_after) / 2));
      idles.push_back(idle_after);
      floods.push_back(flooded);
      idle = idle_after;
    }
    end_process(alice);
    shared->hurry = true;
    const bool heard = comes_true([] { return shared->heard == shared->said; }, 120000);
    shared->hurry = false;

    const double ratio = median(ratios);
    tap_.note("%s: %.0f us (mean %.0f), idle %.0f us: %.2f times; %llu operations in %lld ms",
              kind.name, median(floods) / 1000, median(means) / 1000, median(idles) / 1000, ratio,
              static_cast<unsigned long long>(operations), static_cast<long long>(took / 1000000));
    tap_.ok(
        shared->wrong == 0 && shared->disorder == 0 && heard && shared->disordered == 0 &&
            least > 0,
        "%s: %u calls unanswered, %u broadcasts lost, the slow one heard %u of %u, %u not in order",
        kind.what, shared->wrong.load(), shared->disorder.load(), shared->heard.load(),
        shared->said.load(), shared->disordered.load());
    if (bound_ > 0 && kind.bounded)
      tap_.ok(ratio <= bound_, "… and the median round trip is %.2f times the idle one", ratio);
    shared->wrong = shared->disorder = 0;
  }

 private:
  void start(pid_t pid) {
    const auto wanted = static_cast<uint32_t>(pids_.size() + 1);
    pids_.push_back(pid);
    if (!comes_true([&] { return shared->ready == wanted; }, 120000)) {
      kill(pid, SIGKILL);
      tap_.bail("peer %u of Bob's can't join: status %d", wanted, ended(pid));
    }
  }

  double round(unsigned calls) {
    char done;
    if (write(to_caller_, &calls, sizeof calls) != sizeof calls ||
        read(from_caller_, &done, 1) != 1)
      tap_.bail("the caller has died");
    return static_cast<double>(shared->median);
  }

  static double median(std::vector<double> of) {
    std::nth_element(of.begin(), of.begin() + static_cast<ptrdiff_t>(of.size() / 2), of.end());
    return of[of.size() / 2];
  }

  Tap& tap_;
  const unsigned calls_, rounds_;
  const double bound_;
  std::vector<pid_t> pids_;
  int to_caller_, from_caller_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  std::vector<std::string> chosen;
  double bound = 0;
  for (int i = 3; i < argc; ++i) {
    char* end;
    const double number = std::strtod(argv[i], &end);
    if (*end)
      chosen.emplace_back(argv[i]);
    else
      bound = number;
  }
  Tap tap;
  if (!family_id()) tap.bail("no family dbus");
  shared = shared_memory<Shared>();
  const Stats before = stats();
  {
    Bus bus;
    open_shared_bus(tap, bus);
    Test test(tap, static_cast<unsigned>(std::atoi(argv[1])),
              static_cast<unsigned>(std::atoi(argv[2])), bound);
    for (const Kind& kind : kinds)
      if (chosen.empty() || std::find(chosen.begin(), chosen.end(), kind.name) != chosen.end())
        test.flood(kind);
  }
  nothing_left(tap, before, 20000);
  return tap.finish();
}
