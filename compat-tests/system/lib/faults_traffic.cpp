// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * faults_traffic.cpp - traffic of several processes while their allocations fail in the kernel at
 * random, 1 % of them and 10 %
 *
 * faults_traffic [SECONDS]: each process joins, takes names, adds rules, calls the others,
 * broadcasts, passes fds and bodies in memfds, and starts anew, all of it in spite of refusals.
 * What arrives is what was sent, in its sender's order. When the failures stop, each process goes
 * on with the connection that it has; and nothing is left of them in the end.
 */
#include <malloc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <new>
#include <random>

#include "faults.h"
#include "files.h"

using namespace dg::test;

namespace {

constexpr char BUS[] = "traffic";
constexpr unsigned PROCESSES = 4, PATIENCE_S = 120;

struct Shared {
  std::atomic<bool> stop;
  std::atomic<uint64_t> ids[PROCESSES];
  std::atomic<uint32_t> done, refused, arrived, claimed, wrong, disorder, memory;
};

// The text that belongs to a number.
std::string text_of(uint32_t number) {
  return std::string(number % 700, static_cast<char>('a' + number % 26));
}

class Client {
 public:
  Client(Shared& shared, unsigned index) : shared_(shared), index_(index), random_(index + 1) {}

  void turn() {
    if (!joined_) return join();
    listen();
    switch (pick(12)) {
      case 0:
        return driver("RequestName", Args().s(name()).u(pick(8)));
      case 1:
        return driver("ReleaseName", Args().s(name()));
      case 2:
        return driver("AddMatch", Args().s(rule()));
      case 3:
        return driver("RemoveMatch", Args().s(rule()));
      case 4:
        return driver("ListNames", Args());
      case 5:
      case 6:
        return send(signal("/o", pick(2) ? "t.A" : "t.B", "Tell"));
      case 7:
        return with_fds();
      case 8:
        return with_large_body();
      case 9:
        if (pick(20) == 0) joined_ = false;
        return;
      default: {
        Message m = call(unique_name(shared_.ids[pick(PROCESSES)]), "/o", "t.C", "Tell");
        m.flags = pick(2) ? NO_REPLY : 0;
        return send(std::move(m));
      }
    }
  }

  // Without failures again: what there is works.
  bool works() {
    peer_.send_errors.clear();
    if (!joined_) join();
    if (!joined_) return false;
    for (int i = 0; i < 3; ++i)
      if (auto reply = peer_.call(driver_call("GetNameOwner", Args().s(peer_.name())), 30000))
        return reply->type == RETURN && reply->string_arg() == peer_.name();
    return false;
  }

 private:
  uint32_t pick(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  std::string name() { return "t.Name" + std::to_string(pick(3)); }
  std::string rule() {
    static const char* const rules[] = {"type='signal'", "interface='t.A'",
                                        "interface='t.B',path='/o'", "arg0namespace='t'"};
    return rules[pick(4)];
  }
  void count(bool ok) { ++(ok ? shared_.done : shared_.refused); }

  void join() {
    peer_ = Peer();
    peer_.takes_fds = true;
    joined_ = !peer_.connect(BUS).error && !peer_.hello().empty();
    count(joined_);
    shared_.ids[index_] = peer_.id;
  }
  void driver(const char* member, const Args& args) {
    auto reply = peer_.call(driver_call(member, args), 200);
    count(reply && reply->type == RETURN);
  }
  void send(Message m, bool keep_body = false) {
    ++number_;
    if (!keep_body) m.with(Args().u(number_).s(text_of(number_)));
    count(peer_.send(m, false) == 0);
  }
  void with_fds() {
    int fd = memfd_create("passed", MFD_CLOEXEC);
    if (fd < 0) return;
    Message m = pick(2) ? signal("/o", "t.A", "Fds")
                        : call(unique_name(shared_.ids[pick(PROCESSES)]), "/o", "t.C", "Fds");
    m.flags = NO_REPLY;
    send(carrying(m, {fd, fd}), true);
    close(fd);
  }
  void with_large_body() {
    const std::string bytes = say("large", 70000);
    int fd = memfd_create("body", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd >= 0 && write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()) &&
        fcntl(fd, F_ADD_SEALS, SEALS) == 0) {
      Message m = pick(2) ? signal("/o", "t.B", "Large")
                          : call(unique_name(shared_.ids[pick(PROCESSES)]), "/o", "t.C", "Large");
      send(with_body(m, "say", fd), true);
    }
    if (fd >= 0) close(fd);
  }

