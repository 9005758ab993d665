// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * soak.cpp - everything at once, for long: afterwards memory is what it was
 *
 * soak SECONDS PERIODS [SEED]
 *
 * Processes of four users on one bus do at random whatever a peer can: calls and replies,
 * broadcasts, fds, large bodies, names, rules, the driver's methods, monitors, messages that nobody
 * reads; the controller replaces the policy; and all of them are stopped, continued and killed at
 * random moments, and others come. After each period everybody goes, the bus too, and then
 *
 *  - the module's gauges say that it has nothing;
 *  - the period's cgroup is charged for nothing more (memory.stat): so objects that the module
 *    allocated for these processes and forgot are seen, to the object;
 *  - slab caches hold what they held after the first period: that sees also what isn't charged,
 *    packets for one, and what isn't given back of a thing that a cgroup doesn't count.
 *
 * All periods do as much as each other, so a leak adds up and what fluctuates doesn't.
 */
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <iterator>
#include <random>

#include "files.h"
#include "kernel_memory.h"
#include "settle.h"
#include "shared_bus.h"

using namespace dg::test;

namespace {

constexpr unsigned WORKERS = 10;
constexpr uint32_t FIRST_USER = 40000, USERS = 4;

struct Shared {
  std::atomic<uint64_t> operations{0}, answered{0}, claimed{0}, monitored{0}, joined{0};
};
Shared* shared;

std::string name_of(uint32_t i) { return "soak.N" + std::to_string(i); }

// One peer; what it does is its number's and chance's.
class Worker {
 public:
  Worker(unsigned number, uint32_t seed) : random_(seed), number_(number) {
    // A tenth never takes fds, a fifth doesn't read for long.
    peer_.takes_fds = pick(10) != 0;
    reads_ = pick(5) != 0;
  }

  [[noreturn]] void run(bool monitor) {
    if (peer_.connect(SHARED_BUS).error || peer_.hello().empty()) _exit(3);
    ++shared->joined;
    if (monitor) watch();
    if (peer_.send(own_)) _exit(4);
    for (unsigned step = 0; step < 3000; ++step) {
      act();
      ++shared->operations;
      if (reads_ || step % 500 == 499) read();
    }
    _exit(0);
  }

 private:
  uint32_t pick(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  std::string any() { return name_of(pick(WORKERS)); }

  [[noreturn]] void watch() {
    Message become = call("org.freedesktop.DBus", "/org/freedesktop/DBus",
                          "org.freedesktop.DBus.Monitoring", "BecomeMonitor");
    // No rules, no flags: "asu".
    become.signature = "asu";
    become.body.assign(8, 0);
    if (peer_.send(become)) _exit(5);
    for (unsigned i = 0; i < 5000 && !peer_.disconnected; ++i)
      if (peer_.receive(100)) ++shared->monitored;
    _exit(0);
  }

  void send(Message m) {
    if (pick(2)) m.flags |= NO_REPLY;
    peer_.send(m, false);
  }

  void act() {
    const std::string number = std::to_string(pick(20));
    switch (pick(14)) {
      case 0:
        return send(driver_call("RequestName", Args().s("soak.Shared" + number).u(pick(8))));
      case 1:
        return send(driver_call("ReleaseName", Args().s("soak.Shared" + number)));
      case 2:
        return send(driver_call("AddMatch", Args().s(rule(number))));
      case 3:
        return send(driver_call("RemoveMatch", Args().s(rule(number))));
      case 4:
        return send(signal("/soak/x", "soak.I" + number, "S", Args().s(number)));
      case 5:
        return send(
            call(any(), "/soak", "soak.I", "Bulk", Args().s(std::string(pick(60000), 'b'))));
      case 6: {
        std::vector<int> fds;
        for (uint32_t n = 1 + pick(4); n; --n) fds.push_back(open("/dev/null", O_RDONLY));
        send(carrying(pick(2) ? call(any(), "/soak", "soak.I", "Fds")
                              : signal("/soak", "soak.I" + number, "Fds"),
                      fds));
        for (int fd : fds) close(fd);
        return;
      }
      case 7: {
        Message m = call(any(), "/soak", "soak.I", "Large");
        m.signature = "say";
        m.body_fd = memfd(say(number, 70000 + pick(200000)));
        send(m);
        close(m.body_fd);
        return;
      }
      case 8:
        return send(driver_call("GetConnectionCredentials", Args().s(any())));
      case 9:
        return send(driver_call("ListNames"));
      case 10:  // to nobody; not the same serial as another
        return send(call("soak.Nobody", "/soak", "soak.I", "M"));
      default:
        return send(call(any(), "/soak", "soak.I", "Call", Args().s(std::string(pick(3000), 'c'))));
    }
  }

  static std::string rule(const std::string& number) {
    return "type='signal',interface='soak.I" + number + "',path_namespace='/soak',arg0='" + number +
           "'";
  }

  void read() {
    for (unsigned most = 200; auto m = peer_.receive(0);) {
      if ((!m->fds.empty() || m->body_fd != -1) && pick(4)) {
        peer_.claim(*m).close();
        ++shared->claimed;
      }
      if (m->type == CALL && !(m->flags & NO_REPLY) && pick(8)) {
        Message reply = reply_to(*m, Args().s("r"));
        peer_.send(reply, false);
        ++shared->answered;
      }
      if (!--most) break;
    }
    peer_.send_errors.clear();
    if (peer_.disconnected) _exit(0);
  }

  std::mt19937 random_;
  const unsigned number_;
  bool reads_;
  Peer peer_;
  Message own_ = driver_call("RequestName", Args().s(name_of(number_)).u(1));
};

class Period {
 public:
  Period(Tap& tap, uint32_t seed, int64_t ms) : tap_(tap), random_(seed) {
    Bus bus;
    {
      open_shared_bus(tap, bus, policy(0).c_str());
      std::array<pid_t, WORKERS + 1> pids;
      for (unsigned i = 0; i < pids.size(); ++i) pids[i] = start(i);
      std::vector<Bytes> policies;
      for (int i = 0; i < 3; ++i) policies.push_back(blob_of(policy(i)));
      for (const int64_t end = now_ms() + ms; now_ms() < end;) {
        usleep(20000);
        const auto i = random_() % pids.size();
        switch (random_() % 8) {
          case 0:
            kill(pids[i], SIGKILL);
            break;
          case 1:
            kill(pids[i], SIGSTOP);
            break;
          case 2:
            ok_ &= !set_policy(bus, policies[random_() % 3], random_() % 2).error;
            break;
          default:
            kill(pids[i], SIGCONT);
        }
        for (unsigned k = 0; k < pids.size(); ++k) {
          int status = 0;
          if (waitpid(pids[k], &status, WNOHANG) != pids[k]) continue;
          WIFSIGNALED(status) ? ++killed : WEXITSTATUS(status) ? ++failed : ++left;
          pids[k] = start(k);
        }
      }
      most = stats();
      for (pid_t pid : pids) end_process(pid);
    }
    bus.close();
  }

  bool ok() const { return ok_; }
  unsigned killed = 0, failed = 0, left = 0;
  Stats most;  // at its end

  const Cgroup group{"soak"};

 private:
  pid_t start(unsigned i) {
    const auto seed = static_cast<uint32_t>(random_());
    // The last is a monitor.
    return spawn_in(i == WORKERS ? 0 : FIRST_USER + i % USERS,
                    [&] { Worker(i, seed).run(i == WORKERS); });
  }

  template <class F>
  pid_t spawn_in(uint32_t uid, F f) {
    const pid_t pid = fork();
    if (pid < 0) tap_.bail("fork");
    if (pid) return pid;
    group.enter();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (setgid(uid) || setuid(uid)) _exit(97);
    prctl(PR_SET_DUMPABLE, 1);
    f();
    _exit(0);
  }

  static std::string policy(int i) {
    return std::string(OPEN_POLICY) + "<policy user='" + std::to_string(FIRST_USER + 1) +
           "'><deny send_interface='soak.I" + std::to_string(i) + "'/></policy>";
  }