  void listen() {
    while (auto m = peer_.receive(0)) {
      ++shared_.arrived;
      if (!m->fds.empty() || m->body_fd != -1) {
        Claim claim = peer_.claim(*m);
        shared_.claimed += claim.answered && !claim.error;
        claim.close();
      }
      if (m->type == CALL && !(m->flags & NO_REPLY)) {
        Message reply = reply_to(*m);
        count(peer_.send(reply, false) == 0);
      }
      if (m->member == "Tell") check(*m);
    }
    shared_.refused += static_cast<uint32_t>(peer_.send_errors.size());
    peer_.send_errors.clear();
    if (peer_.disconnected) joined_ = false;
  }
  void check(const Message& m) {
    const uint32_t number = m.u32_arg();
    Message expected;
    expected.with(Args().u(number).s(text_of(number)));
    shared_.wrong += m.body != expected.body || m.signature != "us";
    // A sender's id is never another's, and it counts up as long as it is the same process.
    uint32_t& last = last_[m.sender];
    shared_.disorder += number <= last;
    last = number;
  }

  Shared& shared_;
  const unsigned index_;
  std::mt19937 random_;
  Peer peer_;
  bool joined_ = false;
  uint32_t number_ = 0;
  std::map<uint64_t, uint32_t> last_;
};

[[noreturn]] void process(Shared& shared, unsigned index) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // Its own memory is there already: what fails is to be the kernel's work for it.
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  free(malloc(8 << 20));
  mlockall(MCL_CURRENT);
  Client client(shared, index);
  if (!FaultInjection::mark_task(true)) _exit(3);
  while (!shared.stop) {
    try {
      client.turn();
    } catch (const std::bad_alloc&) {
      ++shared.memory;
    }
  }
  while (!FaultInjection::mark_task(false)) continue;
  _exit(client.works() ? 0 : 1);
}

void round(Tap& tap, int percent, unsigned seconds) {
  void* memory =
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) tap.bail("mmap");
  Shared& shared = *new (memory) Shared();
  Bus bus;
  if (bus.create(BUS).error) tap.bail("can't make the bus");
  FaultInjection::probability(percent);
  pid_t pids[PROCESSES];
  for (unsigned i = 0; i < PROCESSES; ++i)
    if ((pids[i] = fork()) == 0) process(shared, i);
  // For so long, and until there was enough to see.
  auto enough = [&] {
    return shared.done > 150 && shared.refused > 50 && shared.arrived > 50 && shared.claimed > 3;
  };
  for (unsigned i = 0; i < seconds || (i < PATIENCE_S && !enough()); ++i) sleep(1);
  FaultInjection::probability(0);
  shared.stop = true;
  unsigned well = 0;
  for (pid_t pid : pids) {
    int status = -1;
    waitpid(pid, &status, 0);
    well += status == 0;
    if (status != 0) tap.note("a process ended with %#x", static_cast<unsigned>(status));
  }
  tap.ok(enough(), "%d %%: %u requests accepted, %u refused, %u messages arrived, files of %u",
         percent, shared.done.load(), shared.refused.load(), shared.arrived.load(),
         shared.claimed.load());
  tap.ok(shared.wrong == 0 && shared.disorder == 0,
         "%d %%: all that arrived is what was sent (%u not), in its order (%u not)", percent,
         shared.wrong.load(), shared.disorder.load());
  tap.ok(well == PROCESSES, "%d %%: %u of %u connections work when the failures stop", percent,
         well, PROCESSES);
  Peer fresh;
  tap.ok(!fresh.join(BUS).empty(), "%d %%: a new one too", percent);
  munmap(memory, sizeof(Shared));
}

}  // namespace

int main(int argc, char** argv) {
  Tap tap;
  FaultInjection injection(tap);
  const auto seconds = static_cast<unsigned>(argc > 1 ? std::atoi(argv[1]) : 10);
  const Stats before = stats();
  for (int percent : {1, 10}) round(tap, percent, seconds);
  nothing_left(tap, before);
  return tap.finish();
}