  Tap& tap_;
  std::mt19937 random_;
  bool ok_ = true;
};

int64_t sum(const std::map<std::string, int64_t>& of, const char* beginning = "") {
  int64_t all = 0;
  for (auto& [name, bytes] : of)
    if (name.rfind(beginning, 0) == 0) all += bytes;
  return all;
}

int64_t median_of(std::vector<int64_t> some) {
  std::sort(some.begin(), some.end());
  return some[some.size() / 2];
}

// From the first third of the periods to the last.
int64_t growth(const std::vector<int64_t>& of) {
  const auto third = static_cast<ptrdiff_t>((of.size() + 2) / 3);
  return median_of({of.end() - third, of.end()}) - median_of({of.begin(), of.begin() + third});
}

// What a cgroup is charged for that isn't a cache.
constexpr const char* CHARGES[] = {"slab_unreclaimable", "percpu",    "sock", "vmalloc", "anon",
                                   "kernel_stack",       "pagetables"};
int64_t charged(const Cgroup& group) {
  auto s = group.stat();
  int64_t all = 0;
  for (const char* charge : CHARGES) all += s[charge];
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const int seconds = std::atoi(argv[1]), periods = std::atoi(argv[2]);
  const auto seed = static_cast<uint32_t>(argc > 3 ? std::atoi(argv[3]) : time(nullptr));
  Tap tap;
  if (!family_id()) tap.bail("no family dbus");
  shared = shared_memory<Shared>();
  tap.note("seed %u", seed);
  flush_charges();
  const Stats before = stats();
  int64_t most_charged = 0;
  int dirty = 0;
  // A kernel that counts by and by may never say 0.
  const int64_t error = int64_t{std::size(CHARGES)} * charge_error();
  std::map<std::string, int64_t> first, last;
  std::vector<int64_t> slabs, packets;
  bool clean = true, replaced = true;
  unsigned failed = 0;
  uint64_t operations = 0;
  for (int n = 0; n < periods; ++n) {
    const uint64_t before_period = shared->operations;
    Period period(tap, seed + static_cast<uint32_t>(n), int64_t{1000} * seconds / periods);
    if (!period.group.works()) tap.bail("no cgroup with memory.stat");
    clean &= comes_true([&] { return same_gauges(before, stats()); }, 30000);
    replaced &= period.ok();
    failed += period.failed;
    // Freed behind RCU, and by workers.
    int64_t rest = 0;
    comes_true(
        [&] {
          write_file("/proc/sys/vm/drop_caches", "2");
          flush_charges();
          // Shrinks the caches: 7.3 collects what RCU frees, and uncharges it when it has some.
          slab_bytes();
          rest = charged(period.group);
          return rest == 0;
        },
        error ? 5000 : 30000);
    last = slab_bytes();
    if (!n) first = last;
    slabs.push_back(sum(last));
    packets.push_back(sum(last, "skbuff"));
    most_charged = std::max(most_charged, rest);
    dirty += rest != 0;
    operations = shared->operations - before_period;
    tap.note(
        "period %d: %llu operations, %u killed, %u left, %llu peers, %llu bytes and %llu fds "
        "waited at its end; left behind: charged %lld, packets %lld, slabs %lld (%+lld), vmalloc "
        "%lld, "
        "percpu %lld; %s",
        n, static_cast<unsigned long long>(operations), period.killed, period.left,
        static_cast<unsigned long long>(period.most[DBUS_GENL_STATS_A_PEERS]),
        static_cast<unsigned long long>(period.most[DBUS_GENL_STATS_A_QUEUED_BYTES]),
        static_cast<unsigned long long>(period.most[DBUS_GENL_STATS_A_UNCLAIMED_FDS]),
        static_cast<long long>(rest), static_cast<long long>(packets.back()),
        static_cast<long long>(slabs.back()), static_cast<long long>(slabs.back() - slabs.front()),
        static_cast<long long>(meminfo("VmallocUsed")), static_cast<long long>(meminfo("Percpu")),
        clean ? "gauges as before" : gauges_text(stats()).c_str());
  }
  for (auto& [name, bytes] : last)
    if (bytes != first[name])
      tap.note("%s: %+lld bytes since the first period", name.c_str(),
               static_cast<long long>(bytes - first[name]));
  tap.ok(operations > 100 && shared->answered && shared->claimed && shared->monitored,
         "all was done: %llu operations in %d periods, %llu replies, %llu claims, %llu seen by "
         "monitors, %llu peers",
         static_cast<unsigned long long>(shared->operations), periods,
         static_cast<unsigned long long>(shared->answered),
         static_cast<unsigned long long>(shared->claimed),
         static_cast<unsigned long long>(shared->monitored),
         static_cast<unsigned long long>(shared->joined));
  tap.ok(replaced && failed == 0, "every policy was taken, and every peer could join (%u not)",
         failed);
  tap.ok(clean, "after each period the module has what it had before");
  // To the byte: one object in a period is seen. What is late once is no leak.
  tap.ok(most_charged <= 4096 + error && (error || dirty * 10 <= periods),
         "nothing that was charged to the periods' processes is left: %lld bytes at most, in %d of "
         "%d periods any",
         static_cast<long long>(most_charged), dirty, periods);
  // Packets, whose heads have a cache of their own, aren't charged.
  tap.ok(growth(packets) <= 1024, "nor are packets: %+lld bytes of their heads since the start",
         static_cast<long long>(growth(packets)));
  // What else runs in the guest makes these go up and down by some 40 KiB.
  tap.ok(growth(slabs) <= 64 << 10, "and slab caches don't grow: %+lld bytes",
         static_cast<long long>(growth(slabs)));
  nothing_left(tap, before);
  return tap.finish();
}
